//! The docs of the limits, in Rust and in Python, name the right defaults.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use guardhouse::{HostLimits, Limits};
use serde_json::json;

/// The defaults by name; `None` is unlimited.
type Defaults = BTreeMap<String, Option<f64>>;

/// The value of a default that is written as text, in units or in seconds.
fn value(text: &str) -> Option<f64> {
    let text = text.trim().replace(',', "");
    let number = text.trim_end_matches(|letter: char| letter.is_alphabetic() || letter == ' ');
    let unit = match text.strip_prefix(number).unwrap().trim() {
        "" | "s" => 1.0,
        "ms" => 1e-3,
        "KiB" => 1024.0,
        "MiB" => 1024.0 * 1024.0,
        "GiB" => 1024.0 * 1024.0 * 1024.0,
        "million" => 1e6,
        "none" | "None" if number.is_empty() => return None,
        unit => panic!("`{unit}` in `{text}`"),
    };
    Some(number.parse::<f64>().unwrap() * unit)
}

/// The defaults of the code.
fn real(limits: &dyn std::fmt::Debug) -> Defaults {
    // A value in `Some` is printed on a line of its own.
    let text = format!("{limits:#?}").replace("Some(\n        ", "").replace(",\n    )", "");
    let fields = text.lines().filter_map(|line| line.strip_suffix(',')?.split_once(": "));
    fields.map(|(name, text)| (name.trim().to_owned(), value(text))).collect()
}

/// The default at the end of a doc comment.
fn named(doc: &str) -> Option<f64> {
    let (_, default) = doc.rsplit_once("Default: ").unwrap_or_else(|| panic!("no default in `{doc}`"));
    value(default.trim().trim_end_matches('.'))
}

/// The defaults in the docs of the fields of a Rust struct.
fn rust(source: &str, name: &str) -> Defaults {
    let (_, body) = source.split_once(&format!("pub struct {name} {{\n")).unwrap();
    let (body, _) = body.split_once("\n}").unwrap();
    let mut doc = String::new();
    let mut defaults = Defaults::new();
    for line in body.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("///") {
            doc.push_str(text);
        } else if let Some((field, _)) = line.strip_prefix("pub ").and_then(|field| field.split_once(':')) {
            defaults.insert(field.to_owned(), named(&std::mem::take(&mut doc)));
        }
    }
    defaults
}

/// The defaults in the docs of the attributes of a Python class.
fn python(source: &str, name: &str) -> Defaults {
    let (_, body) = source.split_once(&format!("\nclass {name}(")).unwrap();
    let body = body.split("\n@").next().unwrap();
    let attributes = body.split(" = None\n    \"\"\"").collect::<Vec<_>>();
    let pairs = attributes.windows(2).map(|pair| {
        let (name, _) = pair[0].lines().last().unwrap().split_once(':').unwrap();
        (name.trim().to_owned(), named(pair[1].split_once("\"\"\"").unwrap().0))
    });
    pairs.collect()
}

#[test]
fn the_docs_name_the_defaults_of_the_code() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let read = |path| fs::read_to_string(root.join(path)).unwrap();
    let sources = (read("host/src/limits.rs"), read("bindings/python/guardhouse_checks/_limits.py"));
    for (name, real) in [("Limits", real(&Limits::default())), ("HostLimits", real(&HostLimits::default()))] {
        assert!(real.len() > 10, "{real:?}");
        assert_eq!(rust(&sources.0, name), real, "{name} in Rust");
        assert_eq!(python(&sources.1, name), real, "{name} in Python");
    }
}

#[test]
fn limits_are_the_same_after_a_round_trip_through_json() {
    let limits = Limits { cpu_time: Some(Duration::from_micros(1_500)), fuel: Some(7), ..Limits::default() };
    let text = serde_json::to_value(&limits).unwrap();
    assert_eq!((&text["deadline"], &text["cpu_time"]), (&json!("10s"), &json!("1500us")));
    assert_eq!((&text["memory_bytes"], &text["fuel"]), (&json!("64MiB"), &json!(7)));
    assert_eq!(serde_json::from_value::<Limits>(text).unwrap(), limits);
    let text = serde_json::to_value(HostLimits::default()).unwrap();
    assert_eq!(serde_json::from_value::<HostLimits>(text).unwrap(), HostLimits::default());
}

#[test]
fn a_document_of_limits_names_only_known_limits_in_their_text_form() {
    assert_eq!(serde_json::from_str::<Limits>("{}").unwrap(), Limits::default());
    for (document, error) in [
        (json!({ "dead_line": "1s" }), "unknown field `dead_line`"),
        (json!({ "deadline": 200 }), "invalid type"),
        (json!({ "deadline": "200" }), "`200` is not a duration"),
        (json!({ "memory_bytes": "64MB" }), "`64MB` is not a size"),
        (json!({ "fuel": -1 }), "invalid value"),
    ] {
        let found = serde_json::from_value::<Limits>(document).unwrap_err().to_string();
        assert!(found.contains(error), "{found}");
    }
}
