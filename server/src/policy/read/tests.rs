//! Tests of reading policies.

use std::collections::BTreeMap;
use std::time::Duration;

use guardhouse::{Digest, Grant, Grants, ImagePolicy, Limits};
use serde_json::json;

use crate::policy::folder::{Bytes, Folder};
use crate::policy::{Expression, Mode, PluginSource, Policy, Verdict};
use crate::problem::Problem;

const GOOD: &str = r#"
version = 1
mode = "monitor"
always = ["signed-in"]

[checks.signed-in]
plugin = "builtin:require-auth"

[checks.office-hours]
plugin = "plugins/office-hours.wasm"
settings = { zone = "Europe/Berlin", from = 8, share = 0.5 }
data = { holidays = "holidays.json" }
grants = ["raw-token"]
limits = { deadline = "50ms", memory = "4MiB", fuel = 1_000, cpu-time = "none" }
image = "eager"

[checks.a]
plugin = "builtin:require-scopes"
settings-file = "scopes.json"

[[rules]]
name = "search tools"
when = { kind = "tool", name = ["search*", 'a\*b'], tag = "x", action = "tools/call", uri = "https://example.com/**" }
check = { any = ["a", { not = "office-hours" }, { all = ["a", "office-hours"] }] }
mode = "enforce"

[[rules]]
when = { kind = "prompt" }
unchecked = "allow"
"#;

fn folder(policy: &str) -> Folder {
    let files = [
        ("policy.toml", policy.as_bytes()),
        ("plugins/office-hours.wasm", b"not a component, but nothing is loaded here"),
        ("holidays.json", br#"["2026-12-25"]"#),
        ("scopes.json", br#"{"scopes": ["read"]}"#),
        ("duplicate.json", br#"{"a": 1, "a": 2}"#),
        ("README.md", b"text"),
    ];
    let files: BTreeMap<String, Bytes> =
        files.into_iter().map(|(path, bytes)| (path.to_owned(), Bytes::copy_from_slice(bytes))).collect();
    Folder::new(files)
}

fn errors(policy: &str) -> Vec<Problem> {
    Policy::read(&folder(policy)).unwrap_err()
}

/// The errors as text, without the name of the file.
fn error_lines(policy: &str) -> Vec<String> {
    errors(policy).iter().map(|error| error.to_string().replacen("policy.toml:", "", 1)).collect()
}

#[test]
fn a_policy_is_read_as_it_is_written() {
    let folder = folder(GOOD);
    let (policy, warnings) = Policy::read(&folder).unwrap();
    assert_eq!(warnings, []);
    assert_eq!((policy.digest, policy.mode), (folder.digest(), Mode::Monitor));
    let names: Vec<&str> = policy.checks.iter().map(|check| &*check.name).collect();
    assert_eq!(names, ["signed-in", "office-hours", "a"]);
    assert_eq!(policy.always, [Expression::Check(0)]);

    let check = &policy.checks[1];
    let settings = json!({ "zone": "Europe/Berlin", "from": 8, "share": 0.5, "holidays": ["2026-12-25"] });
    assert_eq!(**check.settings.as_ref().unwrap(), settings);
    assert_eq!(check.grants, Grants::default().with(Grant::RawToken));
    let limits = Limits {
        deadline: Duration::from_millis(50),
        memory_bytes: 4 << 20,
        fuel: Some(1_000),
        cpu_time: None,
        ..Limits::default()
    };
    assert_eq!((&check.limits, check.image), (&limits, ImagePolicy::Eager));
    assert!(matches!(&check.plugin, PluginSource::File { path, bytes, digest }
        if path == "plugins/office-hours.wasm" && *digest == Digest::of(bytes)));
    assert!(matches!(&policy.checks[2].plugin, PluginSource::Builtin(builtin) if builtin.name == "require-scopes"));
    assert_eq!(**policy.checks[2].settings.as_ref().unwrap(), json!({ "scopes": ["read"] }));

    let rule = &policy.rules[0];
    assert_eq!((&*rule.name, rule.mode), ("search tools", Some(Mode::Enforce)));
    let pair = Expression::All(vec![Expression::Check(2), Expression::Check(1)]);
    let not = Expression::Not(Box::new(Expression::Check(1)));
    assert_eq!(rule.verdict, Verdict::Check(Expression::Any(vec![Expression::Check(2), not, pair])));
    let patterns: Vec<Vec<&str>> =
        rule.when.parts().iter().map(|(_, patterns)| patterns.iter().map(|p| p.as_str()).collect()).collect();
    let expected: [&[&str]; 5] =
        [&["tool"], &["search*", r"a\*b"], &["https://example.com/**"], &["x"], &["tools/call"]];
    assert_eq!(patterns, expected);
    assert_eq!((&*policy.rules[1].name, &policy.rules[1].verdict), ("rule-2", &Verdict::Unchecked));
}

#[test]
fn every_problem_is_found_at_once_in_the_order_of_the_file() {
    let policy = r#"version = 1
mode = "enforced"
always = []
[checks.a]
plugin = "builtin:require-scope"
setings = {}
[checks.b]
[[rules]]
when = { kid = "tool" }
check = "c"
unchecked = "allow"
[[rules]]
name = "x"
"#;
    assert_eq!(
        error_lines(policy),
        [
            "2:8: mode: the mode `enforced` does not exist\n  help: write `enforce`",
            "3:10: always: the list is empty\n  help: name a check, or remove the key",
            "5:10: checks.a.plugin: the built-in plugin `require-scope` does not exist\n  help: write `require-scopes`",
            "6:1: checks.a.setings: the key `setings` does not exist\n  help: write `settings`",
            "7:1: checks.b: `plugin` is missing\n  help: write `plugin = \"builtin:require-auth\"`, or the name of a file of \
         the folder",
            "9:10: rules[0].when.kid: the key `kid` does not exist\n  help: write `kind`",
            "10:9: rules[0].check: the check `c` does not exist\n  help: write `a`",
            "11:13: rules[0].unchecked: the rule has `check` and `unchecked`\n  help: remove `unchecked`, so that the check \
         decides",
            "12:1: rules[1]: `when` is missing\n  help: write `when = {}` for a rule that matches every request",
            "12:1: rules[1]: the rule has no `check`\n  help: name a check, or write `unchecked = \"allow\"`",
            "4:9: checks.a: no rule uses the check `a`\n  help: use it, or remove it",
            "7:9: checks.b: no rule uses the check `b`\n  help: use it, or remove it",
        ]
    );
}
