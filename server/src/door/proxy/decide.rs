//! The decision on the request of a proxy: its token, its context, and its outcome.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use guardhouse::{AuthContext, Component};
use hyper::header::AUTHORIZATION;

use super::outcome::{Outcome, Token};
use super::request::{InvalidRequest, ProxyRequest};
use crate::config::tenant::TenantSettings;
use crate::decided::DenialCause;
use crate::door::doors::{Doors, unless_gone};
use crate::door::exchange::Incoming;
use crate::policy::selector::ROUTE;
use crate::token::TokenRefusal;

/// Decides the request of a proxy, or denies one that is invalid. None if the proxy has gone.
pub(in crate::door) async fn decide(
    doors: &Doors,
    incoming: &Incoming<'_>,
    request: Result<ProxyRequest<'_>, InvalidRequest>,
    deadline: Option<Duration>,
) -> Option<Outcome> {
    let settings = doors.settings();
    let settings = settings.of(incoming.tenant);
    // The proxy waits since it has asked, and not since the tenant had its turn.
    let end = incoming.received + doors.deadline(incoming.tenant, deadline);
    let read = || {
        let request = request.as_ref().map_err(|invalid| *invalid)?;
        Ok((request, request.context(&settings.headers)?))
    };
    let left = end.saturating_duration_since(Instant::now());
    // Without a turn in time, the decision has no time left either.
    let in_turn = tokio::time::timeout(left, doors.in_turn(incoming, &read)).await;
    let (request, mut context) = match in_turn.unwrap_or_else(|_| read()) {
        Ok(read) => read,
        Err(InvalidRequest { cause, reason }) => {
            let unknown = AuthContext::new(Component::new(ROUTE, ""));
            return Some(deny(doors, incoming, &unknown, (cause, reason.into()), settings).await);
        }
    };
    let tokens = doors.tokens();
    let is_asked = tokens.asks(incoming.tenant);
    let token = if is_asked {
        let mut lines = request.lines(AUTHORIZATION.as_str());
        let authorization = lines.next();
        let verified = if lines.next().is_some() {
            Err(TokenRefusal::Invalid("the request has two `Authorization` headers"))
        } else {
            let within = end.saturating_duration_since(Instant::now());
            let verified = doors.charged(incoming, tokens.verify(incoming.tenant, authorization, within));
            unless_gone(incoming, verified).await?
        };
        match verified {
            Ok(token) => token,
            Err(refusal) => {
                let refused = match refusal {
                    TokenRefusal::Invalid(reason) => (DenialCause::InvalidToken, reason.into()),
                    TokenRefusal::Unavailable(reason) => (DenialCause::IssuerUnavailable, reason.into()),
                };
                return Some(deny(doors, incoming, &context, refused, settings).await);
            }
        }
    } else {
        None
    };
    context.token.clone_from(&token);
    let left = end.saturating_duration_since(Instant::now());
    let decided = doors.decide(incoming, &context, Some(left)).await?;
    let token = match &token {
        Some(token) => Token::Verified(token),
        None if is_asked => Token::Absent,
        None => Token::NotAsked,
    };
    Some(Outcome::of(&decided, token, settings))
}

/// Denies a request that no check is asked about.
async fn deny(
    doors: &Doors,
    incoming: &Incoming<'_>,
    context: &AuthContext,
    (cause, reason): (DenialCause, Cow<'static, str>),
    settings: &TenantSettings,
) -> Outcome {
    let decided = doors.deny(incoming, context, cause, reason).await;
    Outcome::of(&decided, Token::NotAsked, settings)
}
