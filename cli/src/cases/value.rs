//! The values of a JSON text, each with its place in the text, so that an error can name it and an edit can replace it.
//!
//! The text was found valid, or is about to be rejected by the parser: in any other text, no value is found.

use std::ops::Range;

/// A value in a text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Value<'t> {
    whole: &'t str,
    start: usize,
    end: usize,
}

/// A member of an object.
#[derive(Debug, Clone)]
pub(crate) struct Member<'t> {
    pub(crate) name: String,
    /// The place of the name.
    pub(crate) start: usize,
    pub(crate) value: Value<'t>,
}

impl<'t> Value<'t> {
    /// The value that a text consists of.
    pub(crate) fn root(text: &'t str) -> Option<Self> {
        let start = blanks(text, 0);
        Some(Self { whole: text, start, end: end_of(text, start)? })
    }

    /// The bytes of the value.
    pub(crate) fn range(self) -> Range<usize> {
        self.start..self.end
    }

    /// The text of the value.
    pub(crate) fn text(self) -> &'t str {
        self.whole.get(self.range()).unwrap_or_default()
    }

    /// The value as a string, if it is one.
    pub(crate) fn string(self) -> Option<String> {
        self.text().starts_with('"').then(|| serde_json::from_str(self.text()).ok()).flatten()
    }

    /// The members of an object. A value of another kind has none.
    pub(crate) fn members(self) -> impl Iterator<Item = Member<'t>> {
        let mut at = self.inside('{');
        std::iter::from_fn(move || {
            let start = at?;
            let name = self.element(start)?;
            let colon = blanks(self.whole, name.end);
            let value = self.element(blanks(self.whole, after(self.whole, colon, b':')?))?;
            at = self.next(value.end);
            Some(Member { name: name.string()?, start, value })
        })
    }

    /// The items of an array. A value of another kind has none.
    pub(crate) fn items(self) -> impl Iterator<Item = Self> {
        let mut at = self.inside('[');
        std::iter::from_fn(move || {
            let item = self.element(at?)?;
            at = self.next(item.end);
            Some(item)
        })
    }

    /// The value of a member, if there is one.
    pub(crate) fn get(self, name: &str) -> Option<Self> {
        self.members().find(|member| member.name == name).map(|member| member.value)
    }

    /// The start of the first element of an object or array that begins with `bracket`.
    fn inside(self, bracket: char) -> Option<usize> {
        self.text().starts_with(bracket).then(|| blanks(self.whole, self.start + 1)).filter(|at| *at + 1 < self.end)
    }

    fn element(self, start: usize) -> Option<Self> {
        Some(Self { start, end: end_of(self.whole, start)?, ..self })
    }

    /// The start of the element after one that ends at `end`.
    fn next(self, end: usize) -> Option<usize> {
        after(self.whole, blanks(self.whole, end), b',').map(|at| blanks(self.whole, at))
    }
}

/// The first byte from `at` on that is not blank.
fn blanks(text: &str, at: usize) -> usize {
    let rest = text.as_bytes().get(at..).unwrap_or_default();
    at + rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count()
}

/// The place after `byte`, if it stands at `at`.
fn after(text: &str, at: usize, byte: u8) -> Option<usize> {
    (text.as_bytes().get(at) == Some(&byte)).then_some(at + 1)
}

/// The end of the value that starts at `start`. Nested values are skipped without a stack: only their depth counts.
fn end_of(text: &str, start: usize) -> Option<usize> {
    let (bytes, mut at, mut depth) = (text.as_bytes(), start, 0_usize);
    loop {
        match *bytes.get(at)? {
            b'"' => at = end_of_string(bytes, at)?,
            b'{' | b'[' => (at, depth) = (at + 1, depth + 1),
            b'}' | b']' => (at, depth) = (at + 1, depth.checked_sub(1)?),
            b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' if depth == 0 => return None,
            b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' => at += 1,
            _ => {
                let rest = bytes.get(at..)?;
                let is_end = |byte: &u8| b",:]}[{\" \t\n\r".contains(byte);
                at += rest.iter().position(is_end).unwrap_or(rest.len());
            }
        }
        if depth == 0 {
            return Some(at);
        }
    }
}

/// The end of the string that starts at `start`.
fn end_of_string(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_and_items_have_their_places() {
        let text = " { \"a\\\"b\" : [1, {\"x\": \"]}\"} ,\"é\"],\n\"c\":-1.5e3 , \"d\": {}, \"e\": [ ] } ";
        let root = Value::root(text).unwrap();
        let members: Vec<_> = root.members().map(|member| (member.name, member.value.text())).collect();
        let texts = [("a\"b", "[1, {\"x\": \"]}\"} ,\"é\"]"), ("c", "-1.5e3"), ("d", "{}"), ("e", "[ ]")];
        assert_eq!(members, texts.map(|(name, text)| (name.to_owned(), text)));
        let items: Vec<_> = root.get("a\"b").unwrap().items().map(Value::text).collect();
        assert_eq!(items, ["1", "{\"x\": \"]}\"}", "\"é\""]);
        assert_eq!(root.get("a\"b").unwrap().items().last().unwrap().string().as_deref(), Some("é"));
        for empty in ["c", "d", "e", "none"].into_iter().filter_map(|name| root.get(name)) {
            assert_eq!((empty.members().count(), empty.items().count()), (0, 0));
        }
    }

    #[test]
    fn text_that_is_not_json_ends() {
        for text in
            ["", "  ", "{", "{\"a\"", "{\"a\":", "[1,", "[,]", "]", "\"", "\"\\", "{\"a\" 1}", ":", "[[[[", "{]", "x y"]
        {
            let values = Value::root(text).map(|root| root.members().count() + root.items().count());
            assert!(values.is_none_or(|count| count <= 1), "{text}");
        }
    }
}
