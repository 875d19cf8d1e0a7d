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
        self.matches_within(text, kind, &mut usize::MAX.clone())
    }

    /// Whether the pattern matches a whole text. `steps` are counted down; without enough of them, it does not match, and
    /// none are left.
    pub(super) fn matches_within(&self, text: &str, kind: Text, steps: &mut usize) -> bool {
        let mut spend = |cost: usize| {
            let left = steps.checked_sub(cost);
            *steps = left.unwrap_or_default();
            left.is_some()
        };
        if !spend(1) {
            return false;
        }
        let Some(text) = text.strip_prefix(&*self.prefix) else { return false };
        let Some((last, parts)) = self.rest.split_last() else { return text.is_empty() };
        // The places in the text that the parts so far can lead to, in ascending order.
        let mut places = vec![0];
        for part in parts {
            let cost = if matches!(part, Part::Segment | Part::Any) { text.len() } else { places.len() };
            if !spend(cost) {
                return false;
            }
            places = part.lead(&places, text, kind);
            if places.is_empty() {
                return false;
            }
        }
        spend(places.len()) && last.ends(&places, text, kind)
    }

    /// Whether it is certain that this pattern matches every text that `other` matches. `steps` are counted down, and
    /// nothing is certain without any.
    pub(super) fn covers(&self, other: &Self, kind: Text, steps: &mut usize) -> bool {
        let mut spend = |cost: usize| {
            let left = steps.checked_sub(cost);
            *steps = left.unwrap_or_default();
            left.is_some()
        };
        if !spend(1) || !other.prefix.starts_with(&*self.prefix) {
            return false;
        }
        let (these, others) = (self.symbols(kind), other.symbols(kind));
        if !spend((these.len() + 1) * (others.len() + 1)) {
            return false;
        }
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
    /// Whether this part leads to the end of `text` from one of `places`, of which there is one at least.
    fn ends(&self, places: &[usize], text: &str, kind: Text) -> bool {
        match self {
            Self::Any => true,
            Self::Segment if kind == Text::Opaque => true,
            // The last place has the least text behind it.
            Self::Segment => {
                let rest = places.last().and_then(|place| text.get(*place..));
                rest.is_some_and(|rest| !rest.contains('/'))
            }
            Self::Text(_) | Self::One => self.lead(places, text, kind).last() == Some(&text.len()),
        }
    }

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
mod tests;
