//! Log rules: what the decision log may say of the requests of a tenant.

use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What the decision log may say of the requests of a tenant, besides ids, digests, outcomes, causes and times.
///
/// By default nothing. A decision can be replayed from its line if every part of the context is included, and no rule
/// changes what the checks read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogRules {
    /// The parts that are included.
    pub include: Vec<LogPart>,
    /// The values of the context that are replaced with `"[masked]"`.
    #[serde(deserialize_with = "few")]
    pub mask: Vec<ContextPointer>,
    /// The values of the context that are removed.
    #[serde(deserialize_with = "few")]
    pub drop: Vec<ContextPointer>,
}

impl LogRules {
    /// The maximum number of pointers under `mask`, and under `drop`.
    pub const MAX_POINTERS: usize = 16;

    /// Rules that include every part.
    #[must_use]
    pub fn everything() -> Self {
        Self { include: LogPart::ALL.to_vec(), ..Self::default() }
    }

    /// Whether a part is included.
    #[must_use]
    pub fn includes(&self, part: LogPart) -> bool {
        self.include.contains(&part)
    }

    /// Whether any part of the context is included.
    #[must_use]
    pub fn include_context(&self) -> bool {
        self.include.iter().any(|part| part.is_of_context())
    }
}

/// Reads a list of at most [`LogRules::MAX_POINTERS`] pointers.
fn few<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<ContextPointer>, D::Error> {
    let pointers = Vec::<ContextPointer>::deserialize(deserializer)?;
    if pointers.len() <= LogRules::MAX_POINTERS {
        return Ok(pointers);
    }
    Err(serde::de::Error::custom(format_args!("expected at most {} pointers", LogRules::MAX_POINTERS)))
}

/// A part of a decision that may be about a person or a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogPart {
    /// The action.
    Action,
    /// The component: its kind, name, URI, version and tags.
    Component,
    /// The detail of the component.
    Detail,
    /// The token: its client, subject, scopes, expiry and resource. Never the bearer secret.
    Token,
    /// The claims of the token.
    Claims,
    /// The arguments.
    Arguments,
    /// The attributes, which have the headers.
    Attributes,
    /// The message and the missing scopes of a denial.
    Message,
    /// The detail of a fault, and the end of the output of the plugin.
    Output,
}

impl LogPart {
    /// Every part.
    pub const ALL: [Self; 9] = [
        Self::Action,
        Self::Component,
        Self::Detail,
        Self::Token,
        Self::Claims,
        Self::Arguments,
        Self::Attributes,
        Self::Message,
        Self::Output,
    ];

    /// The part as a word, as in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Action => "action",
            Self::Component => "component",
            Self::Detail => "detail",
            Self::Token => "token",
            Self::Claims => "claims",
            Self::Arguments => "arguments",
            Self::Attributes => "attributes",
            Self::Message => "message",
            Self::Output => "output",
        }
    }

    /// Whether it is a part of the context, and not of the answer.
    #[must_use]
    pub fn is_of_context(self) -> bool {
        !matches!(self, Self::Message | Self::Output)
    }
}

/// A JSON pointer (RFC 6901) into a context: `/token/claims/email`. A part `*` matches every member of an object and every
/// element of an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextPointer(Vec<String>);

impl ContextPointer {
    /// The maximum length, in bytes.
    pub const MAX_BYTES: usize = 300;

    /// The maximum number of parts.
    pub const MAX_PARTS: usize = 16;

    /// The parts, without escapes.
    pub(crate) fn parts(&self) -> &[String] {
        &self.0
    }
}

impl FromStr for ContextPointer {
    type Err = ContextPointerError;

    fn from_str(pointer: &str) -> Result<Self, ContextPointerError> {
        let rest = pointer.strip_prefix('/').ok_or(ContextPointerError)?;
        let is_escaped = pointer.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
        let parts: Vec<String> =
            rest.split('/').take(Self::MAX_PARTS + 1).map(|part| part.replace("~1", "/").replace("~0", "~")).collect();
        let is_short = pointer.len() <= Self::MAX_BYTES && parts.len() <= Self::MAX_PARTS;
        if is_escaped && is_short { Ok(Self(parts)) } else { Err(ContextPointerError) }
    }
}

impl Serialize for ContextPointer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let escaped = self.0.iter().map(|part| format!("/{}", part.replace('~', "~0").replace('/', "~1")));
        serializer.serialize_str(&escaped.collect::<String>())
    }
}

impl<'de> Deserialize<'de> for ContextPointer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A text that does not point into a context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a JSON pointer of 1 to 16 parts and at most 300 bytes, for example `/token/claims/email`")]
pub struct ContextPointerError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_of_a_part_is_its_json_form() {
        for part in LogPart::ALL {
            assert_eq!(serde_json::to_value(part).unwrap(), part.as_str());
        }
    }

    #[test]
    fn a_pointer_is_the_same_after_reading_and_writing_it() {
        for text in ["/token/claims/a~1b~0c", "/", "/arguments/*/email", "/a//b"] {
            let pointer: ContextPointer = text.parse().unwrap();
            assert_eq!(serde_json::to_value(&pointer).unwrap(), text);
        }
    }

    #[test]
    fn a_text_that_points_to_everything_or_too_far_is_not_a_pointer() {
        let (too_long, too_deep) = (format!("/{}", "a".repeat(300)), "/a".repeat(17));
        for text in ["", "token", "/a~", "/a~2", &too_long, &too_deep] {
            assert_eq!(text.parse::<ContextPointer>(), Err(ContextPointerError), "{text}");
        }
    }
}
