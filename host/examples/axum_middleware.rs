//! An axum middleware: every request of a router is decided by checks before its handler runs.
//!
//! ```console
//! $ cargo run --example axum_middleware
//! $ curl -i localhost:3000/tools/search                                # 401: no token
//! $ curl -i localhost:3000/tools/search -H 'authorization: Bearer r'   # 200
//! $ curl -i localhost:3000/tools/pay -H 'authorization: Bearer r'      # 403: the scope `pay` is missing
//! $ curl -i localhost:3000/tools/pay -H 'authorization: Bearer rp'     # 200
//! ```

use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;

use axum::extract::{MatchedPath, Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use guardhouse::{AccessToken, AuthChecks, AuthContext, Check, Component, Denial, Host, Plugin, builtin};
use serde_json::json;

/// The guard of the router.
struct Guard {
    checks: Vec<Check>,
    /// The tools that exist, as the server describes them. The caller chooses one, and describes none.
    tools: HashMap<String, Component>,
    /// Stands for the verifier of your identity provider. Guardhouse decides about verified tokens; it verifies none.
    tokens: HashMap<String, AccessToken>,
}

/// The reason why a request is answered without a decision.
enum Undecided {
    UnknownTool,
    InvalidToken,
}

impl Guard {
    async fn new() -> Result<Self, Box<dyn Error>> {
        let host = Host::new()?;
        // The async forms: the blocking ones would hold up a thread of the runtime while they compile.
        let scopes = Plugin::load_async(&host, builtin::REQUIRE_SCOPES).await?;
        let tag = Plugin::load_async(&host, builtin::RESTRICT_TAG).await?;
        let checks = vec![
            Check::new_async(&scopes, json!({ "scopes": ["read"] })).await?,
            Check::new_async(&tag, json!({ "tag": "money", "scopes": ["pay"] })).await?,
        ];
        let tools = [Component::tool("search"), Component::tool("pay").with_tags(["money"])];
        let tokens = HashMap::from([
            ("r".to_owned(), AccessToken::new("alice-laptop", ["read"])),
            ("rp".to_owned(), AccessToken::new("alice-laptop", ["read", "pay"])),
        ]);
        Ok(Self { checks, tools: tools.map(|tool| (tool.name.clone(), tool)).into(), tokens })
    }

    /// The verified token; none without a header. An invalid token is an error: it must not pass as no token.
    fn token(&self, headers: &HeaderMap) -> Result<Option<&AccessToken>, Undecided> {
        let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
        let secret = value.to_str().ok().and_then(|value| value.strip_prefix("Bearer "));
        secret.and_then(|secret| self.tokens.get(secret)).map(Some).ok_or(Undecided::InvalidToken)
    }

    /// The enforcement point's own view of a request.
    fn context(&self, method: &Method, route: &str, tool: &str, headers: &HeaderMap) -> Result<AuthContext, Undecided> {
        let tool = self.tools.get(tool).ok_or(Undecided::UnknownTool)?;
        let mut context = AuthContext::new(tool.clone())
            .with_action("tools/call")
            .with_attributes(json!({ "http": { "method": method.as_str(), "route": route } }));
        context.token = self.token(headers)?.cloned();
        Ok(context)
    }
}

/// Decides a request before its handler runs.
async fn guard(
    State(guard): State<Arc<Guard>>,
    Path(tool): Path<String>,
    route: MatchedPath,
    request: Request,
    next: Next,
) -> Response {
    let context = match guard.context(request.method(), route.as_str(), &tool, request.headers()) {
        Ok(context) => context,
        Err(Undecided::UnknownTool) => return StatusCode::NOT_FOUND.into_response(),
        Err(Undecided::InvalidToken) => return unauthorized("Bearer error=\"invalid_token\""),
    };
    let decision = AuthChecks::new(&guard.checks).name_missing_scopes().run(&context).await;
    match decision.denial() {
        None => next.run(request).await,
        Some(_) if context.token.is_none() => unauthorized("Bearer"),
        Some(denial) => forbidden(denial),
    }
}

/// The answer to a caller without a valid token (RFC 6750 section 3).
fn unauthorized(challenge: &'static str) -> Response {
    (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, challenge)]).into_response()
}

/// The answer to a denied caller: the denial, and the missing scopes as RFC 6750 section 3.1 has them.
fn forbidden(denial: &Denial) -> Response {
    let mut response = (StatusCode::FORBIDDEN, Json(denial)).into_response();
    // Other texts must not enter a header: a quotation mark could forge another parameter of the challenge.
    let scopes: Vec<&str> = denial.scope_tokens().collect();
    if !scopes.is_empty() {
        let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"{}\"", scopes.join(" "));
        if let Ok(value) = HeaderValue::try_from(challenge) {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
        }
    }
    response
}

async fn call(Path(tool): Path<String>) -> String {
    format!("called {tool}\n")
}

fn router(guard_state: Arc<Guard>) -> Router {
    Router::new().route("/tools/{tool}", get(call)).route_layer(from_fn_with_state(guard_state, guard))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let router = router(Arc::new(Guard::new().await?));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, router).await?)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use guardhouse::DecisionId;
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn requests_are_decided_before_their_handlers_run() {
        let router = router(Arc::new(Guard::new().await.unwrap()));
        let insufficient = "Bearer error=\"insufficient_scope\", scope=\"pay\"";
        for (tool, token, status, challenge) in [
            ("search", None, 401, Some("Bearer")),
            ("search", Some("forged"), 401, Some("Bearer error=\"invalid_token\"")),
            ("search", Some("r"), 200, None),
            ("pay", Some("r"), 403, Some(insufficient)),
            ("pay", Some("rp"), 200, None),
            ("unknown", Some("rp"), 404, None),
        ] {
            let mut request = Request::get(format!("/tools/{tool}"));
            if let Some(token) = token {
                request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
            }
            let response = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
            let found = response.headers().get(header::WWW_AUTHENTICATE).map(|value| value.to_str().unwrap());
            assert_eq!((response.status().as_u16(), found), (status, challenge), "{tool} {token:?}");
        }
    }

    #[test]
    fn a_scope_cannot_forge_a_parameter_of_the_challenge() {
        let forged = "x\", resource_metadata=\"https://evil.example";
        let denial = Denial::new(DecisionId::random()).with_missing_scopes([forged, "pay"]);
        let response = forbidden(&denial);
        let challenge = response.headers().get(header::WWW_AUTHENTICATE).unwrap();
        assert_eq!(challenge, "Bearer error=\"insufficient_scope\", scope=\"pay\"");
        let only_forged = forbidden(&Denial::new(DecisionId::random()).with_missing_scopes([forged]));
        assert!(only_forged.headers().get(header::WWW_AUTHENTICATE).is_none());
    }
}
