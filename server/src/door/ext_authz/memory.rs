//! The memory of a message: an upper bound of what is read from it, found before it is read.
//!
//! A short message can take far more memory than it has bytes: a struct of eight bytes takes a node of a tree, of more than
//! 600, and so does each copy of it.

use std::mem::size_of;

use serde_json::Value;

/// What the allocator adds to an allocation: its own word, and what it rounds up.
const ALLOCATION: usize = 24;

/// The first node of a map: eleven names and values, a pointer and two lengths.
const NODE: usize = 11 * (size_of::<String>() + size_of::<Value>()) + 16 + ALLOCATION;

/// One more member of a map: a node has five members or more, and a few have nodes above them.
const MEMBER: usize = NODE.div_ceil(4);

/// The first allocation of a list, for four values.
const LIST: usize = 4 * size_of::<Value>() + ALLOCATION;

/// One more value of a list, which grows to twice its size.
const ITEM: usize = 2 * size_of::<Value>();

/// The place of a line of headers in the list of all, which grows to twice its size; its name and its value.
const LINE: usize = 2 * size_of::<(&str, &[u8])>() + 2 * ALLOCATION;

/// A line of headers as a message of its own, with two values, in a list that grows to twice its size.
const RAW_LINE: usize = LINE + 6 * size_of::<String>() + ALLOCATION;

/// The copies of text and of structs: as they are decoded, as JSON, and as checks see them.
const COPIES: usize = 3;

/// The further copies of a path: in the component and its URI, and their normal forms.
const PATHS: usize = 4;

/// The levels of structs in structs. The decoder refuses more.
const LEVELS: usize = 100;

/// The memory of all that is read from a `CheckRequest`, in bytes. Of what is none, it is that of the values before the
/// mistake, or more.
pub(super) fn memory_of(message: &[u8]) -> usize {
    let mut memory = message.len().saturating_mul(COPIES);
    for attributes in all(message, 1) {
        for (field, value) in fields(attributes) {
            memory += match field {
                4 => all(value, 2).map(of_http).sum(),
                10 => COPIES * (NODE + 2 * ALLOCATION),
                11 | 13 => COPIES * of_map(value, |value| of_struct(value, LEVELS)),
                _ => 0,
            };
        }
    }
    memory
}

fn of_http(http: &[u8]) -> usize {
    let of_field = |(field, value): (u64, &[u8])| match field {
        3 => MEMBER + LINE,
        4 => PATHS * value.len(),
        13 => all(value, 1).count() * RAW_LINE,
        _ => 0,
    };
    NODE + fields(http).map(of_field).sum::<usize>()
}

/// The memory of a message whose only field is a map.
fn of_map(message: &[u8], of_value: impl Fn(&[u8]) -> usize) -> usize {
    let mut memory = 0;
    for entry in all(message, 1) {
        memory += if memory == 0 { NODE } else { MEMBER };
        memory += 2 * ALLOCATION + all(entry, 2).map(&of_value).sum::<usize>();
    }
    memory
}

fn of_struct(message: &[u8], levels: usize) -> usize {
    let Some(levels) = levels.checked_sub(1) else { return 0 };
    of_map(message, |value| self::of_value(value, levels))
}

fn of_value(value: &[u8], levels: usize) -> usize {
    let Some(levels) = levels.checked_sub(1) else { return 0 };
    let of_field = |(field, value)| match field {
        3 => ALLOCATION,
        5 => of_struct(value, levels),
        6 => LIST + all(value, 1).map(|item| ITEM + of_value(item, levels)).sum::<usize>(),
        _ => 0,
    };
    fields(value).map(of_field).sum()
}

/// The fields of a message with one number.
fn all(message: &[u8], number: u64) -> impl Iterator<Item = &[u8]> {
    fields(message).filter(move |(field, _)| *field == number).map(|(_, value)| value)
}

/// The fields of a message whose values have a length, with their numbers, up to the first mistake.
fn fields(mut rest: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    std::iter::from_fn(move || {
        loop {
            let key = number(&mut rest)?;
            let length = match key & 7 {
                0 => {
                    number(&mut rest)?;
                    continue;
                }
                1 => 8,
                2 => usize::try_from(number(&mut rest)?).ok()?,
                5 => 4,
                // Groups: what is in them counts as if it were not.
                _ => continue,
            };
            let (value, after) = rest.split_at_checked(length)?;
            rest = after;
            if key & 7 == 2 {
                return Some((key >> 3, value));
            }
        }
    })
}

/// The number at the beginning, seven bits in each byte.
fn number(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        number |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            return Some(number);
        }
    }
    None
}
