//! Patterns: globs for the parts of a request.
//!
//! - `*` matches any text. In a path it stops at `/`. URIs and the names of routes are paths, and nothing else is.
//! - `**` matches any text, also in a path.
//! - `?` matches one character. In a path it does not match `/`.
//! - `\` before a character stands for that character.
//!
//! A pattern matches a whole text, and compares code points: upper and lower case are different.

use std::fmt;
use std::str::FromStr;

use crate::policy::bounds;

/// A glob. Matching takes time in proportion to the lengths of the pattern and of the text, multiplied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    source: Box<str>,
    /// The text up to the first wildcard.
    prefix: Box<str>,
    /// Everything behind.
    rest: Box<[Part]>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(Box<str>),
    /// `?`
    One,
    /// `*`
    Segment,
    /// `**`
    Any,
}

/// How the text that is matched is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text {
    /// Into segments, by `/`.
    Path,
    /// Not at all.
    Opaque,
}

/// A text that is not a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// The text is empty.
    #[error("an empty pattern matches nothing")]
    Empty,
    /// The text is longer than [`bounds::PATTERN_BYTES`].
    #[error("a pattern has at most {} bytes", bounds::PATTERN_BYTES)]
    TooLong,
    /// Three or more `*` in a row.
    #[error("`***` is not a wildcard: write `*` or `**`")]
    Stars,
    /// A `\` at the end.
    #[error("a `\\` at the end escapes nothing")]
    Escape,
    /// A control character, which no request in its normal form has.
    #[error("a pattern has no control characters")]
    Control,
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(source: &str) -> Result<Self, PatternError> {
        if source.is_empty() {
            return Err(PatternError::Empty);
        }
        if source.len() > bounds::PATTERN_BYTES {
            return Err(PatternError::TooLong);
        }
        if source.contains(char::is_control) {
            return Err(PatternError::Control);
        }
        let mut parts = Parts::default();
        let mut characters = source.chars();
        while let Some(character) = characters.next() {
            match character {
                '\\' => parts.text.push(characters.next().ok_or(PatternError::Escape)?),
                '?' => parts.wildcard(Part::One),
                '*' if parts.ends_with(&Part::Any) => return Err(PatternError::Stars),
                '*' if parts.ends_with(&Part::Segment) => {
                    parts.parts.pop();
                    parts.parts.push(Part::Any);
                }
                '*' => parts.wildcard(Part::Segment),
                other => parts.text.push(other),
            }
        }
        parts.end_text();
        let mut parts = parts.parts.into_iter().peekable();
        let prefix = match parts.next_if(|part| matches!(part, Part::Text(_))) {
            Some(Part::Text(text)) => text,
            _ => Box::default(),
        };
        Ok(Self { source: source.into(), prefix, rest: parts.collect() })
    }
}

#[derive(Default)]
struct Parts {
    parts: Vec<Part>,
    text: String,
}

impl Parts {
    fn end_text(&mut self) {
        if !self.text.is_empty() {
            self.parts.push(Part::Text(std::mem::take(&mut self.text).into()));
        }
    }

    fn wildcard(&mut self, part: Part) {
        self.end_text();
        self.parts.push(part);
    }

    fn ends_with(&self, part: &Part) -> bool {
        self.text.is_empty() && self.parts.last() == Some(part)
    }
}

impl Pattern {
    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// The text that the pattern matches, if it matches one text only.
    #[must_use]
    pub fn literal(&self) -> Option<&str> {
        self.rest.is_empty().then_some(&*self.prefix)
    }

    /// The text with which every text begins that the pattern matches.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Whether the pattern matches a whole text.
    #[must_use]
    pub fn matches(&self, text: &str, kind: Text) -> bool {
        let Some(text) = text.strip_prefix(&*self.prefix) else { return false };
        // The places in the text that the parts so far can lead to, in ascending order.
        let mut places = vec![0];
        for part in &self.rest {
            places = part.lead(&places, text, kind);
            if places.is_empty() {
                return false;
            }
        }
        places.last() == Some(&text.len())
    }

    /// Whether it is certain that this pattern matches every text that `other` matches. `steps` are counted down, and
    /// nothing is certain without any.
    pub(super) fn covers(&self, other: &Self, kind: Text, steps: &mut usize) -> bool {
        let (these, others) = (self.symbols(kind), other.symbols(kind));
        let Some(left) = steps.checked_sub((these.len() + 1) * (others.len() + 1)) else {
            *steps = 0;
            return false;
        };
        *steps = left;
        // For each number of the other's symbols, whether this pattern's symbols so far cover them.
        let mut covered: Vec<bool> = std::iter::once(true).chain(others.iter().map(|_| false)).collect();
        for symbol in these {
            let mut next = Vec::with_capacity(covered.len());
            let is_star = matches!(symbol, Symbol::Segment | Symbol::Any);
            next.push(is_star && covered.first() == Some(&true));
            for (other, pair) in others.iter().zip(covered.windows(2)) {
                let [before, here] = *pair else { continue };
                let is_covered = match (symbol, *other) {
                    (Symbol::Any, _) => here || next.last() == Some(&true),
                    (Symbol::Segment, other) => here || (!other.has_slash() && next.last() == Some(&true)),
                    (Symbol::One, Symbol::One) => before,
                    (Symbol::One, Symbol::Character(character)) => before && (kind == Text::Opaque || character != '/'),
                    (Symbol::Character(_), other) => before && symbol == other,
                    (Symbol::One, _) => false,
                };
                next.push(is_covered);
            }
            covered = next;
        }
        covered.last() == Some(&true)
    }

    fn symbols(&self, kind: Text) -> Vec<Symbol> {
        let star = if kind == Text::Path { Symbol::Segment } else { Symbol::Any };
        let rest = self.rest.iter().flat_map(|part| match part {
            Part::Text(text) => text.chars().map(Symbol::Character).collect(),
            Part::One => vec![Symbol::One],
            Part::Segment => vec![star],
            Part::Any => vec![Symbol::Any],
        });
        self.prefix.chars().map(Symbol::Character).chain(rest).collect()
    }
}

/// One character of a pattern, or one wildcard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Symbol {
    Character(char),
    One,
    Segment,
    Any,
}

impl Symbol {
    /// Whether a text that it matches may have a `/`, in a path.
    fn has_slash(self) -> bool {
        matches!(self, Self::Character('/') | Self::Any)
    }
}

impl Part {
    /// The places in `text` that this part leads to from `places`.
    fn lead(&self, places: &[usize], text: &str, kind: Text) -> Vec<usize> {
        let is_end = |character: char| kind == Text::Path && character == '/';
        match self {
            Self::Text(part) => {
                let is_here = |place: &usize| text.get(*place..).is_some_and(|rest| rest.starts_with(&**part));
                places.iter().filter(|place| is_here(place)).map(|place| place + part.len()).collect()
            }
            Self::One => {
                let next = |place: &usize| {
                    let character = text.get(*place..)?.chars().next().filter(|character| !is_end(*character))?;
                    Some(place + character.len_utf8())
                };
                places.iter().filter_map(next).collect()
            }
            Self::Segment if kind == Text::Path => {
                let mut led: Vec<usize> = Vec::new();
                for &place in places {
                    // From a place that an earlier one led to, there is nothing new before the same `/`.
                    if led.last().is_some_and(|last| place <= *last) {
                        continue;
                    }
                    let rest = text.get(place..).unwrap_or_default();
                    let length = rest.find('/').unwrap_or(rest.len());
                    led.extend(place..=place + length);
                }
                led
            }
            Self::Segment | Self::Any => {
                places.first().map(|first| (*first..=text.len()).collect()).unwrap_or_default()
            }
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

#[cfg(test)]
mod tests {
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
            ("*a*", "*ba*", true, true),
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
            first
                .is_some_and(|(first, rest)| (is_one(*first) || is_in_segment(*first)) && is_match(symbols, rest, kind))
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
}
