//! Missing scopes: the texts that a check may name, and the order in which a denial has them.

use std::collections::HashSet;
use std::sync::OnceLock;

use serde_json::Value;

use crate::fault::{Cause, Fault};
use crate::request::AuthContext;
use crate::util::text::clip;

/// Whether a text is a scope token (RFC 6749 section 3.3): at least one character, all of them visible ASCII characters
/// other than the quotation mark and the backslash. Only a scope token may be written into a header.
pub(super) fn is_scope_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

/// The texts of a check's settings, which the check may name as scopes. They are read once, and only if the check names
/// a text that is not a scope token.
#[derive(Default)]
pub(crate) struct NamedTexts(OnceLock<HashSet<String>>);

impl NamedTexts {
    /// Checks the scopes that a plugin with these settings named (rule U5): each is a scope token, or a text of the
    /// settings.
    ///
    /// # Errors
    /// A fault. Leaving a scope out instead would ask the caller to obtain too little, and to try again in vain.
    pub(crate) fn check(&self, named: &[String], settings: Option<&str>) -> Result<(), Fault> {
        let is_named = |scope: &String| is_scope_token(scope) || self.of(settings).contains(scope);
        let Some(scope) = named.iter().find(|scope| !is_named(scope)) else { return Ok(()) };
        let detail = format!(
            "named `{}` as a missing scope, which is neither a scope token (RFC 6749 section 3.3) nor a text of its \
             settings",
            clip(&scope.escape_debug().to_string())
        );
        Err(Fault::new(Cause::InvalidResult, detail))
    }

    fn of(&self, settings: Option<&str>) -> &HashSet<String> {
        self.0.get_or_init(|| {
            let settings = settings.and_then(|settings| serde_json::from_str(settings).ok()).unwrap_or(Value::Null);
            let mut texts = HashSet::new();
            collect_texts(settings, &mut texts);
            texts
        })
    }
}

/// Enforces rule U2 on scopes that checks named: none without a token, none that the token holds, and each once.
pub(super) fn normalize(mut named: Vec<String>, context: &AuthContext) -> Vec<String> {
    let Some(token) = context.token.as_ref().filter(|_| !named.is_empty()) else { return Vec::new() };
    // Both lists are untrusted, and comparing each with each would take seconds.
    let held: HashSet<&str> = token.scopes.iter().map(String::as_str).collect();
    named.retain(|scope| !held.contains(scope.as_str()));
    named.sort_unstable();
    named.dedup();
    named
}

/// Collects every string of a document that is a value, and not the name of a member.
fn collect_texts(value: Value, texts: &mut HashSet<String>) {
    match value {
        Value::String(text) => {
            texts.insert(text);
        }
        Value::Array(values) => values.into_iter().for_each(|value| collect_texts(value, texts)),
        Value::Object(members) => members.into_iter().for_each(|(_, value)| collect_texts(value, texts)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_token_has_the_characters_of_rfc_6749() {
        for byte in 0..=0x7f_u8 {
            let is_token = byte == 0x21 || (0x23..=0x5b).contains(&byte) || (0x5d..=0x7e).contains(&byte);
            assert_eq!(is_scope_token(&char::from(byte).to_string()), is_token, "{byte:#x}");
            assert_eq!(is_scope_token(&format!("a{}b", char::from(byte))), is_token, "{byte:#x}");
        }
        for text in ["", "é", "\u{80}", "a b", "read\u{200b}"] {
            assert!(!is_scope_token(text), "{text:?}");
        }
    }

    #[test]
    fn a_text_of_the_settings_may_be_named_wherever_it_stands() {
        let settings = r#"{"scopes": ["a b", ""], "more": {"é": [{"name": "\"q\""}]}}"#;
        let named = |scopes: &[&str]| {
            let scopes: Vec<String> = scopes.iter().map(|&scope| scope.to_owned()).collect();
            NamedTexts::default().check(&scopes, Some(settings))
        };
        assert_eq!(named(&["read", "a b", "", "\"q\""]), Ok(()));
        for other in ["é", "a", "a  b", "a b ", " ", "x\r\nSet-Cookie: a=b"] {
            let fault = named(&["read", other]).err();
            assert_eq!(fault.is_some(), other != "a", "{other:?}");
            assert!(fault.is_none_or(|fault| fault.cause == Cause::InvalidResult && !fault.detail.contains('\n')));
        }
        assert!(NamedTexts::default().check(&["a b".to_owned()], None).is_err());
    }
}
