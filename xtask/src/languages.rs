//! `cargo xtask languages`: makes, builds and runs plugins in every language, as their authors would.
//!
//! The commands are those of docs/languages/ and docs/porting.md. Compilers and packages are installed into the folders
//! that the commands run in.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::arguments::Arguments;
use crate::bench::INSTALL;
use crate::build::{BENCH, CORPUS, GUARDHOUSE, Profile, Programs};
use crate::console::script;
use crate::corpus::{self, REQUIRE_SCOPES};
use crate::counts;
use crate::extremes;
use crate::process::bash;
use crate::root;

/// A page of docs/languages/, and the tests that use the tools which its commands install.
struct Page {
    name: &'static str,
    /// Its path in docs/.
    text: &'static str,
    /// The projects that the commands of the page create.
    projects: &'static [&'static str],
    /// The folder with the tools of a project, which other projects use too.
    tools: Option<&'static str>,
    /// The folder in guest-sdk/, and the command that runs the SDK's own tests there.
    sdk: Option<(&'static str, &'static str)>,
    /// The folder in tests/guests/ with a hostile check in this language, and the command that prepares it.
    guest: Option<(&'static str, &'static str)>,
}

/// The processor time of a check, in milliseconds, where the host and the plugin are compiled without optimization.
const PATIENT_MS: u32 = 10_000;

/// The languages whose development builds are not optimized: the longest of the recorded requests exceeds a limit of an
/// evaluation, and is denied.
const SLOW_IN_DEVELOPMENT: &[&str] = &["zig"];

const VENV: Option<&str> = Some("my-check/.venv");

const PAGES: &[Page] = &[
    Page {
        name: "c",
        text: "languages/c.md",
        projects: &["my-check"],
        tools: VENV,
        sdk: Some(("c", "make test")),
        guest: Some(("c", "true")),
    },
    Page {
        name: "go",
        text: "languages/go.md",
        projects: &["my-check"],
        tools: VENV,
        sdk: Some(("go", ".venv/bin/go test ./...")),
        guest: Some(("go", "true")),
    },
    Page {
        name: "javascript",
        text: "languages/javascript.md",
        projects: &["my-check", "my-typed-check"],
        tools: None,
        sdk: Some(("js", "npm ci --ignore-scripts && npm test")),
        guest: Some(("js", "npm ci --ignore-scripts")),
    },
    Page { name: "porting", text: "porting.md", projects: &[], tools: None, sdk: None, guest: None },
    Page {
        name: "python",
        text: "languages/python.md",
        projects: &["my-check"],
        tools: VENV,
        sdk: Some(("python", "python3 -m unittest discover -s tests -t .")),
        guest: Some(("python", "true")),
    },
    // The tests of its SDK are those of the workspace.
    Page { name: "rust", text: "languages/rust.md", projects: &["my-check"], tools: None, sdk: None, guest: None },
    Page {
        name: "zig",
        text: "languages/zig.md",
        projects: &["my-check"],
        tools: VENV,
        sdk: Some(("zig", ".venv/bin/python -m ziglang build test")),
        guest: Some(("zig", "true")),
    },
];

pub(crate) fn run(arguments: &Arguments<'_>) -> Result<()> {
    let names = &arguments.operands;
    let known = || PAGES.iter().map(|page| page.name).collect::<Vec<_>>().join(", ");
    for name in names {
        ensure!(PAGES.iter().any(|page| page.name == *name), "page `{name}` does not exist; there are {}", known());
    }
    counts::need_strace(arguments.has(INSTALL))?;
    let programs = Programs::build(&[GUARDHOUSE, CORPUS, BENCH], Profile::Dev)?;
    let mut plugins = Vec::new();
    for page in PAGES.iter().filter(|page| names.is_empty() || names.contains(&page.name)) {
        println!("\n== {}", page.name);
        page.run(&programs).with_context(|| format!("in `docs/{}`", page.text))?;
        plugins.extend(page.plugins()?);
    }
    if plugins.is_empty() {
        return Ok(());
    }
    println!("\n== counts");
    counts::hold(&programs, plugins)
}

/// The plugins that the last run built, each with the name of its language.
pub(crate) fn plugins() -> Result<Vec<(&'static str, PathBuf)>> {
    let plugins: Vec<_> = PAGES.iter().map(Page::plugins).collect::<Result<_>>()?;
    Ok(plugins.into_iter().flatten().filter(|(_, plugin)| plugin.is_file()).collect())
}

/// Builds the plugin of a language as the pages of another revision say, with the command of that revision, in `folder`.
pub(crate) fn build_of(language: &str, source: &Path, guardhouse: &Path, folder: &Path) -> Result<PathBuf> {
    let page = PAGES.iter().find(|page| page.plugins_in(folder).iter().any(|(name, _)| *name == language));
    let page = page.with_context(|| format!("no page makes a project in `{language}`"))?;
    let folder = folder.join(page.name);
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot empty `{}`", folder.display()))?;
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
    page.follow(source, guardhouse, &folder)?;
    let plugins = page.plugins_in(&folder);
    let plugin = plugins.into_iter().find(|(name, _)| *name == language).map(|(_, plugin)| plugin);
    plugin.filter(|plugin| plugin.is_file()).with_context(|| format!("the commands built no plugin in `{language}`"))
}

/// Copies plugins into a folder, each as a file with the name of its language.
pub(crate) fn copy(plugins: Vec<(&str, PathBuf)>, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
    for (language, plugin) in plugins {
        let to = folder.join(language).with_extension("wasm");
        fs::copy(&plugin, to).with_context(|| format!("cannot copy `{}`", plugin.display()))?;
    }
    Ok(())
}

impl Page {
    /// Follows the page, then tests the SDK and the hostile check of the language.
    fn run(&self, programs: &Programs) -> Result<()> {
        let folder = self.folder()?;
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("cannot empty `{}`", folder.display()))?;
        }
        fs::create_dir_all(&folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
        let guardhouse = programs.path(GUARDHOUSE)?;
        self.follow(root()?, guardhouse, &folder)?;
        for project in self.projects {
            self.compare_builds(programs, project)?;
        }
        if let Some((sdk, tests)) = self.sdk {
            let sdk = root()?.join("guest-sdk").join(sdk);
            self.lend_tools(&folder, &sdk)?;
            bash(guardhouse, &sdk, tests)?;
        }
        let Some((guest, prepare)) = self.guest else { return Ok(()) };
        let guest = root()?.join("tests/guests").join(guest);
        self.lend_tools(&folder, &guest)?;
        let extremes = folder.join("extremes.json");
        fs::write(&extremes, extremes::cases().to_string())?;
        let release = "./build/hostile.wasm";
        let (time, cases) = (format!("--cpu-time {PATIENT_MS}ms --deadline {PATIENT_MS}ms"), extremes.display());
        let script = format!(
            "{prepare}\nguardhouse test\nguardhouse test --no-build {time} --cases '{cases}'\n\
             guardhouse build --release\nguardhouse test {release} --cases cases.json\n\
             guardhouse test {release} {time} --cases '{cases}'\n"
        );
        bash(guardhouse, &guest, &script)
    }

    /// Lets both builds of a project decide the same requests: its cases, and recorded decisions. The commands of the page
    /// made them.
    fn compare_builds(&self, programs: &Programs, project: &str) -> Result<()> {
        let folder = self.folder()?.join(project);
        for path in [format!("build/development/{project}.wasm"), format!("build/{project}.wasm")] {
            bash(programs.path(GUARDHOUSE)?, &folder, &format!("guardhouse test ./{path}"))?;
            if path.contains("development") && SLOW_IN_DEVELOPMENT.contains(&self.name) {
                continue;
            }
            let plugin = folder.join(path).display().to_string();
            let cases = root()?.join("tests/cases/fastmcp.jsonl").display().to_string();
            println!("$ cargo xtask corpus {REQUIRE_SCOPES} {plugin} {cases}");
            corpus::decide(programs.path(CORPUS)?, Some(&plugin), &[cases])?;
        }
        Ok(())
    }

    /// Runs the commands of the page of a revision in a folder, with the command of that revision.
    fn follow(&self, source: &Path, guardhouse: &Path, folder: &Path) -> Result<()> {
        let page = source.join("docs").join(self.text);
        let text = fs::read_to_string(&page).with_context(|| format!("cannot read `{}`", page.display()))?;
        bash(guardhouse, folder, &script(&text)?)
    }

    fn folder(&self) -> Result<PathBuf> {
        Ok(root()?.join("target/languages").join(self.name))
    }

    /// The plugins that the commands of the page build, each with the name of its language.
    fn plugins(&self) -> Result<Vec<(&'static str, PathBuf)>> {
        Ok(self.plugins_in(&self.folder()?))
    }

    /// The plugins that the commands of the page build in a folder.
    fn plugins_in(&self, folder: &Path) -> Vec<(&'static str, PathBuf)> {
        // The second project of a page is in a dialect of the language.
        let language = |project: &str| if project == "my-check" { self.name } else { "typescript" };
        let plugin = |project: &str| folder.join(project).join("build").join(project).with_extension("wasm");
        self.projects.iter().map(|project| (language(project), plugin(project))).collect()
    }

    /// Gives `borrower` the tools that the commands of the page installed.
    fn lend_tools(&self, folder: &Path, borrower: &Path) -> Result<()> {
        let Some(tools) = self.tools else { return Ok(()) };
        let tools = folder.join(tools);
        let link = borrower.join(tools.file_name().unwrap_or_default());
        if link.symlink_metadata().is_ok_and(|link| link.is_symlink()) {
            fs::remove_file(&link)?;
        }
        ensure!(!link.exists(), "`{}` is in the way; remove it", link.display());
        std::os::unix::fs::symlink(&tools, &link).with_context(|| format!("cannot link `{}`", link.display()))
    }
}

#[cfg(test)]
mod tests {
    use guardhouse_authoring::Language;

    use super::*;

    #[test]
    fn every_language_has_a_page() {
        let docs = root().unwrap().join("docs");
        let texts: Vec<String> = PAGES.iter().map(|page| fs::read_to_string(docs.join(page.text)).unwrap()).collect();
        for language in Language::all() {
            let command = format!(" --lang {}\n", language.word());
            assert!(texts.iter().any(|text| text.contains(&command)), "no page makes a project in {language}");
        }
    }
}
