//! Tests of patterns.

use proptest::prelude::*;

use super::*;

fn pattern(source: &str) -> Pattern {
    source.parse().unwrap_or_else(|error| panic!("{source}: {error}"))
}

#[test]
fn a_star_stops_at_a_slash_in_a_path_only() {
    for (source, text, in_path, elsewhere) in [
        ("search*", "search", true, true),
        ("search*", "search-all", true, true),
        ("search*", "search/all", false, true),
        ("search**", "search/all", true, true),
        ("*", "tools/call", false, true),
        ("**", "", true, true),
        ("*", "", true, true),
        ("/a/*/c", "/a/b/c", true, true),
        ("/a/*/c", "/a/b/b/c", false, true),
        ("/a/**/c", "/a/b/b/c", true, true),
        ("/a/**/c", "/a/c", false, false),
        ("/a/**", "/a/", true, true),
        ("/a/**", "/a", false, false),
        ("a?c", "abc", true, true),
        ("a?c", "a/c", false, true),
        ("a?c", "aéc", true, true),
        ("a?c", "ac", false, false),
        ("**b", "abab", true, true),
        ("*a*a*", "xaxa", true, true),
        ("*a*a*", "xax", false, false),
        (r"a\*b", "a*b", true, true),
        (r"a\*b", "axb", false, false),
        (r"\?", "?", true, true),
        (r"\\", r"\", true, true),
        ("Search", "search", false, false),
        ("é*", "é", true, true),
    ] {
        let pattern = pattern(source);
        assert_eq!(pattern.matches(text, Text::Path), in_path, "{source} {text}");
        assert_eq!(pattern.matches(text, Text::Opaque), elsewhere, "{source} {text}");
    }
}

#[test]
fn a_text_that_is_no_pattern_has_an_error() {
    let longest = "a".repeat(bounds::PATTERN_BYTES);
    assert_eq!(pattern(&longest).literal(), Some(&*longest));
    for (source, error) in [
        ("", PatternError::Empty),
        (&*format!("{longest}a"), PatternError::TooLong),
        ("a***", PatternError::Stars),
        ("****", PatternError::Stars),
        ("a\\", PatternError::Escape),
        ("a\nb", PatternError::Control),
    ] {
        assert_eq!(source.parse::<Pattern>(), Err(error), "{source:?}");
    }
    assert_eq!(pattern("*?*").rest.len(), 3);
    assert_eq!(pattern(r"*\**").rest.len(), 3);
}

#[test]
fn a_pattern_of_many_stars_takes_no_longer_than_the_product_of_the_lengths() {
    // With backtracking, this would not end.
    let (many, text) = (pattern(&"**a*?".repeat(50)), "a".repeat(bounds::URI_BYTES));
    assert!(many.matches(&text, Text::Path));
    let none = pattern(&format!("{}b", "**a*?".repeat(50)));
    assert!(!none.matches(&text, Text::Path) && !none.matches(&text, Text::Opaque));
}

#[test]
fn a_wider_pattern_covers_a_narrower_one() {
    for (wide, narrow, in_path, elsewhere) in [
        ("a", "a", true, true),
        ("a", "b", false, false),
        ("*", "a", true, true),
        ("*", "a/b", false, true),
        ("*", "**", false, true),
        ("**", "*", true, true),
        ("**", "a*b?", true, true),
        ("a*", "ab*", true, true),
        ("ab*", "a*", false, false),
        ("?", "a", true, true),
        ("?", "/", false, true),
        ("?", "*", false, false),
        ("*", "?", true, true),
        ("*a*", "*bab*", true, true),
        ("/a/**", "/a/*/b", true, true),
        ("/a/*", "/a/**", false, true),
        (r"\*", "*", false, false),
        ("*", r"\*", true, true),
    ] {
        let covers = |kind| pattern(wide).covers(&pattern(narrow), kind, &mut usize::MAX.clone());
        assert_eq!((covers(Text::Path), covers(Text::Opaque)), (in_path, elsewhere), "{wide} {narrow}");
    }
    assert!(!pattern("**").covers(&pattern("a"), Text::Path, &mut 3), "nothing is certain without steps");
}

/// Whether a pattern matches, by its definition.
fn is_match(symbols: &[Symbol], text: &[char], kind: Text) -> bool {
    let is_in_segment = |character: char| kind == Text::Opaque || character != '/';
    let Some((symbol, symbols)) = symbols.split_first() else { return text.is_empty() };
    let first = text.split_first();
    let with_one = |is_one: fn(char) -> bool| {
        first.is_some_and(|(first, rest)| (is_one(*first) || is_in_segment(*first)) && is_match(symbols, rest, kind))
    };
    let with_many = |is_one: fn(char) -> bool| {
        let longest = text.iter().take_while(|character| is_one(**character) || is_in_segment(**character)).count();
        (0..=longest).any(|length| is_match(symbols, &text[length..], kind))
    };
    match symbol {
        Symbol::Character(character) => {
            first.is_some_and(|(first, rest)| first == character && is_match(symbols, rest, kind))
        }
        Symbol::One => with_one(|_| false),
        Symbol::Segment => with_many(|_| false),
        Symbol::Any => with_many(|_| true),
    }
}

/// Patterns and texts of so few characters that they meet often.
fn sources() -> impl Strategy<Value = String> {
    "([ab/é?]|\\*\\*|\\*|\\\\\\*){1,6}".prop_filter("a pattern", |source| source.parse::<Pattern>().is_ok())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn matching_follows_the_definition(source in sources(), text in "[ab/é*]{0,8}") {
        let pattern = pattern(&source);
        let characters: Vec<char> = text.chars().collect();
        for kind in [Text::Path, Text::Opaque] {
            let expected = is_match(&pattern.symbols(kind), &characters, kind);
            prop_assert_eq!(pattern.matches(&text, kind), expected);
        }
    }

    #[test]
    fn a_covered_pattern_matches_nothing_that_the_other_does_not(
        wide in sources(), narrow in sources(), text in "[ab/é*]{0,6}",
    ) {
        let (wide, narrow) = (pattern(&wide), pattern(&narrow));
        for kind in [Text::Path, Text::Opaque] {
            if wide.covers(&narrow, kind, &mut 1_000) && narrow.matches(&text, kind) {
                prop_assert!(wide.matches(&text, kind));
            }
        }
    }
}
