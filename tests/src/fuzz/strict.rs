//! Strict JSON, decided from the text and not by a reader.

use serde_json::Value;

/// Below 2^53, every whole number has a floating-point number of its own.
const FIRST_INEXACT: f64 = 9_007_199_254_740_992.0;

/// Returns `true` if JSON that a tolerant reader reads as `value` has no duplicate names, and only numbers that are kept
/// exactly.
pub(super) fn is_strict(text: &str, value: &Value) -> bool {
    let (bare, names) = (without_strings(text), members(value));
    let numbers = bare.split(|letter: char| !matches!(letter, '0'..='9' | '+' | '-' | '.' | 'e' | 'E'));
    let mut numbers = numbers.filter(|word| word.contains(|letter: char| letter.is_ascii_digit()));
    bare.matches(':').count() == names && numbers.all(is_kept)
}

fn is_kept(number: &str) -> bool {
    if number.contains(['.', 'e', 'E']) {
        return number.parse().is_ok_and(|number: f64| number.fract() != 0.0 || number.abs() < FIRST_INEXACT);
    }
    number.parse().is_ok_and(|number: i128| (i64::MIN.into()..=u64::MAX.into()).contains(&number))
}

/// The text outside of strings.
fn without_strings(text: &str) -> String {
    let (mut bare, mut letters) = (String::new(), text.chars());
    while let Some(letter) = letters.next() {
        bare.push(letter);
        if letter == '"' {
            while let Some(letter) = letters.next().filter(|letter| *letter != '"') {
                if letter == '\\' {
                    letters.next();
                }
            }
        }
    }
    bare
}

/// The names in all objects.
fn members(value: &Value) -> usize {
    match value {
        Value::Array(values) => values.iter().map(members).sum(),
        Value::Object(object) => object.values().map(|value| 1 + members(value)).sum(),
        _ => 0,
    }
}
