//! A service whose tenants upload plugins, and swap them while requests are decided.
//!
//! ```console
//! $ cargo run --example axum_tenants
//! $ curl -X PUT localhost:3000/tenants/acme/plugin --data-binary @check.wasm
//! $ curl localhost:3000/tenants/acme/decide --json '{"component": {"kind": "tool", "name": "search"}}'
//! ```
//!
//! A real service authenticates its callers first: who may upload for a tenant, and who may ask for decisions.

use std::collections::HashMap;
use std::error::Error;
use std::process::ExitCode;
use std::sync::{Arc, RwLock};

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{post, put};
use axum::{Json, Router};
use guardhouse::{AuthChecks, AuthContext, Check, CheckConfig, CompilerProcess, Host, HostBuilder, HostLimits, Plugin};
use serde_json::json;

const COMPILE: &str = "compile-plugin";

/// The most tenants that this service keeps.
const MAX_TENANTS: usize = 1_000;

/// The checks of all tenants.
struct Service {
    host: Host,
    /// A request clones its tenant's check, which is shallow, and holds the lock no longer than that. A swap replaces
    /// the check for later requests; those that run keep the one that they have.
    checks: RwLock<HashMap<String, Check>>,
}

impl Service {
    fn new(builder: HostBuilder) -> Result<Self, Box<dyn Error>> {
        let limits = HostLimits { plugin_bytes: 8 << 20, ..HostLimits::default() };
        Ok(Self { host: builder.limits(limits).build()?, checks: RwLock::default() })
    }

    fn check(&self, tenant: &str) -> Option<Check> {
        self.checks.read().unwrap_or_else(|poisoned| poisoned.into_inner()).get(tenant).cloned()
    }

    /// Replaces the check of a tenant. Returns false if there is no room for another tenant.
    fn swap(&self, tenant: String, check: Check) -> bool {
        let mut checks = self.checks.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        let has_room = checks.len() < MAX_TENANTS || checks.contains_key(&tenant);
        if has_room {
            checks.insert(tenant, check);
        }
        has_room
    }
}

/// Loads an uploaded plugin. The tenant's old check decides until the new one is ready, and stays if the new one is
/// rejected.
async fn upload(State(service): State<Arc<Service>>, Path(tenant): Path<String>, component: Bytes) -> Response {
    // The async forms: no thread of the runtime waits for the compiler.
    let plugin = match Plugin::load_async(&service.host, Vec::from(component)).await {
        Ok(plugin) => plugin,
        Err(error) => return (StatusCode::UNPROCESSABLE_ENTITY, error.to_string()).into_response(),
    };
    let config = CheckConfig { tenant: Some(service.host.tenant(tenant.clone())), ..CheckConfig::default() };
    let check = match Check::new_async(&plugin, config).await {
        Ok(check) => check,
        Err(error) => return (StatusCode::UNPROCESSABLE_ENTITY, error.to_string()).into_response(),
    };
    if !service.swap(tenant, check) {
        return (StatusCode::INSUFFICIENT_STORAGE, "this service has no room for another tenant").into_response();
    }
    Json(json!({ "plugin": plugin.digest() })).into_response()
}

/// Decides a request by the check of its tenant. A tenant without a check is denied: an empty list would allow.
async fn decide(State(service): State<Arc<Service>>, Path(tenant): Path<String>, request: Bytes) -> Response {
    let context = match AuthContext::from_slice(&request) {
        Ok(context) => context,
        Err(error) => return (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    };
    match service.check(&tenant) {
        Some(check) => Json(AuthChecks::new(&[check]).run(&context).await).into_response(),
        None => (StatusCode::NOT_FOUND, Json(json!({ "decision": "deny" }))).into_response(),
    }
}

/// The resources that each tenant uses, for the operator.
async fn usage(State(service): State<Arc<Service>>) -> Response {
    Json(service.host.tenant_usage()).into_response()
}

fn router(service: Arc<Service>) -> Router {
    let plugin_bytes = service.host.limits().plugin_bytes;
    Router::new()
        .route("/tenants/{tenant}/plugin", put(upload).layer(DefaultBodyLimit::max(plugin_bytes)))
        .route("/tenants/{tenant}/decide", post(decide).layer(DefaultBodyLimit::max(AuthContext::MAX_BYTES)))
        .route("/usage", axum::routing::get(usage))
        .with_state(service)
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    // Strangers' plugins are compiled in a process of their own, which is this program again.
    if std::env::args().nth(1).as_deref() == Some(COMPILE) {
        return Ok(CompilerProcess::serve());
    }
    let compiler = CompilerProcess::new(std::env::current_exe()?).argument(COMPILE);
    let service = Arc::new(Service::new(Host::builder().compiler(compiler))?);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
        println!("listening on http://{}", listener.local_addr()?);
        axum::serve(listener, router(service)).await
    })?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use guardhouse::builtin;
    use serde_json::Value;
    use tower::ServiceExt;

    use super::*;

    async fn send(router: &Router, method: &str, path: &str, body: impl Into<Body>) -> (u16, Value) {
        let request = Request::builder().method(method).uri(path).body(body.into()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or_else(|_| String::from_utf8_lossy(&body).into()))
    }

    /// A request with a token.
    fn request() -> String {
        json!({ "component": { "kind": "tool", "name": "search" }, "token": { "client_id": "alice" } }).to_string()
    }

    /// The compiler process would be the test program, so these tests compile in their own process.
    fn service() -> Router {
        router(Arc::new(Service::new(Host::builder()).unwrap()))
    }

    #[tokio::test]
    async fn a_tenant_is_denied_until_it_has_a_plugin_and_keeps_it_when_another_is_rejected() {
        let router = service();
        assert_eq!(
            send(&router, "POST", "/tenants/acme/decide", request()).await,
            (404, json!({ "decision": "deny" }))
        );
        assert_eq!(send(&router, "PUT", "/tenants/acme/plugin", builtin::REQUIRE_AUTH).await.0, 200);
        assert_eq!(
            send(&router, "POST", "/tenants/acme/decide", request()).await,
            (200, json!({ "decision": "allow" }))
        );
        let (status, error) = send(&router, "PUT", "/tenants/acme/plugin", "garbage").await;
        assert!(status == 422 && error.as_str().unwrap().contains("not a WebAssembly file"), "{status} {error}");
        assert_eq!(send(&router, "POST", "/tenants/acme/decide", request()).await.1, json!({ "decision": "allow" }));
        // Another tenant has no part in it.
        assert_eq!(send(&router, "POST", "/tenants/other/decide", request()).await.0, 404);
        assert_eq!(send(&router, "POST", "/tenants/acme/decide", "{}").await.0, 400);
    }

    /// Both plugins allow this request, so a request that a swap disturbs would be the only denial.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn swaps_under_load_disturb_no_request() {
        let router = service();
        // The same plugin with a custom section is another one to the host.
        let plugins = [builtin::REQUIRE_AUTH.to_vec(), [builtin::REQUIRE_AUTH, b"\0\x02\x01x"].concat()];
        assert_eq!(send(&router, "PUT", "/tenants/acme/plugin", plugins[0].clone()).await.0, 200);
        let (decided, is_over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let load = tokio::spawn({
            let (router, decided, is_over) = (router.clone(), Arc::clone(&decided), Arc::clone(&is_over));
            async move {
                while !is_over.load(Ordering::Relaxed) {
                    let answer = send(&router, "POST", "/tenants/acme/decide", request()).await;
                    assert_eq!(answer, (200, json!({ "decision": "allow" })));
                    decided.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        let mut digests = HashSet::new();
        for swap in 1..=10 {
            let (status, answer) = send(&router, "PUT", "/tenants/acme/plugin", plugins[swap % 2].clone()).await;
            assert_eq!(status, 200, "{answer}");
            digests.insert(answer["plugin"].as_str().unwrap().to_owned());
            // At least one request is decided between two swaps.
            let before = decided.load(Ordering::Relaxed);
            while decided.load(Ordering::Relaxed) == before && !load.is_finished() {
                tokio::task::yield_now().await;
            }
        }
        is_over.store(true, Ordering::Relaxed);
        load.await.unwrap();
        assert_eq!(digests.len(), 2);
        let (_, usage) = send(&router, "GET", "/usage", "").await;
        assert_eq!((&usage[0]["tenant"], &usage[0]["checks"]), (&json!("acme"), &json!(1)), "{usage}");
    }
}
