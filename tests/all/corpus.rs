//! Recorded decisions of the origin: rules S1 to S5, B1 to B3, B5 and U1 to U3 in 2,504 cases, and rule B4 in 238.

use guardhouse_tests::corpus;
use guardhouse_tests::makers::{Maker, Native, Wasm};

fn every_case_agrees(maker: &dyn Maker) {
    for (text, number) in [(include_str!("../cases/fastmcp.jsonl"), 2_504), (include_str!("../cases/roles.jsonl"), 238)]
    {
        let cases = corpus::read(text).unwrap();
        assert_eq!(cases.len(), number);
        let disagreements = corpus::run(&cases, maker).unwrap();
        assert_eq!(disagreements, []);
    }
}

#[test]
fn plugins_decide_all_recorded_cases_as_the_origin() {
    every_case_agrees(&Wasm::new().unwrap());
}

#[test]
fn native_checks_decide_all_recorded_cases_as_the_origin() {
    every_case_agrees(&Native);
}

#[test]
fn a_case_with_a_wrong_expectation_is_a_disagreement() {
    let line = include_str!("../cases/fastmcp.jsonl").lines().find(|line| line.contains("require_auth")).unwrap();
    for (right, wrong) in [("\"calls\": 1", "\"calls\": 2"), ("\"warnings\": 0", "\"warnings\": 1")] {
        assert!(line.contains(right));
        let cases = corpus::read(&line.replacen(right, wrong, 1)).unwrap();
        assert_eq!(corpus::run(&cases, &Native).unwrap().len(), 1);
    }
}

#[test]
fn a_case_of_roles_with_the_other_answer_is_a_disagreement() {
    for (answer, other) in [("\"allow\": true", "\"allow\": false"), ("\"allow\": false", "\"allow\": true")] {
        let line = include_str!("../cases/roles.jsonl").lines().find(|line| line.contains(answer)).unwrap();
        let cases = corpus::read(&line.replacen(answer, other, 1)).unwrap();
        assert_eq!(corpus::run(&cases, &Native).unwrap().len(), 1);
    }
}
