//! The rules that hold for any bytes, applied to the inputs that fuzzing kept (`fuzz/corpus`).

use std::path::Path;

use guardhouse_tests::fuzz;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::properties::cases;

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
fn requests_of_the_fuzzing_corpus_are_read_or_rejected() {
    replay("context", fuzz::context);
}

#[test]
fn plugins_of_the_fuzzing_corpus_are_run_or_rejected() {
    replay("plugin", fuzz::plugin);
}

#[test]
fn answers_of_the_fuzzing_corpus_are_lifted_as_the_canonical_abi_specifies() {
    replay("result", fuzz::result);
}

#[test]
fn settings_of_the_fuzzing_corpus_are_accepted_or_rejected() {
    replay("settings", fuzz::settings);
}

#[test]
fn generated_expressions_give_the_same_answer_in_every_way() {
    let rule = |bytes: Vec<u8>| fuzz::generated(&fuzz::expression(&bytes));
    proptest!(cases(48), |(bytes in vec(any::<u8>(), 20..400))| rule(bytes));
}
