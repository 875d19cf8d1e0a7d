//! Python, run by CPython inside the plugin.

use std::path::Path;

use anyhow::Result;

use super::driver::run_driver;
use super::python_driver::{INSTALL_SDK, driver};
use super::python_runtime;
use super::registry::{Edit, Registry};
use super::spec::Spec;
use super::toml;
use crate::profile::Profile;

pub(super) const PYTHON: Spec = Spec {
    label: "Python",
    word: "python",
    aliases: &["py", "python3"],
    sdk: "python",
    marker: "pyproject.toml",
    dialect_of: None,
    manifest: "pyproject.toml",
    name,
    check_name: None,
    fingerprint: None,
    registry: Some(REGISTRY),
    update: None,
    develop: Some(python_runtime::develop),
    export: "write `def check(ctx)` in `check.py`",
    has_llvm_stack: false,
    build,
};

/// The version is exact, because pip does not lock it anywhere else. It has a file of its own: `requirements.txt` has
/// digests, and the digest of an SDK is not known to the program that is released with it.
const REGISTRY: Registry = Registry {
    edits: &[
        Edit {
            file: "pyproject.toml",
            old: "\n# The SDK is used from this path and need not be installed.\n[tool.guardhouse]\n\
                  sdk = \"../../../guest-sdk/python\"\n",
            new: "",
        },
        Edit {
            file: "pyproject.toml",
            old: r#"extraPaths = ["../../../guest-sdk/python"]"#,
            new: "venvPath = \".\"\nvenv = \".venv\"",
        },
        Edit {
            file: "pyproject.toml",
            old: r#"mypy_path = ["../../../guest-sdk/python"]"#,
            new: r#"python_executable = ".venv/bin/python""#,
        },
        Edit {
            file: "pyproject.toml",
            old: r#"exclude = ["third_party", ".*", "venv", "build"]"#,
            new: r#"exclude = [".*", "venv", "build"]"#,
        },
        Edit {
            file: "pyproject.toml",
            old: r#"exclude = ["^third_party/", "^\\.", "^venv/", "^build/"]"#,
            new: r#"exclude = ["^\\.", "^venv/", "^build/"]"#,
        },
        Edit { file: "pyproject.toml", old: "addopts = [\"--ignore=third_party\"]\n", new: "" },
        Edit {
            file: "pyproject.toml",
            old: r#"pythonpath = [".", "../../../guest-sdk/python"]"#,
            new: r#"pythonpath = ["."]"#,
        },
        Edit {
            file: "README.md",
            old: "| `pyproject.toml` | the path of the SDK, for pyright, mypy and pytest |\n",
            new: "| `requirements-sdk.txt` | the pinned SDK |\n| `pyproject.toml` | the settings of pyright, mypy and pytest |\n",
        },
        Edit {
            file: "README.md",
            old: ".venv/bin/pip install --require-hashes -r requirements.txt\n",
            new: ".venv/bin/pip install --require-hashes -r requirements.txt\n\
                  .venv/bin/pip install -r requirements-sdk.txt\n",
        },
        Edit {
            file: "README.md",
            old: "PYTHONPATH=../../../guest-sdk/python python3 -m unittest",
            new: ".venv/bin/python -m unittest",
        },
        Edit {
            file: "test_check.py",
            old: "PYTHONPATH=../../../guest-sdk/python python3 -m unittest",
            new: ".venv/bin/python -m unittest",
        },
    ],
    added: &[("requirements-sdk.txt", "guardhouse-sdk=={version}\n")],
    manifest: "requirements-sdk.txt",
    update: Some(INSTALL_SDK),
};

/// Reads the name of the project, as pip normalizes it: in lower case, with a hyphen for each run of separators.
fn name(manifest: &str) -> Result<String> {
    let name = toml::string(manifest, "project", "name")?.to_lowercase();
    let words = name.split(['-', '_', '.']).filter(|word| !word.is_empty());
    Ok(words.collect::<Vec<_>>().join("-"))
}

fn build(folder: &Path, _profile: Profile) -> Result<Vec<u8>> {
    run_driver(driver(folder)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_the_one_that_pip_uses() {
        for manifest in [
            "[project]\nname = 'my-check'\n",
            "[project]\nname = \"My_Check\" # ours\n",
            "[tool.x]\nname = \"other\"\n[project]\nname=\"my.-check\"\n",
        ] {
            assert_eq!(name(manifest).unwrap(), "my-check", "{manifest}");
        }
        assert!(name("[tool.poetry]\nname = \"my-check\"\n").is_err());
    }
}
