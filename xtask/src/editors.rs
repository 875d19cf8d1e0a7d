//! `cargo xtask prove editors`: a fresh project in each language is clean under the tools of its editors.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::build::{GUARDHOUSE, Profile, Programs};
use crate::process::bash;
use crate::root;

/// The tools of one language.
struct Editor {
    /// The word of the language.
    language: &'static str,
    /// The commands that install what the project and the tools need.
    install: &'static str,
    /// The commands that must find nothing.
    clean: &'static str,
    /// A mistake, which a tool must find: the commands that make it, and the one that must fail.
    mistake: Option<(&'static str, &'static str)>,
}

/// Pinned, so that a new version of a tool cannot change the result.
const PYTHON_TOOLS: &str =
    "python3 -m venv ../tools && ../tools/bin/pip install --quiet pytest==9.2.0 pyright==1.1.414 mypy==2.4.1";
const TYPESCRIPT: &str =
    "npm ci --silent --ignore-scripts && npm install --silent --no-save --prefix ../tools-js typescript@7.0.2";

const EDITORS: &[Editor] = &[
    Editor {
        language: "python",
        install: PYTHON_TOOLS,
        clean: "../tools/bin/pytest --quiet && ../tools/bin/pyright && ../tools/bin/mypy",
        mistake: Some(("echo 'check(1)' >> check.py", "../tools/bin/pyright || ../tools/bin/mypy")),
    },
    Editor {
        language: "js",
        install: TYPESCRIPT,
        clean: "../tools-js/node_modules/.bin/tsc --noEmit -p jsconfig.json && npm test --silent",
        mistake: Some((
            "echo 'fetch(\"https://a.example\");' >> check.js",
            "../tools-js/node_modules/.bin/tsc --noEmit -p jsconfig.json",
        )),
    },
    Editor {
        language: "ts",
        install: "npm ci --silent --ignore-scripts",
        clean: "npm run --silent types && npm test --silent",
        mistake: Some(("echo 'fetch(\"https://a.example\");' >> check.ts", "npm run --silent types")),
    },
    Editor {
        language: "go",
        install: "python3 -m venv .venv && .venv/bin/pip install --quiet --require-hashes -r requirements.txt",
        clean: ".venv/bin/go vet ./... && test -z \"$(.venv/bin/go fmt ./...)\"",
        mistake: Some((
            "printf 'package main\\nfunc f() { var unused int }\\n' > mistake.go",
            ".venv/bin/go vet ./...",
        )),
    },
    Editor {
        language: "rust",
        install: "rustup target add wasm32-unknown-unknown",
        clean: "cargo clippy --quiet -- -D warnings && cargo clippy --quiet --all-targets -- -D warnings \
                && cargo clippy --quiet --target wasm32-unknown-unknown -- -D warnings && cargo fmt --check",
        mistake: Some(("echo 'pub fn f() { return; }' >> src/lib.rs", "cargo clippy --quiet -- -D warnings")),
    },
    Editor {
        language: "c",
        install: "python3 -m venv .venv && .venv/bin/pip install --quiet --require-hashes -r requirements.txt",
        clean: "for file in check.c check_test.c; do .venv/bin/python -m ziglang cc -Werror -c $(cat compile_flags.txt) $file -o ../object.o; done",
        mistake: Some((
            "echo 'int unknown = missing;' >> check.c",
            ".venv/bin/python -m ziglang cc -c $(cat compile_flags.txt) check.c -o ../object.o",
        )),
    },
    Editor {
        language: "zig",
        install: "python3 -m venv .venv && .venv/bin/pip install --quiet --require-hashes -r requirements.txt",
        clean: ".venv/bin/python -m ziglang fmt --check check.zig build.zig build.zig.zon \
                && .venv/bin/python -m ziglang ast-check check.zig",
        mistake: Some(("echo 'const a = missing;' >> check.zig", ".venv/bin/python -m ziglang ast-check check.zig")),
    },
];

/// Proves it for the languages with these words, or for all.
pub(crate) fn prove(words: &[&str]) -> Result<()> {
    let known = || EDITORS.iter().map(|editor| editor.language).collect::<Vec<_>>().join(", ");
    for word in words {
        ensure!(
            EDITORS.iter().any(|editor| editor.language == *word),
            "unknown language `{word}`; there are {}",
            known()
        );
    }
    let programs = Programs::build(&[GUARDHOUSE], Profile::Dev)?;
    let folder = root()?.join("target/editors");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot empty `{}`", folder.display()))?;
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
    for editor in EDITORS.iter().filter(|editor| words.is_empty() || words.contains(&editor.language)) {
        println!("\n== {}", editor.language);
        editor.prove(programs.path(GUARDHOUSE)?, &folder).with_context(|| format!("in `{}`", editor.language))?;
    }
    Ok(())
}

impl Editor {
    fn prove(&self, guardhouse: &Path, folder: &Path) -> Result<()> {
        let name = format!("my-{}-check", self.language);
        bash(guardhouse, folder, &format!("guardhouse new {name} --lang {}", self.language))?;
        let project = folder.join(&name);
        bash(guardhouse, &project, self.install)?;
        bash(guardhouse, &project, &format!("set -x; {}", self.clean))?;
        if let Some((make, find)) = self.mistake {
            let script =
                format!("{make}\nif {find} > ../found.txt 2>&1; then echo 'no tool finds the mistake'; exit 1; fi");
            bash(guardhouse, &project, &script)?;
        }
        Ok(())
    }
}
