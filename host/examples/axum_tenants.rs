//! A service whose tenants upload plugins, and swap them while requests are decided.
//!
//! ```console
//! $ cargo run --example axum_tenants
//! $ curl -X PUT localhost:3000/tenants/acme/plugin --data-binary @check.wasm
//! $ curl localhost:3000/tenants/acme/decide --json '{"component": {"kind": "tool", "name": "search"}}'
//! ```
//!
//! A real service authenticates its callers first: who may upload for a tenant, who may ask for decisions, and who may
//! see the usage of all tenants.

use std::collections::HashMap;
use std::error::Error;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{post, put};
use axum::{Json, Router};
use guardhouse::{AuthChecks, AuthContext, Check, CheckConfig, CompilerProcess, Host, HostBuilder, HostLimits, Plugin};
use serde_json::json;
use tokio::sync::Semaphore;

const COMPILE: &str = "compile-plugin";

/// The most tenants that this service keeps.
const MAX_TENANTS: usize = 1_000;

/// The most uploads that are read, or wait for the compiler, at the same time.
const MAX_UPLOADS: usize = 16;

/// The checks of all tenants.
struct Service {
    host: Host,
    uploads: Semaphore,
    /// The number of the last upload, in the order of arrival.
    last_upload: AtomicU64,
    /// A request clones its tenant's check, which is shallow, and holds the lock no longer than that. A swap replaces
    /// the check for later requests; those that run keep the one that they have.
    tenants: RwLock<HashMap<String, Tenant>>,
}

/// The check of a tenant, with the number of its upload.
struct Tenant {
    upload: u64,
    check: Check,
}

impl Service {
    fn new(builder: HostBuilder) -> Result<Self, Box<dyn Error>> {
        let limits = HostLimits { plugin_bytes: 8 << 20, ..HostLimits::default() };
        Ok(Self {
            host: builder.limits(limits).build()?,
            uploads: Semaphore::new(MAX_UPLOADS),
            last_upload: AtomicU64::new(0),
            tenants: RwLock::default(),
        })
    }

    fn check(&self, tenant: &str) -> Option<Check> {
        let tenants = self.tenants.read().unwrap_or_else(|poisoned| poisoned.into_inner());
        tenants.get(tenant).map(|tenant| tenant.check.clone())
    }

    /// Replaces the check of a tenant, unless a later upload already has.
    fn swap(&self, name: String, new: Tenant) -> Result<(), Refusal> {
        let mut tenants = self.tenants.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        match tenants.get(&name) {
            Some(current) if current.upload > new.upload => {
                return Err((StatusCode::CONFLICT, "a later upload has replaced this one".to_owned()));
            }
            None if tenants.len() >= MAX_TENANTS => {
                return Err((StatusCode::INSUFFICIENT_STORAGE, "this service cannot keep another tenant".to_owned()));
            }
            _ => {}
        }
        tenants.insert(name, new);
        Ok(())
    }

    /// Loads an uploaded plugin. The tenant's old check decides until the new one is ready, and stays if the new one is
    /// rejected.
    async fn upload(&self, name: String, body: Body) -> Result<Response, Refusal> {
        let upload = self.last_upload.fetch_add(1, Ordering::Relaxed) + 1;
        // Before the body is read: uploads that wait hold their bytes in memory.
        let busy = |_| (StatusCode::SERVICE_UNAVAILABLE, "too many uploads at the same time".to_owned());
        let _turn = self.uploads.try_acquire().map_err(busy)?;
        let bytes = to_bytes(body, self.host.limits().plugin_bytes).await;
        let bytes = bytes.map_err(|error| (StatusCode::PAYLOAD_TOO_LARGE, error.to_string()))?;

        // The async forms: no thread of the runtime waits for the compiler.
        let plugin = Plugin::load_async(&self.host, Vec::from(bytes)).await.map_err(rejected)?;
        let config = CheckConfig { tenant: Some(self.host.tenant(name.clone())), ..CheckConfig::default() };
        let check = Check::new_async(&plugin, config).await.map_err(rejected)?;
        self.swap(name, Tenant { upload, check })?;
        Ok(Json(json!({ "plugin": plugin.digest() })).into_response())
    }
}

/// The answer to an upload that is not taken.
type Refusal = (StatusCode, String);

fn rejected(error: impl Error) -> Refusal {
    (StatusCode::UNPROCESSABLE_ENTITY, error.to_string())
}

async fn upload(State(service): State<Arc<Service>>, Path(tenant): Path<String>, body: Body) -> Response {
    service.upload(tenant, body).await.unwrap_or_else(Refusal::into_response)
}

/// Decides a request by the check of its tenant. The answer is a document, so a denial has the status 200 too. A tenant
/// without a check is denied: an empty list of checks would allow.
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
    Router::new()
        .route("/tenants/{tenant}/plugin", put(upload))
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
    use std::sync::atomic::{AtomicBool, AtomicUsize};

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

    #[tokio::test]
    async fn the_last_upload_wins_and_a_full_service_reads_no_body() {
        let service = Service::new(Host::builder()).unwrap();
        let plugin = Plugin::load_async(&service.host, builtin::REQUIRE_AUTH).await.unwrap();
        let tenant = |upload| Tenant { upload, check: Check::new(&plugin, CheckConfig::default()).unwrap() };
        service.swap("acme".to_owned(), tenant(2)).unwrap();
        assert_eq!(service.swap("acme".to_owned(), tenant(1)).unwrap_err().0, StatusCode::CONFLICT);

        let taken = service.uploads.try_acquire_many(MAX_UPLOADS as u32).unwrap();
        let refusal = service.upload("acme".to_owned(), Body::from(builtin::REQUIRE_AUTH)).await.unwrap_err();
        assert_eq!(refusal.0, StatusCode::SERVICE_UNAVAILABLE);
        drop(taken);
        assert!(service.upload("acme".to_owned(), Body::from(builtin::REQUIRE_AUTH)).await.is_ok());
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
