//! Tests of the schemas: they agree with the readers.

use std::collections::BTreeMap;

use jsonschema::Validator;

use super::*;
use crate::policy::cases::Case;
use crate::policy::folder::Folder;
use crate::policy::{Policy, first};

fn validator(schema: &Value) -> Validator {
    jsonschema::draft202012::meta::validate(schema).unwrap();
    jsonschema::draft202012::new(schema).unwrap()
}

fn folder(policy: &str, cases: Option<&str>) -> Folder {
    let data = Some(r#"{"scopes": []}"#);
    let files = [(Folder::POLICY, Some(policy)), (Folder::CASES, cases), ("data.json", data), ("x.wasm", Some("x"))];
    let files = files.into_iter().filter_map(|(path, text)| Some((path.to_owned(), text?.to_owned().into())));
    Folder::new(files.collect::<BTreeMap<_, _>>())
}

/// A document as JSON; dates and times are objects.
fn as_json(text: &str) -> Value {
    toml::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

const CHECK: &str = "[checks.a]\nplugin = \"builtin:require-auth\"\n";

fn with_check(lines: &str) -> String {
    format!("version = 1\n{CHECK}{lines}\n[[rules]]\nwhen = {{}}\ncheck = \"a\"\n")
}

fn with_rule(lines: &str) -> String {
    format!("version = 1\n{CHECK}[[rules]]\n{lines}\n")
}

#[test]
fn the_schema_accepts_what_the_reader_accepts() {
    let validator = validator(&policy());
    let [(_, first), _] = first::FILES;
    let all_limits: Vec<String> = limit_kinds()
        .into_iter()
        .map(|(name, _, _, default)| format!("{name} = {}", if default.is_null() { json!("none") } else { default }))
        .collect();
    for policy in [
        first.to_owned(),
        "version = 1\n".to_owned(),
        with_check(&format!("limits = {{ {} }}", all_limits.join(", "))),
        with_check("settings = 7\ngrants = [\"raw-token\", \"raw-token\"]\nimage = \"never\""),
        with_check("settings-file = \"data.json\"\ndata = { x = \"data.json\" }"),
        with_check("[checks.b]\nplugin = \"x.wasm\""),
        with_check("breaker = { faults = 2, first-pause = \"1s\" }"),
        with_check("breaker = {}"),
        "version = 1\n[log]\ninclude = [\"action\", \"claims\"]\nmask = [\"/token/claims/email\"]\ndrop = []\n"
            .to_owned(),
        with_rule(
            "when = { kind = \"tool\", name = ['a\\*', \"**b*?\"], tag = \"é\" }\ncheck = { not = \"a\" }\nmode = \"monitor\"",
        ),
        with_rule("name = \"ä b\"\nwhen = {}\nunchecked = \"allow\""),
        with_rule("when = { uri = \"https://a.example/**\" }\ncheck = { all = [\"a\", { any = [\"a\"] }] }"),
    ] {
        let read = Policy::read(&folder(&policy, None));
        assert!(read.is_ok(), "{read:?}\n{policy}");
        let error = validator.validate(&as_json(&policy)).err().map(|error| error.to_string());
        assert_eq!(error, None, "{policy}");
    }
}

#[test]
fn the_schema_rejects_what_the_reader_rejects() {
    let validator = validator(&policy());
    let many = |item: &str, count: usize| vec![item; count].join(", ");
    for policy in [
        String::new(),
        "version = 2\n".to_owned(),
        "version = \"1\"\n".to_owned(),
        "version = 1\nmod = \"enforce\"\n".to_owned(),
        "version = 1\nmode = \"Enforce\"\n".to_owned(),
        "version = 1\nalways = []\n".to_owned(),
        "version = 1\nalways = \"a\"\n".to_owned(),
        "version = 1\nchecks = []\n".to_owned(),
        "version = 1\nrules = {}\n".to_owned(),
        "version = 1\n[checks.a]\n".to_owned(),
        "version = 1\n[checks.\"a b\"]\nplugin = \"builtin:require-auth\"\n".to_owned(),
        "version = 1\n[checks.a]\nplugin = \"builtin:nothing\"\n".to_owned(),
        "version = 1\n[checks.a]\nplugin = \"../x.wasm\"\n".to_owned(),
        "version = 1\n[checks.a]\nplugin = \"/x.wasm\"\n".to_owned(),
        "version = 1\n[checks.a]\nplugin = 7\n".to_owned(),
        with_check("digest = \"sha256:00\""),
        with_check("settings = {}\nsettings-file = \"data.json\""),
        with_check("settings-file = \"a/../../x.json\""),
        with_check("data = \"data.json\""),
        with_check("grants = [\"everything\"]"),
        with_check("limits = { memory-bytes = \"1MiB\" }"),
        with_check("limits = { memory = 7 }"),
        with_check("limits = { memory = \"none\" }"),
        with_check("limits = { deadline = \"1 s\" }"),
        with_check("limits = { fuel = 0 }"),
        with_check("limits = { queue = -1 }"),
        with_check("image = \"always\""),
        with_check("breaker = 5"),
        with_check("breaker = { faults = 0 }"),
        with_check("breaker = { pause = \"1s\" }"),
        "version = 1\n[log]\ninclude = [\"secrets\"]\n".to_owned(),
        "version = 1\n[log]\nmask = [\"token\"]\n".to_owned(),
        with_rule("check = \"a\""),
        with_rule("when = {}"),
        with_rule("when = {}\ncheck = \"a\"\nunchecked = \"allow\""),
        with_rule("when = {}\nunchecked = \"deny\""),
        with_rule("when = {}\ncheck = []"),
        with_rule("when = {}\ncheck = {}"),
        with_rule("when = {}\ncheck = { all = [] }"),
        with_rule("when = {}\ncheck = { all = [\"a\"], any = [\"a\"] }"),
        with_rule("when = {}\ncheck = { none = [\"a\"] }"),
        with_rule(&format!("when = {{}}\ncheck = {{ all = [{}] }}", many("\"a\"", bounds::MEMBERS + 1))),
        with_rule("when = { kinds = \"a\" }\ncheck = \"a\""),
        with_rule("when = { kind = [] }\ncheck = \"a\""),
        with_rule("when = { kind = \"\" }\ncheck = \"a\""),
        with_rule("when = { kind = \"***\" }\ncheck = \"a\""),
        with_rule("when = { kind = 'a\\' }\ncheck = \"a\""),
        with_rule("when = { kind = \"a\\n\" }\ncheck = \"a\""),
        with_rule(&format!("when = {{ kind = [{}] }}\ncheck = \"a\"", many("\"a\"", bounds::PATTERNS + 1))),
        with_rule(&format!("when = {{ kind = \"{}\" }}\ncheck = \"a\"", "a".repeat(bounds::PATTERN_BYTES + 1))),
        with_rule("name = \"\"\nwhen = {}\ncheck = \"a\""),
        with_rule("name = 7\nwhen = {}\ncheck = \"a\""),
        with_rule("when = {}\ncheck = \"a\"\nmode = \"off\""),
    ] {
        assert!(Policy::read(&folder(&policy, None)).is_err(), "{policy}");
        assert!(!validator.is_valid(&as_json(&policy)), "{policy}");
    }
}

#[test]
fn the_schema_of_cases_agrees_with_their_reader() {
    let validator = validator(&cases());
    let [(_, policy), (_, first)] = first::FILES;
    let folder = |cases: &str| folder(policy, Some(cases));
    let (policy, _) = Policy::read(&folder(first)).unwrap();
    let case = |lines: &str| {
        format!("[[cases]]\nname = \"a\"\ncontext.component = {{ kind = \"a\", name = \"b\" }}\n{lines}\n")
    };
    for cases in [first, &*case("decision = \"would-deny\"\nmessage = \"\"\noutcome = \"failed\"\ncause = \"trap\"")] {
        assert!(Case::read_all(&folder(cases), &policy).is_ok());
        let error = validator.validate(&as_json(cases)).err().map(|error| error.to_string());
        assert_eq!(error, None, "{cases}");
    }
    for cases in [
        "",
        "cases = []",
        "case = []",
        &case(""),
        &case("decision = \"denied\""),
        &case("decision = \"allow\"\nmessage = \"m\""),
        &case("decision = \"deny\"\noutcome = \"deny\""),
        &case("decision = \"deny\"\ncause = 7"),
        &case("decision = \"deny\"\nlogs = []"),
        "[[cases]]\nname = \"a\"\ncontext = {}\ndecision = \"deny\"",
        "[[cases]]\nname = \"\"\ncontext.component = { kind = \"a\", name = \"b\" }\ndecision = \"deny\"",
        "[[cases]]\ncontext.component = { kind = \"a\", name = \"b\" }\ndecision = \"deny\"",
    ] {
        assert!(Case::read_all(&folder(cases), &policy).is_err(), "{cases}");
        assert!(!validator.is_valid(&as_json(cases)), "{cases}");
    }
}

#[test]
fn every_example_of_the_page_about_policies_is_valid() {
    let page = include_str!("../../../../docs/policies.md");
    let (policies, cases) = (validator(&policy()), validator(&cases()));
    let examples: Vec<&str> =
        page.split("```toml\n").skip(1).filter_map(|block| block.split_once("```")).map(|(text, _)| text).collect();
    let (of_cases, of_policies): (Vec<&str>, Vec<&str>) = examples.iter().partition(|text| text.contains("[[cases]]"));
    assert_eq!((of_policies.len(), of_cases.len()), (2, 1));
    let files = |policy: &str, cases: &str| {
        let holidays = "[]".to_owned();
        let files =
            [(Folder::POLICY, policy.to_owned()), (Folder::CASES, cases.to_owned()), ("holidays.json", holidays)];
        // The digest in the example is that of this text.
        let plugin = [("office-hours.wasm", "office-hours".to_owned())];
        Folder::new(files.into_iter().chain(plugin).map(|(path, text)| (path.to_owned(), text.into())).collect())
    };
    for policy in &of_policies {
        let (read, warnings) = Policy::read(&files(policy, "")).unwrap_or_else(|errors| panic!("{errors:?}"));
        assert!(policies.is_valid(&as_json(policy)) && warnings.is_empty(), "{warnings:?}");
        assert!(!read.rules.is_empty());
    }
    let folder = files(of_policies[0], of_cases[0]);
    let (policy, _) = Policy::read(&folder).unwrap();
    assert_eq!(Case::read_all(&folder, &policy).map(|cases| cases.len()), Ok(2));
    assert!(cases.is_valid(&as_json(of_cases[0])));
}

#[test]
fn the_page_about_policies_has_every_key() {
    let page = include_str!("../../../../docs/policies.md");
    let schema = policy();
    let pointers = ["", "/$defs/check", "/$defs/rule", "/$defs/rule/properties/when"];
    let keys = |schema: &Value, pointer: &str| {
        let properties = schema.pointer(&format!("{pointer}/properties")).and_then(Value::as_object).unwrap();
        properties.keys().cloned().collect::<Vec<_>>()
    };
    let of_cases = keys(&cases(), "/properties/cases/items");
    for key in pointers.iter().flat_map(|pointer| keys(&schema, pointer)).chain(of_cases) {
        assert!(page.contains(&format!("| `{key}")), "{key}");
    }
}
