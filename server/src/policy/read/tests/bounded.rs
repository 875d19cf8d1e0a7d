//! Tests of the bounds of a policy.

use proptest::prelude::*;

use super::*;
use crate::policy::bounds;

#[test]
fn each_bound_has_an_error() {
    let checks = |count: usize| -> String {
        (0..count).map(|index| format!("[checks.c{index}]\nplugin = \"builtin:require-auth\"\n")).collect()
    };
    let rule = |index: usize| format!("[[rules]]\nwhen = {{ name = \"r{index}\" }}\nunchecked = \"allow\"\n");
    let rules = |count: usize| format!("version = 1\n{}", (0..count).map(rule).collect::<String>());
    let list = |item: &str, count: usize| format!("[{}]", vec![item; count].join(", "));
    let nested = |depth: usize| with_expression(&format!("{}\"a\"{}", "{ not = ".repeat(depth), " }".repeat(depth)));
    let members = |count: usize| with_expression(&format!("{{ all = {} }}", list("\"a\"", count - 1)));
    let patterns = |count: usize| with_when(&format!("{{ name = {} }}", list("\"a\"", count)));
    let long = "p".repeat(bounds::PATTERN_BYTES - 6);
    let data = |count: usize| {
        let data: Vec<String> = (0..count).map(|index| format!("d{index} = \"holidays.json\"")).collect();
        with_check(&format!("plugin = \"builtin:require-auth\"\ndata = {{ {} }}", data.join(", ")))
    };
    let deep = |depth: usize| {
        with_check(&format!("plugin = \"builtin:require-auth\"\nsettings{} = 1", ".a".repeat(depth - 3)))
    };
    let name = |length: usize| with_when("{}").replace("when", &format!("name = \"{}\"\nwhen", "n".repeat(length)));
    for (good, bad, expected) in [
        (
            with(&checks(bounds::CHECKS)),
            with(&checks(bounds::CHECKS + 1)),
            "the policy has 257 checks, and may have 256",
        ),
        (rules(bounds::RULES), rules(bounds::RULES + 1), "the policy has 1001 rules, and may have 1000"),
        (
            nested(bounds::GROUP_NESTING),
            nested(bounds::GROUP_NESTING + 1),
            "groups are nested more than 16 levels deep",
        ),
        (members(bounds::MEMBERS), members(bounds::MEMBERS + 1), "names more than 64 checks and groups"),
        (patterns(bounds::PATTERNS), patterns(bounds::PATTERNS + 1), "the list has 65 patterns, and may have 64"),
        (data(bounds::DATA_FILES), data(bounds::DATA_FILES + 1), "the check has 17 data files, and may have 16"),
        (deep(bounds::NESTING), deep(bounds::NESTING + 1), "the document is nested more than 64 levels deep"),
        (name(bounds::NAME_BYTES), name(bounds::NAME_BYTES + 1), "the name of a rule has 1 to 64 bytes"),
    ] {
        assert!(Policy::read(&folder(&good)).is_ok(), "{expected}: {:?}", Policy::read(&folder(&good)));
        assert_error(&bad, expected);
    }

    let all_patterns = |count: usize| {
        let rule =
            |index: usize| format!("[[rules]]\nwhen = {{ name = \"{long}{index:06}\" }}\nunchecked = \"allow\"\n");
        format!("version = 1\n{}", (0..count).map(rule).collect::<String>())
    };
    let most = bounds::ALL_PATTERN_BYTES / bounds::PATTERN_BYTES;
    assert!(Policy::read(&folder(&all_patterns(most))).is_ok());
    assert_error(&all_patterns(most + 1), "all patterns together have more than 65536 bytes");

    let all_members = |count: usize| {
        let rule = |_| format!("[[rules]]\nwhen = {{}}\ncheck = {{ all = {} }}\n", list("\"a\"", 49));
        let rules: String = (0..count).map(rule).collect();
        format!("version = 1\n[checks.a]\nplugin = \"builtin:require-auth\"\n{rules}")
    };
    assert!(Policy::read(&folder(&all_members(bounds::ALL_MEMBERS / 50))).is_ok());
    let found = error_lines(&all_members(bounds::ALL_MEMBERS / 50 + 1));
    assert!(found[0].contains("the policy names more than 4000 checks and groups"), "{found:?}");
}

#[test]
fn the_data_of_all_checks_together_is_bounded() {
    let document = format!("\"{}\"", "d".repeat(1 << 19));
    let check =
        |index| format!("[checks.c{index}]\nplugin = \"builtin:require-auth\"\ndata = {{ d = \"data.json\" }}\n");
    let read = |count: usize| {
        let policy = with(&(0..count).map(check).collect::<String>());
        let files = [("policy.toml", policy), ("data.json", document.clone())];
        Policy::read(&Folder::new(files.map(|(path, text)| (path.to_owned(), Bytes::from(text))).into()))
    };
    let most = bounds::ALL_DATA_BYTES / document.len();
    assert!(read(most).is_ok());
    assert!(read(most + 1).unwrap_err()[0].message.contains("the data files of all checks have more than"));
}

#[test]
fn the_page_about_policies_has_the_bounds() {
    let page = include_str!("../../../../../docs/policies.md");
    let size =
        |bytes: usize| guardhouse::units::format_size(bytes as u64).replace("KiB", " KiB").replace("MiB", " MiB");
    let number = |number: usize| {
        if number < 1_000 { number.to_string() } else { format!("{},{:03}", number / 1_000, number % 1_000) }
    };
    let [case, cases] = [bounds::CASE_TIME, bounds::ALL_CASES_TIME].map(|time| time.as_secs());
    let rows = [
        format!("| `policy.toml` | {}, nested {} levels deep |", size(bounds::POLICY_BYTES), bounds::NESTING),
        format!(
            "| `cases.toml` | {}, {} cases, {case} s each and {cases} s together |",
            size(bounds::CASES_BYTES),
            number(bounds::CASES)
        ),
        format!("| checks | {} |", bounds::CHECKS),
        format!("| rules | {} |", number(bounds::RULES)),
        format!("| names of checks and rules | {} bytes |", bounds::NAME_BYTES),
        format!(
            "| {} checks and groups, nested {} levels deep; {} in one policy |",
            bounds::MEMBERS,
            bounds::GROUP_NESTING,
            number(bounds::ALL_MEMBERS)
        ),
        format!(
            "| patterns | {} bytes each, {} in one part, {} in one policy |",
            bounds::PATTERN_BYTES,
            bounds::PATTERNS,
            size(bounds::ALL_PATTERN_BYTES)
        ),
        format!("| data files | {} for one check, {} in one policy;", bounds::DATA_FILES, size(bounds::ALL_DATA_BYTES)),
        format!(
            "| the folder | {} files in {} levels of folders, {} each, {} together |",
            number(bounds::FILES),
            bounds::FOLDER_NESTING,
            size(bounds::FILE_BYTES),
            size(bounds::FOLDER_BYTES)
        ),
        format!(
            "longer than {} bytes (kind, action) or {} (name, URI, all tags together)",
            bounds::WORD_BYTES,
            size(bounds::URI_BYTES)
        ),
        format!("takes more than {} steps to find", number(bounds::MATCH_STEPS)),
    ];
    for row in rows {
        assert!(page.contains(&row), "{row}");
    }
    assert_eq!([bounds::TAG_BYTES, bounds::COMPONENT_NAME_BYTES], [bounds::URI_BYTES; 2]);
}

#[test]
fn the_problems_of_a_hostile_policy_are_bounded() {
    for policy in [
        "\"".repeat(bounds::POLICY_BYTES),
        "[".repeat(bounds::POLICY_BYTES),
        "a.".repeat(bounds::POLICY_BYTES / 2),
        "a={".repeat(bounds::POLICY_BYTES / 3),
        "= \n".repeat(bounds::POLICY_BYTES / 3),
        format!("version = 1\n{}", (0..20_000).map(|index| format!("k{index}=1\n")).collect::<String>()),
        format!("version = 1\nrules = [{}]", "{},".repeat(80_000)),
        format!("version = 1\nalways = [{}]", "\"x\",".repeat(60_000)),
        format!("version = 1\n[[rules]]\nwhen = {{ name = [{}] }}", "\"*\",".repeat(60_000)),
        format!("version = 1\n{}", "[a]\n".repeat(60_000)),
        format!("version = 1\n{}", "[[rules]]\n".repeat(20_000)),
        format!("version = 1\nx = {}", "[".repeat(70) + &"]".repeat(70)),
    ] {
        assert!(policy.len() <= bounds::POLICY_BYTES);
        let problems = errors(&policy);
        assert!((1..=bounds::PROBLEMS + 1).contains(&problems.len()), "{}", problems.len());
        assert!(problems.iter().all(|problem| problem.to_string().len() < 2_000));
    }
}

/// Parts of which policies are made, in any order.
const PARTS: &[&str] = &[
    "version = 1\n",
    "mode = \"monitor\"\n",
    "always = [\"a\"]\n",
    "[checks.a]\n",
    "[checks.b]\n",
    "[[rules]]\n",
    "[rules]\n",
    "plugin = \"builtin:require-auth\"\n",
    "plugin = \"x.wasm\"\n",
    "settings = { a = [1, 2.5, 2026-01-01] }\n",
    "data = { a = \"holidays.json\" }\n",
    "limits = { fuel = 1 }\n",
    "when = {}\n",
    "when = { kind = [\"a*\", \"\"] }\n",
    "when.name = \"a\"\n",
    "check = \"a\"\n",
    "check = { any = [\"a\", { not = \"b\" }] }\n",
    "unchecked = \"allow\"\n",
    "name = \"é\"\n",
    "[",
    "]",
    "{",
    "}",
    "=",
    "\"",
    "\"\"\"",
    "'",
    ".",
    ",",
    "\n",
    "#",
    "\\",
    "\u{0}",
    "\u{feff}",
    "a",
    "1",
    "é",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_has_an_error_inside_the_file(
        parts in proptest::collection::vec(proptest::sample::select(PARTS), 0..24),
    ) {
        let policy = parts.concat();
        let problems = match Policy::read(&folder(&policy)) {
            Ok((_, warnings)) => warnings,
            Err(errors) => {
                prop_assert!(!errors.is_empty());
                errors
            }
        };
        let lines = policy.split('\n').count();
        for position in problems.iter().filter_map(|problem| problem.position) {
            prop_assert!((1..=lines).contains(&position.line), "{position:?} of {policy:?}");
        }
    }
}

#[test]
fn rules_that_never_match_are_searched_for_a_bounded_time() {
    // Each rule has the patterns of that 26 rules before it, and shares some with those between.
    let part =
        |rule: usize, index: usize| format!("\"*{}?\"", char::from(b'a' + u8::try_from((rule + index) % 26).unwrap()));
    let rule = |rule: usize| {
        let patterns: Vec<String> = (0..20).map(|index| part(rule, index)).collect();
        format!("[[rules]]\nwhen = {{ name = [{}] }}\nunchecked = \"allow\"\n", patterns.join(","))
    };
    let policy = format!("version = 1\n{}", (0..bounds::RULES).map(rule).collect::<String>());
    let (policy, warnings) = Policy::read(&folder(&policy)).unwrap();
    assert_eq!(policy.rules.len(), bounds::RULES);
    // Those of the first rules are found.
    assert!(warnings[0].message.contains("can never match"), "{warnings:?}");
}

#[test]
fn a_request_that_takes_too_many_steps_to_match_is_denied_and_matches_no_later_rule() {
    use guardhouse::{AuthContext, Component};

    use crate::policy::selector::Target;

    let costly = "**a?".repeat(60);
    let rules: String = (0..200)
        .map(|index| format!("[[rules]]\nwhen = {{ name = \"{costly}{index}\" }}\nunchecked = \"allow\"\n"))
        .collect();
    let policy = format!("version = 1\n{rules}[[rules]]\nname = \"last\"\nwhen = {{}}\nunchecked = \"allow\"\n");
    let (policy, _) = Policy::read(&folder(&policy)).unwrap();
    let find = |name: &str| {
        let context = AuthContext::new(Component::tool(name));
        let target = Target::of(&context).unwrap();
        policy.rule_for(&target).map(|found| found.map(|(_, rule)| rule.name.clone()))
    };
    assert_eq!(find("search"), Ok(Some("last".to_owned())));
    let error = find(&"a".repeat(bounds::COMPONENT_NAME_BYTES)).unwrap_err().to_string();
    assert_eq!(error, "`component` has no normal form: it takes too many steps to match");
}
