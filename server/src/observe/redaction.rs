//! Redaction: the part of a context that the decision log may have.

use guardhouse::{AuthContext, Document, RawToken};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::log_rules::{ContextPointer, LogPart, LogRules};

/// The text in the place of a value that is masked.
pub const MASKED: &str = "[masked]";

/// Members of the attributes that are always masked, whatever the enforcement point sends.
const SECRET_HEADERS: [&str; 4] = ["authorization", "proxy-authorization", "cookie", "set-cookie"];

/// What the decision log may have of one context.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Redacted {
    /// Nothing is included.
    Nothing,
    /// The included parts, in the JSON form of a context.
    Context(Value),
    /// The included parts have more bytes than the line may have.
    TooLarge,
}

/// Redacts a context by the rules of its tenant. It may have at most `max_bytes` before anything is removed, so that the
/// work is bounded too.
pub(super) fn redact(context: &AuthContext, rules: &LogRules, max_bytes: usize) -> Redacted {
    if !rules.include_context() {
        return Redacted::Nothing;
    }
    let included = Included::new(context, rules);
    if !fits(&included, max_bytes) {
        return Redacted::TooLarge;
    }
    let Ok(mut value) = serde_json::to_value(&included) else { return Redacted::Nothing };
    for pointer in &rules.drop {
        apply(&mut value, pointer, Action::Drop);
    }
    for pointer in &rules.mask {
        apply(&mut value, pointer, Action::Mask);
    }
    if let Some(attributes) = value.get_mut("attributes") {
        mask_secret_headers(attributes);
    }
    if let Some(secret) = context.token.as_ref().and_then(|token| token.raw.as_ref()) {
        mask_secret(&mut value, secret);
    }
    Redacted::Context(value)
}

/// The included parts of a context. The names are those of its JSON form, so that it can be read again.
#[derive(Serialize)]
struct Included<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<IncludedToken<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    component: Option<IncludedComponent<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<&'a str>,
    now: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    arguments: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attributes: Option<&'a Value>,
}

#[derive(Serialize)]
struct IncludedToken<'a> {
    #[serde(flatten)]
    record: Option<TokenRecord<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    claims: Option<&'a Value>,
}

#[derive(Serialize)]
struct TokenRecord<'a> {
    client_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    scopes: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_indicator: Option<&'a str>,
}

#[derive(Serialize)]
struct IncludedComponent<'a> {
    #[serde(flatten)]
    record: Option<ComponentRecord<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a Value>,
}

#[derive(Serialize)]
struct ComponentRecord<'a> {
    kind: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    uri: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    tags: &'a [String],
}

impl<'a> Included<'a> {
    fn new(context: &'a AuthContext, rules: &LogRules) -> Self {
        // A document that cannot be read is left out: the check that read it failed.
        let document = |part, document| {
            let read = rules.includes(part).then(|| context.document(document));
            read.and_then(|read| read.ok().flatten()).map(|json| &**json)
        };
        let token = context.token.as_ref().map(|token| IncludedToken {
            record: rules.includes(LogPart::Token).then(|| TokenRecord {
                client_id: &token.client_id,
                subject: token.subject.as_deref(),
                scopes: &token.scopes,
                expires_at: token.expires_at,
                resource_indicator: token.resource_indicator.as_deref(),
            }),
            claims: document(LogPart::Claims, Document::Claim),
        });
        let component = IncludedComponent {
            record: rules.includes(LogPart::Component).then(|| ComponentRecord {
                kind: &context.component.kind,
                name: &context.component.name,
                uri: context.component.uri.as_deref(),
                version: context.component.version.as_deref(),
                tags: &context.component.tags,
            }),
            detail: document(LogPart::Detail, Document::Detail),
        };
        Self {
            token: token.filter(|token| token.record.is_some() || token.claims.is_some()),
            component: Some(component).filter(|part| part.record.is_some() || part.detail.is_some()),
            action: rules.includes(LogPart::Action).then_some(&context.action),
            now: context.now,
            arguments: document(LogPart::Arguments, Document::Argument),
            attributes: document(LogPart::Attributes, Document::Attribute),
        }
    }
}

/// Whether the JSON text of `value` has at most `max_bytes`.
fn fits(value: &impl Serialize, max_bytes: usize) -> bool {
    struct Left(usize);
    impl std::io::Write for Left {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(std::io::ErrorKind::WriteZero)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    serde_json::to_writer(Left(max_bytes), value).is_ok()
}

/// What becomes of a value that a rule points to.
#[derive(Clone, Copy)]
enum Action {
    Drop,
    Mask,
}

fn apply(value: &mut Value, pointer: &ContextPointer, action: Action) {
    apply_parts(value, pointer.parts(), action);
}

/// The depth is that of the pointer, which is bounded.
fn apply_parts(value: &mut Value, parts: &[String], action: Action) {
    let Some((part, rest)) = parts.split_first() else {
        *value = Value::from(MASKED);
        return;
    };
    let drops = rest.is_empty() && matches!(action, Action::Drop);
    let all = part == "*";
    match value {
        Value::Object(members) if drops && all => members.clear(),
        Value::Array(elements) if drops && all => elements.clear(),
        Value::Object(members) if drops => {
            members.remove(part);
        }
        Value::Array(elements) => {
            let index = part.parse::<usize>().ok();
            // Null, so that the elements behind it keep their indexes for the other rules.
            if let Some(element) = index.filter(|_| drops).and_then(|index| elements.get_mut(index)) {
                *element = Value::Null;
                return;
            }
            let chosen = elements.iter_mut().enumerate().filter(|(at, _)| all || Some(*at) == index);
            chosen.for_each(|(_, element)| apply_parts(element, rest, action));
        }
        Value::Object(members) if all => {
            members.values_mut().for_each(|member| apply_parts(member, rest, action));
        }
        Value::Object(members) => {
            if let Some(member) = members.get_mut(part) {
                apply_parts(member, rest, action);
            }
        }
        _ => {}
    }
}

/// Masks the members of these names at any depth. A document is nested less than 128 levels.
fn mask_secret_headers(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if SECRET_HEADERS.iter().any(|header| name.eq_ignore_ascii_case(header)) {
                    *member = Value::from(MASKED);
                } else {
                    mask_secret_headers(member);
                }
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(mask_secret_headers),
        _ => {}
    }
}

/// Masks every text that contains the bearer secret, and removes every member whose name does.
fn mask_secret(value: &mut Value, secret: &RawToken) {
    if secret.expose().is_empty() {
        return;
    }
    match value {
        Value::String(text) if text.contains(secret.expose()) => MASKED.clone_into(text),
        Value::Array(elements) => elements.iter_mut().for_each(|element| mask_secret(element, secret)),
        Value::Object(members) => {
            let has_secret = |name: &String| name.contains(secret.expose());
            if members.keys().any(has_secret) {
                *members =
                    std::mem::take(members).into_iter().filter(|(name, _)| !has_secret(name)).collect::<Map<_, _>>();
            }
            members.values_mut().for_each(|member| mask_secret(member, secret));
        }
        _ => {}
    }
}
