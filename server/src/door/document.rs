//! The memory of JSON documents: an upper bound of what a document takes once it is read, found before it is read.
//!
//! A short text can take far more memory than it has bytes: `{"":0}` has 6, and the first member of an object takes a node
//! of a tree, of more than 600. So a document counts by its values and members, and not by its text.

use std::mem::size_of;

use serde_json::{Map, Value};

/// The members that fit into the first node of an object (`B-1` of two nodes of `std`, which has `B = 6`).
const NODE_MEMBERS: usize = 11;

/// What the allocator adds to an allocation: its own word, and what it rounds up.
const ALLOCATION: usize = 24;

/// The first node of an object: names, values, a pointer and two lengths.
const NODE: usize = NODE_MEMBERS * (size_of::<String>() + size_of::<Value>()) + 16 + ALLOCATION;

/// A node with nodes below it.
const INNER_NODE: usize = NODE + (NODE_MEMBERS + 1) * size_of::<usize>();

/// One more member of an object with several nodes. Each has five members or more, and one stands between two of them;
/// above six of them, or more, is an inner node.
const MEMBER: usize = NODE.div_ceil(6) + INNER_NODE.div_ceil(30);

/// The allocation of a text, besides its bytes.
const TEXT: usize = ALLOCATION + 8;

/// The first allocation of a list, for four values.
const LIST: usize = 4 * size_of::<Value>() + ALLOCATION;

/// One more value of a list, which grows to twice its size.
const ITEM: usize = 2 * size_of::<Value>();

/// Everything that a request has whatever its document.
const BASE: usize = 1 << 10;

/// The levels of a document, beyond which it is not read.
const LEVELS: usize = 128;

/// The memory of a document that is read from `text`, in bytes. Of what is not JSON, it is that of the values before the
/// mistake, or more.
pub(super) fn memory_of_text(text: &[u8]) -> usize {
    let mut memory = BASE.saturating_add(text.len());
    let mut longest = 0;
    let mut levels = Levels::new();
    let mut rest = text;
    while let [byte, after @ ..] = rest {
        rest = after;
        memory += match byte {
            b'"' => {
                let (end, has_escape) = after_text(rest);
                let length = rest.len() - end.len();
                // Its characters are gathered elsewhere, in an allocation that grows to twice its size, and is kept.
                let more = if has_escape { 2 * length.saturating_sub(longest) } else { 0 };
                longest += more / 2;
                rest = end;
                TEXT + more
            }
            b'{' | b'[' => {
                if !levels.begin(*byte == b'{') {
                    return memory;
                }
                let is_list = *byte == b'[' && rest.trim_ascii_start().first() != Some(&b']');
                if is_list { LIST } else { 0 }
            }
            b'}' | b']' => {
                levels.end();
                0
            }
            b',' => levels.item(),
            b':' => levels.member(),
            _ => 0,
        };
    }
    memory
}

/// The memory of a copy of a value, in bytes, besides the value itself.
pub(super) fn memory_of(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::Array(items) if items.is_empty() => 0,
        Value::String(text) => TEXT + text.len(),
        Value::Array(items) => {
            items.iter().map(|item| size_of::<Value>() + memory_of(item)).sum::<usize>() + ALLOCATION
        }
        Value::Object(members) => memory_of_object(members),
    }
}

fn memory_of_object(members: &Map<String, Value>) -> usize {
    let of_members = members.iter().map(|(name, value)| TEXT + name.len() + memory_of(value)).sum::<usize>();
    of_members + memory_of_members(members.len())
}

fn memory_of_members(members: usize) -> usize {
    match members.checked_sub(NODE_MEMBERS + 1) {
        None if members == 0 => 0,
        None => NODE,
        // The first node becomes two, and one above them.
        Some(more) => 2 * NODE + INNER_NODE + more * MEMBER,
    }
}

/// The rest after the end of a text that has begun, and whether the text has an escape.
fn after_text(mut rest: &[u8]) -> (&[u8], bool) {
    let mut has_escape = false;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\')) {
        let is_escape = rest.get(at) == Some(&b'\\');
        rest = rest.get(at + 1 + usize::from(is_escape)..).unwrap_or_default();
        if !is_escape {
            return (rest, has_escape);
        }
        has_escape = true;
    }
    (&[], has_escape)
}

/// The lists and objects that are open.
struct Levels {
    /// The members of each object so far, up to [`MANY_MEMBERS`], or [`IN_LIST`].
    open: [u8; LEVELS],
    depth: usize,
}

/// The level of a list.
const IN_LIST: u8 = u8::MAX;

/// The members of an object from which each further one costs the same.
const MANY_MEMBERS: u8 = 12;

impl Levels {
    fn new() -> Self {
        Self { open: [IN_LIST; LEVELS], depth: 0 }
    }

    /// Begins a level. Returns whether a document may have one more.
    fn begin(&mut self, is_object: bool) -> bool {
        let Some(level) = self.open.get_mut(self.depth) else { return false };
        *level = if is_object { 0 } else { IN_LIST };
        self.depth += 1;
        true
    }

    fn end(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// The memory of one more value of the innermost list; a member of an object is counted by itself.
    fn item(&mut self) -> usize {
        if self.innermost().is_some_and(|level| *level == IN_LIST) { ITEM } else { 0 }
    }

    /// The memory of one more member of the innermost object.
    fn member(&mut self) -> usize {
        match self.innermost() {
            None | Some(&mut IN_LIST) => 0,
            Some(&mut MANY_MEMBERS) => MEMBER,
            Some(members) => {
                *members += 1;
                memory_of_members((*members).into()) - memory_of_members((*members - 1).into())
            }
        }
    }

    fn innermost(&mut self) -> Option<&mut u8> {
        self.open.get_mut(self.depth.checked_sub(1)?)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What a value takes in memory, which `read` has made: nodes, lists and texts as `std` and the allocator have them.
    fn taken(value: &Value) -> usize {
        memory_of(value)
            + if let Value::Array(items) = value { (items.capacity() - items.len()) * size_of::<Value>() } else { 0 }
    }

    fn all_taken(value: &Value) -> usize {
        let inner = match value {
            Value::Array(items) => items.iter().map(|item| all_taken(item) - memory_of(item)).sum(),
            Value::Object(members) => members.values().map(|value| all_taken(value) - memory_of(value)).sum(),
            _ => 0,
        };
        taken(value) + inner
    }

    #[test]
    fn a_document_takes_no_more_than_its_text_tells() {
        let wide: Map<String, Value> = (0..1_000).map(|number| (number.to_string(), json!(number))).collect();
        for value in [
            json!(null),
            json!([]),
            json!({}),
            json!([{ "": 0 }, { "": 0 }, { "": 0 }]),
            json!(vec![0; 1_000]),
            json!(vec![json!([0]); 1_000]),
            json!(vec![json!({ "": 0 }); 1_000]),
            json!(vec![json!({}); 1_000]),
            json!(vec!["a"; 1_000]),
            Value::Object(wide),
            json!({ "\"\\": ["\\", "\"", "{\"a\":[1,2,3]}", "a\\\"b"], "b": { "c": [[], {}, [{}]] } }),
        ] {
            for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
                let read: Value = serde_json::from_str(&text).unwrap();
                let (bound, taken) = (memory_of_text(text.as_bytes()), all_taken(&read));
                assert!(taken <= bound, "{taken} of {bound}: {}", &text[..text.len().min(80)]);
                // A document of texts is not counted as one of small objects.
                assert!(bound <= 3 * taken + 3 * text.len() + BASE, "{bound} for {taken}");
            }
        }
    }

    /// The nodes of an object that take the most memory: as many as there can be.
    fn most_memory_of_nodes(members: usize) -> usize {
        if members <= NODE_MEMBERS {
            return if members == 0 { 0 } else { NODE };
        }
        let mut nodes = (members + 1) / 6;
        let mut memory = nodes * NODE;
        while nodes > 1 {
            // Up to twelve are below one node.
            nodes = if nodes <= NODE_MEMBERS + 1 { 1 } else { nodes / 6 };
            memory += nodes * INNER_NODE;
        }
        memory
    }

    #[test]
    fn an_object_takes_no_more_than_its_number_of_members_tells() {
        for members in 0..100_000 {
            let (most, bound) = (most_memory_of_nodes(members), memory_of_members(members));
            assert!(most <= bound, "{most} of {bound} for {members}");
        }
        // They are met one by one.
        for members in [1, 11, 12, 13, 14, 100] {
            let text = format!(
                "{{{}}}",
                (100..100 + members).map(|name| format!("\"{name}\":0")).collect::<Vec<_>>().join(",")
            );
            assert_eq!(
                memory_of_text(text.as_bytes()),
                BASE + text.len() + members * TEXT + memory_of_members(members),
                "{members}"
            );
        }
    }

    #[test]
    fn the_longest_text_with_an_escape_is_held_twice_more() {
        let [short, long] = [10, 1_000].map(|length| format!("\\n{}", "a".repeat(length)));
        let document = format!(r#"["{short}","{long}","{short}","{}"]"#, "a".repeat(5_000));
        let plain = BASE + document.len() + 4 * TEXT + LIST + 3 * ITEM;
        assert_eq!(memory_of_text(document.as_bytes()), plain + 2 * (long.len() + 1));
    }

    #[test]
    fn structure_inside_a_text_counts_as_text() {
        let text = r#"{"a":"[[[[,,,,{{{{::::\"\\"}"#;
        let escaped = 2 * (text.len() - r#"{"a":"}"#.len());
        assert_eq!(memory_of_text(text.as_bytes()), BASE + text.len() + NODE + 2 * TEXT + escaped);
    }

    #[test]
    fn the_factor_is_that_of_the_documentation() {
        let times = |item: &str| {
            let text = format!("[{}]", vec![item; 10_000].join(","));
            memory_of_text(text.as_bytes()) / text.len()
        };
        assert_eq!(
            (times(r#"{"":0}"#), times("[0]"), times("0"), times(&format!("{:?}", "a".repeat(200)))),
            (108, 55, 33, 1)
        );
    }

    #[test]
    fn what_is_not_json_is_counted_to_its_mistake() {
        let deep = "[".repeat(200_000);
        assert_eq!(memory_of_text(deep.as_bytes()), BASE + deep.len() + LEVELS * LIST);
        for text in ["\"", "\"\\", "}}}},,,:::", "[}:", "", "{\"a\\"] {
            assert!(memory_of_text(text.as_bytes()) < 2 * BASE, "{text}");
        }
    }
}
