//! `cargo xtask languages`: makes, builds and runs plugins in every language, as their authors would.
//!
//! The commands are those of docs/languages/. What they need is installed into the folders that they run in.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::console::script;
use crate::process::{cargo, forget_cargo, run as run_command};
use crate::root;

/// A page of docs/languages/, and what else is tested with the tools that its commands install.
struct Page {
    name: &'static str,
    /// The project that the commands of the page make.
    project: &'static str,
    /// Where the tools of a project are, for other projects to use.
    tools: Option<&'static str>,
    /// The SDK's own tests, run in its folder.
    sdk: &'static str,
    sdk_tests: &'static str,
    /// The folder in tests/guests/ that holds a hostile check in this language.
    guest: Option<&'static str>,
}

const PAGES: &[Page] = &[
    Page {
        name: "go",
        project: "my-check",
        tools: Some(".venv"),
        sdk: "go",
        sdk_tests: ".venv/bin/go test ./...",
        guest: Some("go"),
    },
    Page {
        name: "javascript",
        project: "my-check",
        tools: None,
        sdk: "js",
        sdk_tests: "npm ci --ignore-scripts && npm test",
        guest: None,
    },
    Page { name: "rust", project: "my-check", tools: None, sdk: "rust", sdk_tests: "true", guest: None },
];

pub(crate) fn run(names: &[&str]) -> Result<()> {
    let known = || PAGES.iter().map(|page| page.name).collect::<Vec<_>>().join(", ");
    for name in names {
        ensure!(PAGES.iter().any(|page| page.name == *name), "no page `{name}`; there are {}", known());
    }
    cargo(["build", "--locked", "--package", "guardhouse-cli"])?;
    let pages = PAGES.iter().filter(|page| names.is_empty() || names.contains(&page.name));
    for page in pages {
        println!("\n== {}", page.name);
        page.run().with_context(|| format!("in `docs/languages/{}.md`", page.name))?;
    }
    Ok(())
}

impl Page {
    fn run(&self) -> Result<()> {
        let folder = root()?.join("target/languages").join(self.name);
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("cannot empty `{}`", folder.display()))?;
        }
        fs::create_dir_all(&folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
        let page = root()?.join("docs/languages").join(self.name).with_extension("md");
        let text = fs::read_to_string(&page).with_context(|| format!("cannot read `{}`", page.display()))?;
        bash(&folder, &script(&text)?)?;

        let sdk = root()?.join("guest-sdk").join(self.sdk);
        self.lend_tools(&folder, &sdk)?;
        bash(&sdk, self.sdk_tests)?;
        if let Some(guest) = self.guest {
            let guest = root()?.join("tests/guests").join(guest);
            self.lend_tools(&folder, &guest)?;
            bash(&guest, "guardhouse build && guardhouse test")?;
        }
        Ok(())
    }

    /// Gives `borrower` the tools that the commands of the page installed.
    fn lend_tools(&self, folder: &Path, borrower: &Path) -> Result<()> {
        let Some(tools) = self.tools else { return Ok(()) };
        let link = borrower.join(tools);
        if link.symlink_metadata().is_ok_and(|link| link.is_symlink()) {
            fs::remove_file(&link)?;
        }
        ensure!(!link.exists(), "`{}` is in the way; remove it", link.display());
        let tools = folder.join(self.project).join(tools);
        std::os::unix::fs::symlink(&tools, &link).with_context(|| format!("cannot link `{}`", link.display()))
    }
}

/// Runs a script with `guardhouse` on the path.
fn bash(folder: &Path, script: &str) -> Result<()> {
    let mut path = root()?.join("target/debug").into_os_string();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let mut command = Command::new("bash");
    command.args(["-euc", script]).current_dir(folder).env("PATH", path);
    forget_cargo(&mut command);
    run_command(&mut command).with_context(|| format!("in `{}`", folder.display()))
}
