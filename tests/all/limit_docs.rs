//! The docs of the limits, in Rust and in Python, name the right defaults.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use guardhouse::{HostLimits, Limits};

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
    let text = format!("{limits:#?}");
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
    let sources = (read("host/src/limits.rs"), read("bindings/python/guardhouse/_limits.py"));
    for (name, real) in [("Limits", real(&Limits::default())), ("HostLimits", real(&HostLimits::default()))] {
        assert!(real.len() > 10, "{real:?}");
        assert_eq!(rust(&sources.0, name), real, "{name} in Rust");
        assert_eq!(python(&sources.1, name), real, "{name} in Python");
    }
}
