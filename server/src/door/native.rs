//! The native door: contexts in the JSON form of [`AuthContext`], and decisions as they are.

use std::fmt;

use guardhouse::{AuthContext, Decision, DecisionId, Json};
use hyper::StatusCode;
use serde::Serialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use super::answer::{self, Answer, Kind, Refusal};
use super::doors::{Doors, answer_of_gone};
use super::exchange::{Incoming, is_json};

use crate::decided::Decided;

/// Several requests for decisions.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch {
    contexts: Vec<Context>,
}

/// A context that is written as an object. The derived reader would take a list of the fields' values as well.
#[derive(Debug)]
struct Context(AuthContext);

impl<'de> Deserialize<'de> for Context {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor;
        impl<'de> Visitor<'de> for ObjectVisitor {
            type Value = AuthContext;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<AuthContext, A::Error> {
                AuthContext::deserialize(MapAccessDeserializer::new(map))
            }
        }
        deserializer.deserialize_any(ObjectVisitor).map(Self)
    }
}

/// A decision as the caller sees it. All denials without a message look alike, whatever their cause.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    decision: &'static str,
    id: DecisionId,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    missing_scopes: &'a [String],
}

impl<'a> From<&'a Decided> for Shown<'a> {
    fn from(decided: &'a Decided) -> Self {
        let (message, missing_scopes) = match &decided.decision {
            Decision::Allow => (None, &[][..]),
            Decision::Deny(denial) => (denial.message.as_deref(), &denial.missing_scopes[..]),
        };
        Self { decision: decided.decision.kind(), id: decided.id, message, missing_scopes }
    }
}

/// Several decisions, in the order of their contexts.
#[derive(Debug, Serialize)]
struct Decisions<'a> {
    decisions: Vec<Shown<'a>>,
}

/// Decides one request.
pub(super) async fn check(doors: &Doors, incoming: &Incoming<'_>, body: &[u8]) -> Result<Answer, Refusal> {
    require_json(incoming)?;
    let deadline = incoming.deadline()?;
    let context = doors.in_turn(incoming, || AuthContext::from_slice(body)).await;
    let context = context.map_err(|error| invalid(error.path(), error.reason()))?;
    let Some(decided) = doors.decide(incoming, &context, deadline).await else { return Ok(answer_of_gone()) };
    let mut answer = answer::json(StatusCode::OK, &Shown::from(&decided));
    doors.add_id(&mut answer, &decided);
    Ok(answer)
}

/// Decides several requests.
pub(super) async fn check_batch(doors: &Doors, incoming: &Incoming<'_>, body: &[u8]) -> Result<Answer, Refusal> {
    require_json(incoming)?;
    let deadline = incoming.deadline()?;
    let batch = doors.in_turn(incoming, || Json::read::<Batch>(body)).await;
    let batch = batch.map_err(|error| invalid(error.path(), error.reason()))?;
    let cap = doors.batch();
    if batch.contexts.len() > cap {
        return Err(invalid("contexts", &format!("{} contexts, over the cap of {cap}", batch.contexts.len())));
    }
    let contexts: Vec<AuthContext> = batch.contexts.into_iter().map(|context| context.0).collect();
    let Some(all) = doors.decide_batch(incoming, &contexts, deadline).await else { return Ok(answer_of_gone()) };
    Ok(answer::json(StatusCode::OK, &Decisions { decisions: all.iter().map(Shown::from).collect() }))
}

fn require_json(incoming: &Incoming<'_>) -> Result<(), Refusal> {
    if is_json(incoming.headers) {
        return Ok(());
    }
    Err(Refusal::new(Kind::UnsupportedMediaType, "send `Content-Type: application/json`, and the body in UTF-8"))
}

fn invalid(path: &str, reason: &str) -> Refusal {
    let path = (path != ".").then(|| path.to_owned());
    Refusal { path, ..Refusal::new(Kind::InvalidRequest, reason) }
}
