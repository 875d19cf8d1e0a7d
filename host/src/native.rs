//! Checks in Rust, without a sandbox: closures, and the origin's own four.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::Value;

use crate::auth_check::{AuthCheck, EvaluationFuture, EvaluationRequest};
use crate::context::{AccessToken, AuthContext};
use crate::outcome::{Cause, Evaluation, Fault, Outcome};

/// A check from a closure that answers a `bool`, a `Result<bool, AuthorizationError>` or an [`Outcome`]. If it
/// panics, that is a fault, and denies.
///
/// ```
/// use guardhouse::{AuthContext, AuthorizationError, native};
///
/// let weekdays = native::from_fn("weekdays", |ctx: &AuthContext| match ctx.now / 86_400 % 7 {
///     2 | 3 => Err(AuthorizationError::new("closed at weekends")),
///     _ => Ok(true),
/// });
/// ```
pub fn from_fn<F, O>(id: &str, check: F) -> impl AuthCheck + use<F, O>
where
    F: Fn(&AuthContext) -> O + Send + Sync,
    O: Into<Outcome>,
{
    Native { id: id.to_owned(), check: move |context: &AuthContext| check(context).into(), missing: None::<NoScopes> }
}

/// A token is present. Nothing else is looked at (rule B1).
#[must_use]
pub fn require_auth() -> Box<dyn AuthCheck> {
    Box::new(from_fn("require_auth", |context| context.token.is_some()))
}

/// A token is present and has every scope (rule B2). With no scopes, any token will do.
pub fn require_scopes<S: Into<String>>(scopes: impl IntoIterator<Item = S>) -> Box<dyn AuthCheck> {
    let scopes = collect(scopes);
    let needed = scopes.clone();
    Box::new(Native {
        id: "require_scopes".to_owned(),
        check: move |context: &AuthContext| Outcome::from(holds(context, &needed)),
        missing: Some(move |context: &AuthContext| missing(context, &scopes)),
    })
}

/// A component with the tag needs a token that has every scope; one without the tag is open to everybody (rule B3).
pub fn restrict_tag<S: Into<String>>(
    tag: impl Into<String>,
    scopes: impl IntoIterator<Item = S>,
) -> Box<dyn AuthCheck> {
    let scopes = collect(scopes);
    let needed = scopes.clone();
    let tag = tag.into();
    Box::new(Native {
        id: "restrict_tag".to_owned(),
        check: move |context: &AuthContext| Outcome::from(!context.component.has_tag(&tag) || holds(context, &needed)),
        missing: Some(move |context: &AuthContext| missing(context, &scopes)),
    })
}

/// A token is present, and its claim under the JSON pointer (RFC 6901) lists every role (rule B4). A string is one
/// role; a claim that is missing or of another type denies.
///
/// # Errors
/// [`RolesError`] without any role, which would let every token in, and for a pointer that is none.
pub fn require_roles<S: Into<String>>(
    roles: impl IntoIterator<Item = S>,
    claim: impl Into<String>,
) -> Result<Box<dyn AuthCheck>, RolesError> {
    let roles = collect(roles);
    let claim = claim.into();
    if roles.is_empty() {
        return Err(RolesError::NoRoles);
    }
    if !claim.is_empty() && !claim.starts_with('/') {
        return Err(RolesError::NoPointer(claim));
    }
    Ok(Box::new(from_fn("require_roles", move |context: &AuthContext| {
        let held = context.token.as_ref().and_then(|token| token.claims.pointer(&claim));
        match held {
            Some(Value::String(role)) => roles.iter().all(|needed| needed == role),
            Some(Value::Array(held)) => {
                let held: Option<Vec<&str>> = held.iter().map(Value::as_str).collect();
                held.is_some_and(|held| roles.iter().all(|needed| held.contains(&needed.as_str())))
            }
            _ => false,
        }
    })))
}

/// Why there can be no such [`require_roles`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RolesError {
    /// There is no role.
    #[error("needs at least one role: with none, every token would be let in")]
    NoRoles,
    /// The claim is not a JSON pointer.
    #[error("`{0}` is not a JSON pointer: it must be empty or begin with `/`")]
    NoPointer(String),
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

    fn evaluate<'a>(&'a self, inquiry: EvaluationRequest<'a>) -> EvaluationFuture<'a> {
        let outcome = catch_unwind(AssertUnwindSafe(|| (self.check)(inquiry.context)));
        let outcome = outcome.unwrap_or_else(|panic| {
            let detail = format!("panicked: {}", panic_message(&*panic));
            Outcome::Failed(Fault::new(Cause::Native, detail))
        });
        let mut evaluation = Evaluation::from(outcome);
        if inquiry.name_missing_scopes && evaluation.outcome == Outcome::Denied {
            evaluation.missing_scopes = self.missing.as_ref().map_or_else(Vec::new, |missing| missing(inquiry.context));
        }
        Box::pin(std::future::ready(evaluation))
    }

    fn names_missing_scopes(&self) -> bool {
        self.missing.is_some()
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

/// The words of a panic, if it had any.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}
