//! Native checks: Rust closures and the four checks of FastMCP, without a sandbox.
//!
//! [`from_fn`] returns a check of its own type, and may borrow. The others are boxed, so that one list may mix them; their
//! ids are the names of the [built-in](crate::builtin) plugins that decide the same.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::decision::auth_check::{AuthCheck, EvaluationFuture, EvaluationRequest};
use crate::fault::{Cause, Fault};
use crate::outcome::{Evaluation, Outcome};
use crate::reads::Document;
use crate::request::AuthContext;
use crate::request::json::{self, Json, JsonError};
use crate::request::token::AccessToken;
use crate::util::panic::catch;
use crate::util::text::clip;

/// A check from a closure that returns a `bool`, a `Result<bool, AuthorizationError>` or an [`Outcome`]. A panic of the
/// closure is a fault, which denies.
///
/// ```
/// use guardhouse::{AuthContext, AuthorizationError, native};
///
/// let weekdays = native::from_fn("weekdays", |ctx: &AuthContext| match ctx.now.div_euclid(86_400).rem_euclid(7) {
///     2 | 3 => Err(AuthorizationError::new("closed at weekends")),
///     _ => Ok(true),
/// });
/// ```
pub fn from_fn<F, O>(id: impl Into<String>, check: F) -> impl AuthCheck
where
    F: Fn(&AuthContext) -> O + Send + Sync,
    O: Into<Outcome>,
{
    Native { id: id.into(), check: move |context: &AuthContext| check(context).into(), missing: None::<NoScopes> }
}

/// Allows if a token is present, with any content (rule B1).
#[must_use]
pub fn require_auth() -> Box<dyn AuthCheck> {
    Box::new(from_fn("require-auth", |context| context.token.is_some()))
}

/// Allows if a token is present and has every scope (rule B2). Without scopes, any token suffices.
pub fn require_scopes<S: Into<String>>(scopes: impl IntoIterator<Item = S>) -> Box<dyn AuthCheck> {
    let scopes = collect(scopes);
    let needed = scopes.clone();
    Box::new(Native {
        id: "require-scopes".to_owned(),
        check: move |context: &AuthContext| Outcome::from(holds(context, &needed)),
        missing: Some(move |context: &AuthContext| missing(context, &scopes)),
    })
}

/// Requires a token with every scope for a component with the tag; allows every request for a component without it
/// (rule B3).
pub fn restrict_tag<S: Into<String>>(
    tag: impl Into<String>,
    scopes: impl IntoIterator<Item = S>,
) -> Box<dyn AuthCheck> {
    let scopes = collect(scopes);
    let needed = scopes.clone();
    let tag = tag.into();
    Box::new(Native {
        id: "restrict-tag".to_owned(),
        check: move |context: &AuthContext| Outcome::from(!context.component.has_tag(&tag) || holds(context, &needed)),
        missing: Some(move |context: &AuthContext| missing(context, &scopes)),
    })
}

/// Allows if a token is present and its claim under the JSON pointer (RFC 6901) lists every role (rule B4): the strings
/// of a list, the names of an object, or a string, which is one role. A claim that is missing or of another type denies.
///
/// # Errors
/// [`RolesError`] if there are no roles, which would allow every token, and if `claim` is not a JSON pointer.
pub fn require_roles<S: Into<String>>(
    roles: impl IntoIterator<Item = S>,
    claim: impl Into<String>,
) -> Result<Box<dyn AuthCheck>, RolesError> {
    let roles = collect(roles);
    let claim = claim.into();
    if roles.is_empty() {
        return Err(RolesError::NoRoles);
    }
    if !Json::is_pointer(&claim) {
        return Err(RolesError::InvalidPointer(claim));
    }
    Ok(Box::new(from_fn("require-roles", move |context: &AuthContext| {
        let claims = match context.document(Document::Claim) {
            Ok(claims) => claims,
            Err(error) => {
                return Outcome::Failed(Fault::new(Cause::UnreadableDocument, format!("the claims: {error}")));
            }
        };
        let claim = claims.and_then(|claims| claims.pointer(&claim));
        Outcome::from(claim.is_some_and(|claim| lists(claim, &roles)))
    })))
}

/// The native check with the name of a [built-in](crate::builtin) plugin, made with the settings that this plugin would
/// take (rule B6): `require-auth`, `require-scopes`, `restrict-tag` or `require-roles`.
///
/// # Errors
/// [`NativeError`] if no native check has this name, or the settings are invalid.
///
/// ```
/// use guardhouse::native;
/// use serde_json::json;
///
/// let read = native::from_settings("require-scopes", Some(json!({ "scopes": ["read"] }).into()))?;
/// assert_eq!(read.id(), "require-scopes");
/// let error = native::from_settings("require-auth", Some(json!({ "scopes": ["admin"] }).into())).err().unwrap();
/// assert_eq!(error, native::NativeError::NoSettings);
/// # Ok::<(), native::NativeError>(())
/// ```
pub fn from_settings(name: &str, settings: Option<Json>) -> Result<Box<dyn AuthCheck>, NativeError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Scopes {
        scopes: Vec<String>,
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Tag {
        tag: String,
        scopes: Vec<String>,
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Roles {
        roles: Vec<String>,
        claim: String,
    }
    let settings = settings.filter(|settings| !settings.is_null());
    match name {
        "require-auth" if settings.is_some() => Err(NativeError::NoSettings),
        "require-auth" => Ok(require_auth()),
        "require-scopes" => read(settings).map(|Scopes { scopes }| require_scopes(scopes)),
        "restrict-tag" => read(settings).map(|Tag { tag, scopes }| restrict_tag(tag, scopes)),
        "require-roles" => {
            let Roles { roles, claim } = read(settings)?;
            require_roles(roles, claim).map_err(NativeError::Roles)
        }
        _ => Err(NativeError::UnknownName(clip(name))),
    }
}

/// Reads settings, which are an object. Omitted ones are an empty object.
fn read<T: DeserializeOwned>(settings: Option<Json>) -> Result<T, NativeError> {
    let text = settings.unwrap_or_default().to_string();
    json::read(text.as_bytes()).map(|json::Object(settings)| settings).map_err(NativeError::Settings)
}

/// The reason why [`from_settings`] cannot make a check.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NativeError {
    /// No native check has this name.
    #[error(
        "native check `{0}` does not exist; use `require-auth`, `require-roles`, `require-scopes` or `restrict-tag`"
    )]
    UnknownName(String),
    /// There are settings, but the check takes none.
    #[error("this check takes no settings")]
    NoSettings,
    /// The settings are not what the check takes.
    #[error("invalid settings: {0}")]
    Settings(JsonError),
    /// The settings of `require-roles` cannot be used.
    #[error("invalid settings: {0}")]
    Roles(RolesError),
}

/// The reason why [`require_roles`] cannot make a check.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RolesError {
    /// The list of roles is empty.
    #[error("needs at least one role: an empty list would allow every token")]
    NoRoles,
    /// The claim is not a JSON pointer.
    #[error(
        "`{0}` is not a JSON pointer (RFC 6901): it must be empty or begin with `/`, with `~` only in `~0` and `~1`"
    )]
    InvalidPointer(String),
}

struct Native<F, M> {
    id: String,
    check: F,
    missing: Option<M>,
}

type NoScopes = fn(&AuthContext) -> Vec<String>;

impl<F, M> AuthCheck for Native<F, M>
where
    F: Fn(&AuthContext) -> Outcome + Send + Sync,
    M: Fn(&AuthContext) -> Vec<String> + Send + Sync,
{
    fn id(&self) -> &str {
        &self.id
    }

    fn evaluate<'a>(&'a self, request: EvaluationRequest<'a>) -> EvaluationFuture<'a> {
        let outcome = catch(|| (self.check)(request.context))
            .unwrap_or_else(|message| Outcome::native_fault(format!("panicked: {message}")));
        let mut evaluation = Evaluation::from(outcome);
        if request.name_missing_scopes && evaluation.outcome == Outcome::Denied {
            evaluation.missing_scopes = self.missing.as_ref().map_or_else(Vec::new, |missing| missing(request.context));
        }
        Box::pin(std::future::ready(evaluation))
    }

    fn names_missing_scopes(&self) -> bool {
        self.missing.is_some()
    }
}

/// Whether a claim lists every role. A list with a list or an object inside is not a list of roles, and lists none.
fn lists(claim: &Value, roles: &[String]) -> bool {
    match claim {
        Value::String(held) => roles.iter().all(|role| role == held),
        Value::Object(held) => roles.iter().all(|role| held.contains_key(role)),
        Value::Array(held) => {
            let is_flat = !held.iter().any(|value| value.is_array() || value.is_object());
            is_flat && roles.iter().all(|role| held.iter().any(|value| value.as_str() == Some(role)))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn collect<S: Into<String>>(texts: impl IntoIterator<Item = S>) -> Vec<String> {
    texts.into_iter().map(Into::into).collect()
}

fn holds(context: &AuthContext, scopes: &[String]) -> bool {
    let has_all = |token: &AccessToken| scopes.iter().all(|scope| token.has_scope(scope));
    context.token.as_ref().is_some_and(has_all)
}

fn missing(context: &AuthContext, scopes: &[String]) -> Vec<String> {
    let Some(token) = &context.token else { return Vec::new() };
    scopes.iter().filter(|scope| !token.has_scope(scope)).cloned().collect()
}
