//! SECURITY.md names tests that prove its promises, and limits that exist.

use std::fs;
use std::path::Path;

/// The texts in backticks of `SECURITY.md`.
fn quoted() -> Vec<String> {
    read("SECURITY.md").split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Returns `true` for the name of a test with its module. The paths of Rust items begin with a capital letter.
fn is_test(text: &str) -> bool {
    let is_word = |word: &str| word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    text.split_once("::").is_some_and(|(module, name)| is_word(module) && is_word(name))
}

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)).unwrap()
}

#[test]
fn every_test_that_security_md_names_exists() {
    let tests: Vec<String> = quoted().into_iter().filter(|text| is_test(text)).collect();
    assert!(tests.len() > 40, "{tests:?}");
    let missing: Vec<&String> = tests.iter().filter(|test| !exists(test)).collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

/// Returns `true` if a file of this folder, or of the tests of tokens, has the test.
fn exists(test: &str) -> bool {
    let (module, name) = test.split_once("::").unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let forms = [format!("#[test]\nfn {name}()"), format!("#[tokio::test]\nasync fn {name}()")];
    ["all", "../server/src/token/tests"].iter().any(|tests| {
        let text = fs::read_to_string(folder.join(tests).join(module).with_extension("rs"));
        text.is_ok_and(|text| forms.iter().any(|form| text.contains(form)))
    })
}

#[test]
fn every_attack_of_the_threat_model_has_a_test() {
    let document = read("SECURITY.md");
    let (_, table) = document.split_once("## Threat model\n").unwrap();
    let rows = table.lines().skip_while(|line| !line.starts_with("|---")).skip(1).take_while(|line| !line.is_empty());
    let tests: Vec<(&str, bool)> = rows.map(|row| (row, row.split('`').any(is_test))).collect();
    assert!(tests.len() > 10, "{tests:?}");
    assert!(tests.iter().all(|(_, has_test)| *has_test), "{tests:#?}");
}

#[test]
fn every_limit_that_security_md_names_exists() {
    let limits = read("host/src/limits.rs");
    let (check, host) = limits.split_once("pub struct HostLimits").unwrap();
    for text in quoted() {
        let (fields, name) = match text.split_once("::") {
            Some(("Limits", name)) => (check, name),
            Some(("HostLimits", name)) => (host, name),
            _ => continue,
        };
        assert!(fields.contains(&format!("    pub {name}: ")), "`{text}` does not exist");
    }
}
