//! The inputs that fuzzing kept (`fuzz/corpus`), put to the rules that hold for any bytes.

use std::path::Path;

use guardhouse_tests::fuzz;

fn replay(target: &str, rule: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!files.is_empty());
    for file in files {
        println!("{}", file.display());
        rule(&std::fs::read(file).unwrap());
    }
}

#[test]
fn requests() {
    replay("context", fuzz::context);
}

#[test]
fn plugins() {
    replay("plugin", fuzz::plugin);
}

#[test]
fn answers() {
    replay("result", fuzz::result);
}

#[test]
fn settings() {
    replay("settings", fuzz::settings);
}
