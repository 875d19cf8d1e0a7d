//! The documents: their examples are valid, their links lead somewhere, their lists are complete.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use guardhouse::{AuthContext, Cause};

use crate::imports::SourceTree;

/// Folders whose documents are not ours.
const FOREIGN: [&str; 5] = ["build", "dist", "node_modules", "target", "third_party"];

/// The first block of Python code that has a check.
fn first_check(document: &str) -> &str {
    let blocks = document.split("```python\n").skip(1);
    let code = blocks.filter_map(|block| block.split_once("```")).map(|(code, _)| code);
    code.into_iter().find(|code| code.contains("def check(")).unwrap()
}

#[test]
fn the_readme_shows_the_check_that_the_sdk_explains() {
    let readme = include_str!("../../README.md");
    let sdk = include_str!("../../guest-sdk/python/README.md");
    assert_eq!(first_check(readme), first_check(sdk));
}

#[test]
fn every_cause_is_explained_to_plugin_authors() {
    let page = include_str!("../../docs/plugins.md");
    for cause in Cause::ALL {
        assert!(page.contains(&format!("`{cause}`")), "{cause}");
    }
}

#[test]
fn every_request_of_the_page_about_requests_is_valid() {
    let page = include_str!("../../docs/request.md");
    let requests: Vec<_> = page.split("```json\n").skip(1).filter_map(|block| block.split_once("```")).collect();
    assert!(requests.len() > 1);
    for (request, _) in requests {
        AuthContext::from_slice(request.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{request}"));
    }
}

#[test]
fn the_readme_of_the_crate_shows_the_profiles_of_the_workspace() {
    let readme = include_str!("../../host/README.md");
    let (_, profiles) = include_str!("../../Cargo.toml").split_once("\n[profile.dev.package]\n").unwrap();
    let (profiles, _) = profiles.split_once("\n\n").unwrap();
    assert!(profiles.contains("cranelift-codegen = { opt-level"), "{profiles}");
    assert!(readme.contains(&format!("```toml\n[profile.dev.package]\n{profiles}\n```\n")), "{profiles}");
}

#[test]
fn the_list_for_ports_has_every_file_of_the_host_that_uses_the_system() {
    let (_, list) = include_str!("../../ARCHITECTURE.md").split_once("\n## Porting\n").unwrap();
    let (list, _) = list.split_once("\n## ").unwrap();
    let listed: BTreeSet<&str> =
        list.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`')).map(|(file, _)| file).collect();
    let marks = ["rustix::", "std::os::", "/proc/", "pagemap", "target_arch"];
    let host = SourceTree::read(&root().join("host/src"));
    let uses_system = |file: &&str| {
        let text = fs::read_to_string(root().join("host/src").join(file)).unwrap();
        marks.iter().any(|mark| text.contains(mark))
    };
    let found: BTreeSet<&str> = host.files().filter(|file| *file != "lib.rs").filter(uses_system).collect();
    assert_eq!(listed, found);
}

#[test]
fn every_relative_link_of_a_document_leads_to_a_file() {
    let documents = documents();
    assert!(documents.len() > 20);
    for document in documents {
        let folder = document.parent().unwrap();
        for target in links(&fs::read_to_string(&document).unwrap()) {
            assert!(folder.join(&target).exists(), "{}: `{target}` does not exist", document.display());
        }
    }
}

#[test]
fn the_index_and_the_summary_list_every_page() {
    let docs = root().join("docs");
    let listed = |name: &str| links(&fs::read_to_string(docs.join(name)).unwrap());
    let (index, summary) = (listed("README.md"), listed("SUMMARY.md"));
    for page in documents().iter().filter_map(|document| document.strip_prefix(&docs).ok()) {
        let page = page.to_str().unwrap().to_owned();
        assert!(page == "SUMMARY.md" || summary.contains(&page), "docs/SUMMARY.md does not list `{page}`");
        assert!(["README.md", "SUMMARY.md"].contains(&&*page) || index.contains(&page), "docs/README.md: `{page}`");
    }
}

/// Every Markdown file of the repository.
fn documents() -> Vec<PathBuf> {
    files(&["md"])
}

/// The files of the repository whose names end in one of `extensions`, without those of third parties and of builds.
pub(crate) fn files(extensions: &[&str]) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![root().to_owned()];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() && !name.starts_with('.') && !FOREIGN.contains(&name) {
                folders.push(path);
            } else if path.extension().is_some_and(|found| extensions.iter().any(|extension| found == *extension)) {
                files.push(path);
            }
        }
    }
    files
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The files that a document links to: neither web pages nor places in the document itself.
fn links(document: &str) -> Vec<String> {
    let prose = document.split("```").step_by(2);
    let targets = prose.flat_map(|text| text.split("](").skip(1)).filter_map(|rest| rest.split_once(')'));
    let files = targets.map(|(target, _)| target.split('#').next().unwrap().to_owned());
    files.filter(|file| !file.is_empty() && !file.contains("://")).collect()
}
