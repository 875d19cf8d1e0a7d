//! Tests of reading policies.

mod bounded;

use std::collections::BTreeMap;
use std::time::Duration;

use guardhouse::{Digest, Grant, Grants, ImagePolicy, Limits, builtin};
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
setting = {}
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
            "6:1: checks.a.setting: the key `setting` does not exist\n  help: write `settings`",
            "7:1: checks.b: `plugin` is missing\n  help: write `plugin = \"builtin:require-auth\"`, or the name of a file of \
         the folder",
            "9:10: rules[0].when.kid: the key `kid` does not exist\n  help: write `kind`",
            "10:9: rules[0].check: the check `c` does not exist\n  help: write `a`",
            "11:13: rules[0].unchecked: the rule has `check` and `unchecked`\n  help: remove `unchecked`, so that the check \
         decides",
            "12:1: rules[1]: `when` is missing\n  help: write `when = {}` for a rule that matches every request",
            "12:1: rules[1]: the rule has no `check`\n  help: name a check, or write `unchecked = \"allow\"`",
        ]
    );
}

/// A policy of one rule that denies nothing.
fn with(lines: &str) -> String {
    format!("version = 1\n{lines}\n[[rules]]\nwhen = {{}}\nunchecked = \"allow\"\n")
}

/// A policy with a check that the rule uses.
fn with_check(lines: &str) -> String {
    format!("version = 1\n[checks.a]\n{lines}\n[[rules]]\nwhen = {{}}\ncheck = \"a\"\n")
}

fn with_when(when: &str) -> String {
    format!("version = 1\n[[rules]]\nwhen = {when}\nunchecked = \"allow\"\n")
}

fn with_expression(expression: &str) -> String {
    format!(
        "version = 1\n[checks.a]\nplugin = \"builtin:require-auth\"\n[[rules]]\nwhen = {{}}\ncheck = {expression}\n"
    )
}

/// Asserts that a policy has exactly one error, which contains `expected`.
#[track_caller]
fn assert_error(policy: &str, expected: &str) {
    let lines = error_lines(policy);
    assert!(lines.len() == 1 && lines[0].contains(expected), "{expected:?} is not the error of {policy}: {lines:#?}");
}

#[test]
fn the_version_is_the_first_key_and_one_that_this_release_reads() {
    assert_error(
        "mode = \"enforce\"\nrules = []\n",
        "1:1: `version` is missing\n  help: begin the file with `version = 1`",
    );
    assert_error("mode = \"enforce\"\nversion = 1\n", "2:11: version: `version` must be the first key of the file");
    for version in ["2", "0", "\"1\"", "1.0", "0x1", "true"] {
        // Nothing else of another version is judged.
        let policy = format!("version = {version}\nmode = 7\n");
        assert_error(&policy, "1:11: version: this release reads `version = 1` only");
    }
}

#[test]
fn the_syntax_is_checked_with_positions() {
    assert_error("version = 1\nmode = \"enforce\nrules = []\n", "2:16: invalid TOML: ");
    assert_error(&with("mode = \"enforce\"\nmode = \"monitor\""), "3:1: the key is already defined");
    let lines = error_lines("version = 1\nversion = 1\nmoode = \"x\"\n");
    assert!(lines.len() == 2 && lines[1].starts_with("3:1: moode: "), "{lines:?}");
}

#[test]
fn a_file_that_is_missing_or_not_text_is_named() {
    let empty = Policy::read(&Folder::new(BTreeMap::new())).unwrap_err();
    assert_eq!(empty[0].to_string(), "policy.toml: the file does not exist\n  help: the folder is empty");
    let with = |path: &str, bytes: &[u8]| {
        let files = BTreeMap::from([(path.to_owned(), Bytes::copy_from_slice(bytes))]);
        Policy::read(&Folder::new(files)).unwrap_err()[0].to_string()
    };
    assert!(with("other.toml", b"").contains("the folder has `other.toml`"));
    assert!(with("policy.toml", b"version = 1\n# \xe9").starts_with("policy.toml:2:3: the file is not UTF-8"));
    let long = "#".repeat(crate::policy::bounds::POLICY_BYTES + 1);
    assert!(with("policy.toml", long.as_bytes()).contains("at most 262144 are read"));
}

#[test]
fn the_errors_of_a_check_say_how_to_mend_them() {
    let auth = "plugin = \"builtin:require-auth\"\n";
    let digest = Digest::of(builtin::REQUIRE_AUTH);
    assert!(Policy::read(&folder(&with_check(&format!("{auth}digest = \"{digest}\"")))).is_ok());
    let other = Digest::of("other");
    for (lines, expected) in [
        ("plugin = \"office.wasm\"".to_owned(), "help: the folder has `plugins/office-hours.wasm`"),
        ("plugin = \"../office.wasm\"".to_owned(), "`../office.wasm` is not a path inside the folder"),
        ("plugin = \"/etc/passwd\"".to_owned(), "`/etc/passwd` is not a path inside the folder"),
        ("plugin = \"builtin:nothing-like-that\"".to_owned(), "help: write one of `argument-limit`, "),
        ("plugin = 7".to_owned(), "checks.a.plugin: it is an integer, and must be a string"),
        (format!("{auth}digest = \"{other}\""), &*format!("help: if this is the file that you want, write `{digest}`")),
        (format!("{auth}digest = \"abc\""), "`abc` is not a digest: expected `sha256:` and 64 hexadecimal digits"),
        (
            format!("{auth}grants = [\"raw_token\"]"),
            "checks.a.grants[0]: the grant `raw_token` does not exist\n  help: write `raw-token`",
        ),
        (format!("{auth}image = \"Eager\""), "help: write `eager`"),
        (
            format!("{auth}settings = {{}}\nsettings-file = \"scopes.json\""),
            "the check has `settings` and `settings-file`",
        ),
        (
            format!("{auth}settings-file = \"scope.json\""),
            "help: the folder has `duplicate.json`, `holidays.json`, `scopes.json`",
        ),
        (format!("{auth}settings-file = \"duplicate.json\""), "in the file `duplicate.json`: "),
        (format!("{auth}settings-file = \"README.md\""), "in the file `README.md`: "),
        (
            format!("{auth}settings = {{ at = 2026-12-25 }}"),
            "checks.a.settings.at: it is a date or time, which JSON does not have",
        ),
        (
            format!("{auth}settings = {{ x = [1, nan] }}"),
            "checks.a.settings.x[1]: it is a number that JSON does not have",
        ),
        (format!("{auth}settings = {{ x = 1e300 }}"), "checks.a.settings: "),
        (
            format!("{auth}settings = {{ x = 1 }}\ndata = {{ x = \"holidays.json\" }}"),
            "the settings have a member `x` already",
        ),
        (format!("{auth}settings = []\ndata = {{ x = \"holidays.json\" }}"), "the settings are not a table"),
        (
            format!("{auth}limits = {{ deadlin = \"1s\" }}"),
            "checks.a.limits.deadlin: the limit `deadlin` does not exist\n  help: write `deadline`",
        ),
        (format!("{auth}limits = {{ memory_bytes = \"1MiB\" }}"), "the limit `memory_bytes` does not exist"),
        (format!("{auth}limits = {{ deadline = 50 }}"), "write a whole number and a unit, for example `\"10s\"`"),
        (format!("{auth}limits = {{ deadline = \"50\" }}"), "`50` is not a duration: write a whole number and a unit"),
        (format!("{auth}limits = {{ deadline = \"2h\" }}"), "the limit must be from `1ms` to `1h`"),
        (format!("{auth}limits = {{ cpu-time = \"0s\" }}"), "the limit must be "),
        (format!("{auth}limits = {{ fuel = 0 }}"), "the limit must be more than zero"),
        (format!("{auth}limits = {{ fuel = -1 }}"), "write a whole number, for example `64`"),
        (format!("{auth}limits = {{ fuel = \"many\" }}"), "write a whole number, for example `64`"),
        (format!("{auth}limits = {{ memory = \"none\" }}"), "the limit cannot be `none`"),
        (format!("{auth}limits = {{ memory = \"4MB\" }}"), "`4MB` is not a size"),
        (
            format!("{auth}limits = {{ settings-bytes = \"8B\" }}\nsettings-file = \"scopes.json\""),
            "over the limit of 8 bytes\n  help: raise the limit `settings-bytes`",
        ),
    ] {
        assert_error(&with_check(&lines), expected);
    }
    assert_error(
        "version = 1\n[checks.\"a b\"]\nplugin = \"builtin:require-auth\"\n[[rules]]\nwhen = {}\ncheck = \"a b\"\n",
        "2:9: checks.\"a b\": the name of a check has 1 to 64 bytes",
    );
}

#[test]
fn the_errors_of_a_rule_say_how_to_mend_them() {
    for (policy, expected) in [
        (with_when("{ kind = [] }"), "rules[0].when.kind: the list is empty, and matches nothing"),
        (with_when("{ kind = 7 }"), "it is an integer, and must be a pattern or a list of patterns"),
        (with_when("{ name = [\"a\", \"***\"] }"), "rules[0].when.name[1]: `***` is not a wildcard"),
        (with_when("{ uri = \"HTTPS://a/b\" }"), "help: write `https://a/b`"),
        (with_when("{ uri = \"https://A.example/*\" }"), "help: write `https://a.example/`"),
        (with_when("{ uri = \"https://a/../*\" }"), "is denied before any rule: it has a segment `.` or `..`"),
        (
            with_when("{ kind = \"route\", name = \"/a//b\" }"),
            "help: a request with it is denied before any rule: it has an empty segment",
        ),
        (with_when("{ kind = \"route\", name = \"/%61/*\" }"), "help: write `/a/`: rules match the normal form"),
        (with_when("{ kind = \"route\", name = \"admin/**\" }"), "it does not begin with `/`"),
        (with_expression("\"b\""), "the check `b` does not exist\n  help: write `a`"),
        (with_expression("[\"a\"]"), "it is a list, and must be the name of a check"),
        (with_expression("{ all = [] }"), "rules[0].check.all: the group is empty"),
        (with_expression("{ any = [] }"), "rules[0].check.any: the group is empty"),
        (with_expression("{}"), "this one has nothing"),
        (
            with_expression("{ all = [\"a\"], any = [\"a\"] }"),
            "a group has one of `all`, `any` and `not`, and this one has `all`, `any`",
        ),
        (with_expression("{ one = [\"a\"] }"), "rules[0].check.one: the key `one` does not exist"),
        ("version = 1\n[[rules]]\nwhen = {}\nunchecked = \"deny\"\n".to_owned(), "help: write `unchecked = \"allow\"`"),
        (
            "version = 1\n[[rules]]\nname = \"a\\nb\"\nwhen = {}\nunchecked = \"allow\"\n".to_owned(),
            "the name of a rule has 1 to 64 bytes",
        ),
        ("version = 1\nrules = {}\n".to_owned(), "rules: it is a table, and must be a list"),
    ] {
        assert_error(&policy, expected);
    }
    let twice = "version = 1\n[[rules]]\nname = \"rule-2\"\nwhen = { kind = \"a\" }\nunchecked = \"allow\"\n[[rules]]\nwhen = \
                 { kind = \"b\" }\nunchecked = \"allow\"\n";
    assert_error(twice, "6:1: rules[1]: another rule has the name `rule-2`");
}

/// The warnings of a policy that is read.
fn warnings(policy: &str) -> Vec<String> {
    let (_, warnings) = Policy::read(&folder(policy)).unwrap_or_else(|errors| panic!("{errors:?}"));
    warnings.iter().map(ToString::to_string).collect()
}

#[test]
fn a_rule_that_can_never_match_has_a_warning() {
    let rules = |whens: &[&str]| {
        let rule = |when: &&str| format!("[[rules]]\nwhen = {when}\nunchecked = \"allow\"\n");
        warnings(&format!("version = 1\n{}", whens.iter().map(rule).collect::<String>()))
    };
    let never = "the rule can never match: the rule `rule-1` matches everything before it";
    for (first, second) in [
        ("{}", "{ kind = \"tool\" }"),
        ("{}", "{}"),
        ("{ kind = \"tool\" }", "{ kind = \"tool\", name = \"a\" }"),
        ("{ kind = \"*\" }", "{ kind = [\"tool\", \"prompt\"] }"),
        ("{ kind = [\"a\", \"b\"] }", "{ kind = \"b\" }"),
        ("{ kind = \"tool\", name = \"a*\" }", "{ kind = \"tool\", name = \"ab/*\" }"),
        ("{ kind = \"route\", name = \"/a/**\" }", "{ kind = \"route\", name = \"/a/*\" }"),
        ("{ name = \"**\" }", "{ name = \"*\" }"),
        ("{ uri = \"https://a/**\" }", "{ uri = \"https://a/b/*\", tag = \"x\" }"),
    ] {
        let found = rules(&[first, second]);
        assert!(found.len() == 1 && found[0].contains(never), "{first} {second}: {found:?}");
    }
    for (first, second) in [
        ("{ kind = \"tool\" }", "{}"),
        ("{ kind = \"tool\" }", "{ kind = [\"tool\", \"prompt\"] }"),
        ("{ kind = \"tool\", tag = \"x\" }", "{ kind = \"tool\" }"),
        ("{ name = \"a*\" }", "{ name = \"a**\" }"),
        ("{ kind = \"route\", name = \"/a*\" }", "{ kind = \"route\", name = \"/a**\" }"),
        ("{ kind = \"r*\", name = \"/a*\" }", "{ kind = \"r*\", name = \"/a**\" }"),
        ("{ uri = \"**\" }", "{ name = \"a\" }"),
        ("{ action = \"tools/call\" }", "{ action = \"tools/*\" }"),
    ] {
        assert_eq!(rules(&[first, second]), [""; 0], "{first} {second}");
    }
    assert!(warnings("version = 1\n")[0].contains("denies every request"));
    assert!(warnings("version = 1\nrules = []\n")[0].contains("denies every request"));
}

#[test]
fn a_pattern_that_a_normal_form_may_match_has_no_error() {
    for when in [
        "{ uri = \"https*://a/**\" }",
        "{ uri = \"**/A//**\" }",
        "{ uri = \"https://A*\" }",
        "{ uri = \"urn:x:*\" }",
        "{ kind = \"route\", name = \"*\" }",
        "{ kind = \"route\", name = [\"/admin\", \"/admin/**\", \"/a*\"] }",
        "{ kind = \"tool\", name = \"a//b\" }",
        "{ kind = [\"route\", \"tool\"], name = \"a//b\" }",
    ] {
        assert_eq!(warnings(&with_when(when)), [""; 0], "{when}");
    }
}

#[test]
fn a_byte_order_mark_and_the_line_ends_of_windows_are_accepted() {
    let policy = format!("\u{feff}{}", with("mode = \"enforce\"").replace('\n', "\r\n"));
    assert_eq!(warnings(&policy), [""; 0]);
}

#[test]
fn the_debug_form_of_a_policy_has_no_content_of_files() {
    let folder = folder(GOOD);
    let (policy, _) = Policy::read(&folder).unwrap();
    let text = format!("{folder:?} {policy:?}");
    assert!(text.contains("holidays.json") && !text.contains("not a component"), "{text}");
}

#[test]
fn a_policy_cannot_raise_a_limit_over_its_cap() {
    for (name, most, more, shown) in [
        ("configure-deadline", "\"60s\"", "\"60001ms\"", "1min"),
        ("configure-cpu-time", "\"10s\"", "\"1h\"", "10s"),
        ("queue", "4096", "4097", "4096"),
        ("standby", "16", "17", "16"),
        ("handles", "10_000", "10_001", "10000"),
        ("context-bytes", "\"16MiB\"", "\"17MiB\"", "16MiB"),
        ("message-bytes", "\"256KiB\"", "\"257KiB\"", "256KiB"),
        ("log-bytes", "\"256KiB\"", "\"1024GiB\"", "256KiB"),
        ("host-call-bytes", "\"1MiB\"", "\"1025KiB\"", "1MiB"),
        ("settings-bytes", "\"4MiB\"", "\"5MiB\"", "4MiB"),
    ] {
        let with = |value: &str| {
            let text = format!(
                "version = 1\n[checks.a]\nplugin = \"builtin:require-auth\"\nlimits = {{ {name} = {value} }}\n\
                                [[rules]]\nwhen = {{}}\ncheck = \"a\"\n"
            );
            Policy::read(&folder(&text))
        };
        assert!(with(most).is_ok(), "{name}: {:?}", with(most));
        let [problem] = &with(more).unwrap_err()[..] else { panic!("{name}") };
        let problem = problem.to_string();
        assert!(problem.contains("policy.toml:4:"), "{problem}");
        assert!(problem.contains(&format!("checks.a.limits.{name}")), "{problem}");
        assert!(problem.contains(&format!("at most `{shown}`")), "{problem}");
    }
}
