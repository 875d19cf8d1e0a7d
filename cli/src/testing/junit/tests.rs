use quick_xml::Reader;
use quick_xml::events::Event;

use super::*;
use crate::cases::{Answer, Difference};
use crate::testing::report::{Component, Counts};

fn case(name: &str, text: &str, passed: bool) -> TestedCase {
    let difference = Difference { member: "message", expected: "none".to_owned(), found: Some(text.to_owned()) };
    TestedCase {
        name: name.to_owned(),
        line: 7,
        passed,
        elapsed_us: 1_234_567,
        answer: Answer { outcome: "denied", message: None, missing_scopes: vec![], cause: None, logs: vec![] },
        differences: if passed { vec![] } else { vec![difference] },
        explanation: None,
        explanation_text: text.to_owned(),
        index: 0,
    }
}

fn report(cases: Vec<TestedCase>, error: Option<&str>) -> Report {
    let component = Component {
        path: "build/a.wasm".to_owned(),
        build: Some("development"),
        compiler: "baseline",
        digest: guardhouse::Digest::of(""),
    };
    let counts = Counts::of(&cases, 1);
    Report::new(vec![Tested {
        name: "a<&\">".to_owned(),
        file: "cases.json".to_owned(),
        component: error.is_none().then_some(component),
        counts,
        error: error.map(str::to_owned),
        cases,
        accepted: vec![],
    }])
}

/// Whether XML 1.0 has the character.
fn is_char(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// Reads a document, and returns the names of its elements with the attribute `name` or `message`.
fn elements(document: &str) -> Vec<(String, String)> {
    assert!(document.chars().all(is_char), "{document:?}");
    let mut reader = Reader::from_str(document);
    reader.config_mut().check_end_names = true;
    let mut found = Vec::new();
    loop {
        match reader.read_event().unwrap() {
            Event::Eof => return found,
            Event::Start(element) | Event::Empty(element) => {
                let name = element.name().as_ref().to_owned();
                let mut text = String::new();
                for attribute in element.attributes() {
                    let attribute = attribute.unwrap();
                    let value = attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0).unwrap().into_owned();
                    if matches!(attribute.key.as_ref(), "name" | "message") {
                        text = value;
                    }
                }
                found.push((name, text));
            }
            _ => {}
        }
    }
}

#[test]
fn every_text_of_a_plugin_is_valid_xml() {
    let every: String = ('\0'..='\u{2100}')
        .chain(['\u{fdd0}', '\u{fffd}', '\u{fffe}', '\u{ffff}', '\u{1f600}', '\u{10ffff}'])
        .collect();
    for text in [&*every, "]]>", "<![CDATA[", "&amp;", "</testcase>", "--", "\r\n", "\u{1b}[31m", "<?xml?>", ""] {
        let found = String::from_utf8(xml(&report(vec![case(text, text, false)], None)).unwrap()).unwrap();
        let elements = elements(&found);
        let names: Vec<&str> = elements.iter().map(|(name, _)| &**name).collect();
        let properties = ["properties", "property", "property", "property", "property"];
        let expected = [&["testsuites", "testsuite"][..], &properties, &["testcase", "failure"]].concat();
        assert_eq!(names, expected, "{text:?}");
        assert_eq!(elements[1].1, "a<&\">");
        assert_eq!(elements[7].1, one_line(text));
        assert_eq!(elements[8].1, one_line(&format!("message: expected none, found {text}")));
    }
}

#[test]
fn the_report_has_the_numbers_and_the_place_of_each_case() {
    let cases = vec![case("one", "", true), case("two", "no", false)];
    let found = String::from_utf8(xml(&report(cases, None)).unwrap()).unwrap();
    for part in [
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n",
        "<testsuites name=\"guardhouse test\" tests=\"2\" failures=\"1\" errors=\"0\">",
        "tests=\"2\" failures=\"1\" errors=\"0\" time=\"2.469134\">",
        "<property name=\"build\" value=\"development\"/>",
        "name=\"one\" file=\"cases.json\" line=\"7\" time=\"1.234567\"/>",
        "<failure message=\"message: expected none, found no\" type=\"message\">message: expected none, found no\n\nno</failure>",
    ] {
        assert!(found.contains(part), "{part} is not in {found}");
    }
}

#[test]
fn a_target_that_was_not_tested_is_an_error() {
    let found = String::from_utf8(xml(&report(vec![], Some("nothing was built:\n  why"))).unwrap()).unwrap();
    assert!(found.contains("tests=\"1\" failures=\"0\" errors=\"1\""), "{found}");
    assert!(found.contains("<error message=\"nothing was built:\">nothing was built:\n  why</error>"), "{found}");
    elements(&found);
}

#[test]
fn only_a_report_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.xml");
    for (content, is_replaced) in [(None, true), (Some("<?xml version"), true), (Some(""), true), (Some("{}"), false)] {
        let _ = fs::remove_file(&path);
        if let Some(content) = content {
            fs::write(&path, content).unwrap();
        }
        assert_eq!(Junit::prepare(&path).is_ok(), is_replaced, "{content:?}");
        assert_eq!(path.exists(), !is_replaced, "{content:?}");
    }
    fs::remove_file(&path).unwrap();
    Junit::prepare(&path).unwrap().write(&report(vec![], None)).unwrap();
    assert!(fs::read(&path).unwrap().starts_with(START));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}
