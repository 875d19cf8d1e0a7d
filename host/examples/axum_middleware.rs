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

/// What the middleware needs.
struct Guard {
    checks: Vec<Check>,
    /// Stands for the verifier of your identity provider. Guardhouse decides about verified tokens; it verifies none.
    tokens: HashMap<String, AccessToken>,
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
        let tokens = HashMap::from([
            ("r".to_owned(), AccessToken::new("alice-laptop", ["read"])),
            ("rp".to_owned(), AccessToken::new("alice-laptop", ["read", "pay"])),
        ]);
        Ok(Self { checks, tokens })
    }

    fn token(&self, headers: &HeaderMap) -> Option<&AccessToken> {
        let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        self.tokens.get(value.strip_prefix("Bearer ")?)
    }

    /// What is known of a request: the enforcement point's own view, and nothing that the caller could invent.
    fn context(&self, method: &Method, route: &str, tool: &str, headers: &HeaderMap) -> AuthContext {
        let tags: &[&str] = if tool == "pay" { &["money"] } else { &[] };
        let mut context = AuthContext::new(Component::tool(tool).with_tags(tags.iter().copied()))
            .with_action("tools/call")
            .with_attributes(json!({ "http": { "method": method.as_str(), "route": route } }));
        context.token = self.token(headers).cloned();
        context
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
    let context = guard.context(request.method(), route.as_str(), &tool, request.headers());
    let is_anonymous = context.token.is_none();
    let decision = AuthChecks::new(&guard.checks).name_missing_scopes().run(&context).await;
    match decision.denial() {
        None => next.run(request).await,
        Some(denial) => refusal(denial, is_anonymous),
    }
}

/// The answer to a denied caller: 401 without a token, and 403 with one, as RFC 6750 section 3.1 has them.
fn refusal(denial: &Denial, is_anonymous: bool) -> Response {
    let status = if is_anonymous { StatusCode::UNAUTHORIZED } else { StatusCode::FORBIDDEN };
    let scopes = denial.missing_scopes.join(" ");
    let challenge = match (is_anonymous, scopes.is_empty()) {
        (true, _) => "Bearer".to_owned(),
        (false, true) => String::new(),
        (false, false) => format!("Bearer error=\"insufficient_scope\", scope=\"{scopes}\""),
    };
    let mut response = (status, Json(denial)).into_response();
    // Scopes come from plugins: what is not valid in a header is left out.
    if let Some(value) = HeaderValue::from_str(&challenge).ok().filter(|value| !value.is_empty()) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
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
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn requests_are_decided_before_their_handlers_run() {
        let router = router(Arc::new(Guard::new().await.unwrap()));
        let insufficient = "Bearer error=\"insufficient_scope\", scope=\"pay\"";
        for (tool, token, status, challenge) in [
            ("search", None, 401, Some("Bearer")),
            ("search", Some("forged"), 401, Some("Bearer")),
            ("search", Some("r"), 200, None),
            ("pay", Some("r"), 403, Some(insufficient)),
            ("pay", Some("rp"), 200, None),
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
}
