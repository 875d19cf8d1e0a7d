//! The door of the Authorization API 1.0 (OpenID AuthZEN): access evaluation, access evaluations, and metadata.

mod request;

use std::time::{Duration, Instant};

use guardhouse::{Decision, Json};
use hyper::StatusCode;
use serde_json::{Map, Value, json};

use self::request::{Contexts, Defaults, Members, Parts, invalid};
use super::answer::{self, Answer, Kind, Refusal};
use super::body::Held;
use super::doors::{Doors, answer_of_gone};
use super::exchange::{Incoming, is_json};

use crate::decided::Decided;
use crate::tenant_name::TenantName;

/// The members of a request for several decisions.
const EVALUATIONS: &str = "evaluations";
const OPTIONS: &str = "options";
const SEMANTIC: &str = "evaluations_semantic";

/// When the evaluation of several requests ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Semantic {
    /// After all.
    ExecuteAll,
    /// After the first that is denied.
    DenyOnFirstDeny,
    /// After the first that is permitted.
    PermitOnFirstPermit,
}

/// Decides one request.
pub(super) async fn evaluation(doors: &Doors, incoming: &Incoming<'_>, body: &[u8]) -> Result<Answer, Refusal> {
    let document = doors.in_turn(incoming, || document(incoming, body)).await?;
    one(doors, incoming, root(&document)?).await
}

/// Decides several requests, or one if there are no several.
pub(super) async fn evaluations(
    doors: &Doors,
    incoming: &Incoming<'_>,
    body: &mut Held<'_>,
) -> Result<Answer, Refusal> {
    let document = doors.in_turn(incoming, || document(incoming, body.bytes())).await?;
    let root = root(&document)?;
    let semantic = semantic(root)?;
    let Some(items) = root.get(EVALUATIONS) else { return one(doors, incoming, root).await };
    let items = items.as_array().ok_or_else(|| invalid(EVALUATIONS, "it must be a list"))?;
    if items.is_empty() {
        return one(doors, incoming, root).await;
    }
    let cap = doors.batch();
    if items.len() > cap {
        return Err(invalid(EVALUATIONS, &format!("{} evaluations, over the cap of {cap}", items.len())));
    }
    let mut defaults = Defaults::of(root)?;
    let deadline = incoming.deadline()?;
    let requests: Vec<_> = items.iter().map(|item| defaults.parts(item)).collect();
    let (copied, cap) = (defaults.copied(), doors.bodies().cap);
    if copied > cap {
        let reason = format!("they repeat {copied} bytes of the members beside them, over the cap of {cap}");
        return Err(invalid(EVALUATIONS, &reason));
    }
    body.hold(defaults.copied_memory())?;
    let answers = match semantic {
        Semantic::ExecuteAll => all(doors, incoming, requests, deadline).await,
        Semantic::DenyOnFirstDeny => until(doors, incoming, requests, deadline, false).await,
        Semantic::PermitOnFirstPermit => until(doors, incoming, requests, deadline, true).await,
    };
    let Some(answers) = answers else { return Ok(answer_of_gone()) };
    Ok(answer::json(StatusCode::OK, &json!({ (EVALUATIONS): answers })))
}

/// The metadata of a tenant's decision point, for every name that a tenant may have.
pub(super) fn metadata(public_url: Option<&str>, tenant: &str) -> Result<Answer, Refusal> {
    let missing = |detail: &str| Refusal::new(Kind::NotFound, detail);
    let url = public_url.ok_or_else(|| missing("the server has no `public-url`"))?;
    let tenant: TenantName = tenant.parse().map_err(|_| missing("no tenant can have this name"))?;
    let point = format!("{url}/tenants/{tenant}");
    let document = json!({
        "policy_decision_point": point,
        "access_evaluation_endpoint": format!("{point}/access/v1/evaluation"),
        "access_evaluations_endpoint": format!("{point}/access/v1/evaluations"),
    });
    Ok(answer::json(StatusCode::OK, &document))
}

async fn one(doors: &Doors, incoming: &Incoming<'_>, root: &Map<String, Value>) -> Result<Answer, Refusal> {
    let context = Members::of(root).parts()?.context()?;
    let deadline = incoming.deadline()?;
    let Some(decided) = doors.decide(incoming, &context, deadline).await else { return Ok(answer_of_gone()) };
    let mut answer = answer::json(StatusCode::OK, &shown(&decided));
    doors.add_id(&mut answer, &decided);
    Ok(answer)
}

/// Decides all requests; none if the caller has gone.
async fn all(
    doors: &Doors,
    incoming: &Incoming<'_>,
    requests: Vec<Result<Parts<'_>, Refusal>>,
    deadline: Option<Duration>,
) -> Option<Vec<Value>> {
    let mut contexts = Contexts::default();
    let mut errors = Vec::with_capacity(requests.len());
    let mut valid = Vec::with_capacity(requests.len());
    for request in requests {
        let context = request.and_then(|parts| contexts.next(&parts));
        errors.push(context.map(|context| valid.push(context)).err());
    }
    let decided = doors.decide_batch(incoming, &valid, deadline).await?;
    let mut decided = decided.iter();
    // A decision that is missing would be a denial; there is one for each context.
    let answer = |error: Option<Refusal>| match error {
        Some(error) => shown_error(&error),
        None => decided.next().map_or_else(|| json!({ "decision": false }), shown),
    };
    Some(errors.into_iter().map(answer).collect())
}

/// Decides requests up to the first whose decision is `last`; none if the caller has gone.
async fn until(
    doors: &Doors,
    incoming: &Incoming<'_>,
    requests: Vec<Result<Parts<'_>, Refusal>>,
    deadline: Option<Duration>,
    last: bool,
) -> Option<Vec<Value>> {
    let end = Instant::now() + doors.deadline(incoming.tenant, deadline);
    let mut contexts = Contexts::default();
    let (mut answers, mut all) = (Vec::new(), Vec::new());
    for request in requests {
        let (is_permitted, answer) = match request.and_then(|parts| contexts.next(&parts)) {
            Err(error) => (false, shown_error(&error)),
            Ok(context) => {
                let left = end.saturating_duration_since(Instant::now());
                let decided = doors.evaluate(incoming, &context, Some(left)).await?;
                let shown = (decided.decision.is_allow(), shown(&decided));
                all.push((context, decided));
                shown
            }
        };
        answers.push(answer);
        if is_permitted == last {
            break;
        }
    }
    // A caller that goes before the last decision gets none of them, and none is logged.
    for (context, decided) in &all {
        doors.tell(incoming, context, decided).await;
    }
    Some(answers)
}

/// A decision as the caller sees it. A permit, and a denial without a message, are a decision and nothing else.
fn shown(decided: &Decided) -> Value {
    let Decision::Deny(denial) = &decided.decision else { return json!({ "decision": true }) };
    let mut context = Map::new();
    if let Some(message) = &denial.message {
        context.insert("reason_user".to_owned(), json!({ "403": message }));
    }
    if !denial.missing_scopes.is_empty() {
        context.insert("missing_scopes".to_owned(), json!(denial.missing_scopes));
    }
    if context.is_empty() {
        return json!({ "decision": false });
    }
    context.insert("id".to_owned(), json!(decided.id));
    json!({ "decision": false, "context": context })
}

/// An invalid request among several: it is denied, and says why.
fn shown_error(error: &Refusal) -> Value {
    let status = error.kind.status().as_u16();
    json!({ "decision": false, "context": { "error": { "status": status, "message": error.line() } } })
}

fn document(incoming: &Incoming<'_>, body: &[u8]) -> Result<Json, Refusal> {
    if !is_json(incoming.headers) {
        return Err(Refusal::new(Kind::InvalidHeader, "send `Content-Type: application/json`, and the body in UTF-8"));
    }
    Json::from_slice(body).map_err(|error| Refusal::new(Kind::InvalidRequest, error.to_string()))
}

fn root(document: &Json) -> Result<&Map<String, Value>, Refusal> {
    document.as_object().ok_or_else(|| Refusal::new(Kind::InvalidRequest, "the body must be an object"))
}

fn semantic(root: &Map<String, Value>) -> Result<Semantic, Refusal> {
    let Some(options) = root.get(OPTIONS) else { return Ok(Semantic::ExecuteAll) };
    let options = options.as_object().ok_or_else(|| invalid(OPTIONS, "it must be an object"))?;
    let Some(word) = options.get(SEMANTIC) else { return Ok(Semantic::ExecuteAll) };
    match word.as_str() {
        Some("execute_all") => Ok(Semantic::ExecuteAll),
        Some("deny_on_first_deny") => Ok(Semantic::DenyOnFirstDeny),
        Some("permit_on_first_permit") => Ok(Semantic::PermitOnFirstPermit),
        _ => Err(invalid(
            "options.evaluations_semantic",
            "it must be `execute_all`, `deny_on_first_deny` or `permit_on_first_permit`",
        )),
    }
}
