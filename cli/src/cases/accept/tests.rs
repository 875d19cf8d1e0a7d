use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;

fn answer(outcome: &'static str) -> Answer {
    Answer { outcome, message: None, missing_scopes: Vec::new(), cause: None, logs: Vec::new() }
}

const CONTEXT: &str = r#""context":{"component":{"kind":"tool","name":"t"}}"#;

/// The text of a case after an answer was accepted, and its printed changes.
fn after(case: &str, answer: &Answer) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cases.json");
    let file = |case: &str| format!("\u{feff}{{ \"cases\":[ {} ]\r\n}}\n\n", case.replace("CONTEXT", CONTEXT));
    fs::write(&path, file(case)).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let accepted = accept(&CaseFile::read(&path).unwrap(), &[(0, answer)]).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "a temporary file is left");
    let (start, end) = file("X").split_once('X').map(|(start, end)| (start.to_owned(), end.to_owned())).unwrap();
    let case = text.strip_prefix(&start).and_then(|text| text.strip_suffix(&end)).unwrap();
    let printed: Vec<String> = accepted.iter().map(ToString::to_string).collect();
    (case.replace(CONTEXT, "CONTEXT"), printed.join("\n"))
}

#[test]
fn only_the_expectations_of_a_failing_case_are_changed() {
    let with_message = Answer { message: Some("no\u{202e}".to_owned()), ..answer("denied-with-message") };
    let failed = Answer { cause: Some("trap"), ..answer("failed") };
    let scopes = Answer { missing_scopes: vec!["a".to_owned(), "b".to_owned()], ..answer("denied") };
    for (case, answer, expected, printed) in [
        (
            r#"{"name":"a", CONTEXT,"outcome":"denied"}"#,
            &answer("allow"),
            r#"{"name":"a", CONTEXT,"outcome":"allow"}"#,
            "a (was a denial, and is allowed now)\n     outcome: before \"denied\", now \"allow\"",
        ),
        (
            "{\"name\":\"a\",\n\t\"outcome\" : \"allow\" ,\n\tCONTEXT}",
            &with_message,
            "{\"name\":\"a\",\n\t\"outcome\" : \"denied-with-message\",\n\t\"message\": \"no\\u202e\" ,\n\tCONTEXT}",
            "a\n     outcome: before \"allow\", now \"denied-with-message\"\n     message: before none, now \"no\\u202e\"",
        ),
        (
            r#"{"outcome":"denied-with-message","message":{"matches": "x"},CONTEXT,"name":"a"}"#,
            &failed,
            r#"{"outcome":"failed", "cause": "trap",CONTEXT,"name":"a"}"#,
            "a\n     outcome: before \"denied-with-message\", now \"failed\"\n     message: before {\"matches\": \"x\"}, now \
             none\n     cause: before none, now \"trap\"",
        ),
        (
            r#"{"message":"m","name":"a","outcome":"denied-with-message",CONTEXT,"missing_scopes":[ ]}"#,
            &scopes,
            r#"{"name":"a","outcome":"denied",CONTEXT,"missing_scopes":["a", "b"]}"#,
            "a\n     outcome: before \"denied-with-message\", now \"denied\"\n     message: before \"m\", now none\n     \
             missing scopes: before [ ], now [\"a\", \"b\"]",
        ),
        (
            r#"{"name":"a",CONTEXT,"outcome":"failed", "cause":"deadline", "logs": []}"#,
            &answer("allow"),
            r#"{"name":"a",CONTEXT,"outcome":"allow", "logs": []}"#,
            "a (was a denial, and is allowed now)\n     outcome: before \"failed\", now \"allow\"\n     cause: before \
             \"deadline\", now none",
        ),
        // `deny` includes every denial, and stays.
        (
            r#"{"name":"a",CONTEXT,"outcome":"deny","message":"x"}"#,
            &with_message,
            r#"{"name":"a",CONTEXT,"outcome":"deny","message":"no\u202e"}"#,
            "a\n     message: before \"x\", now \"no\\u202e\"",
        ),
        (r#"{"name":"a",CONTEXT,"outcome":"deny"}"#, &failed, r#"{"name":"a",CONTEXT,"outcome":"deny"}"#, ""),
        (
            r#"{"name":"a",CONTEXT,"outcome":"allow","logs":["x"]}"#,
            &answer("allow"),
            r#"{"name":"a",CONTEXT,"outcome":"allow","logs":["x"]}"#,
            "",
        ),
    ] {
        assert_eq!(after(case, answer), (expected.to_owned(), printed.to_owned()), "{case}");
    }
}

#[test]
fn a_link_stays_and_a_file_that_was_changed_meanwhile_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let (path, link) = (folder.path().join("real.json"), folder.path().join("cases.json"));
    let text = format!("{{\"cases\":[{{\"name\":\"a\",{CONTEXT},\"outcome\":\"denied\"}}]}}");
    fs::write(&path, &text).unwrap();
    std::os::unix::fs::symlink("real.json", &link).unwrap();
    let file = CaseFile::read(&link).unwrap();
    fs::write(&path, format!("{text}\n")).unwrap();
    let error = format!("{:#}", accept(&file, &[(0, &answer("allow"))]).unwrap_err());
    assert!(error.ends_with("it was changed meanwhile"), "{error}");
    fs::write(&path, &text).unwrap();
    accept(&file, &[(0, &answer("allow"))]).unwrap();
    assert!(link.is_symlink());
    assert_eq!(fs::read_to_string(&path).unwrap(), text.replace("denied", "allow"));
}
