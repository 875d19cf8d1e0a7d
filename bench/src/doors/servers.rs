//! The servers that are measured: two of this program, the daemon, and the peer.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::{Result, ensure};
use axum::http::StatusCode;
use guardhouse::{AuthContext, Host, ImagePolicy, run_auth_checks};
use serde_json::{Value, json};

use super::issuer::Issuer;
use super::{ANSWER_GRPC, grpc};
use crate::http::{Client, Request};
use crate::requests::{builtin_plugin, check, real, two_scopes};
use crate::server::{Server, free_address};

/// This program, as one of its servers.
pub(super) fn ours(kind: &str) -> Result<Server> {
    let address = free_address()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(kind).arg(address.to_string());
    if kind == ANSWER_GRPC {
        return Server::start_until(&mut command, address, |address| grpc::Client::connect(address).map(drop));
    }
    Server::start(&mut command, address, &Request::get("/"))
}

/// Serves a constant over gRPC until the process is killed.
pub(crate) fn answer_grpc(address: &str) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async { grpc::serve_constant(tokio::net::TcpListener::bind(address).await?).await })
}

/// Serves a constant until the process is killed.
pub(crate) fn answer(address: &str) -> Result<()> {
    serve(address, axum::routing::post(|| async { constant() }))
}

/// Serves a constant for requests that the library allows, until the process is killed.
pub(crate) fn answer_allowed(address: &str) -> Result<()> {
    let check = check(&builtin_plugin(&Host::new()?, "require-scopes")?, two_scopes(), ImagePolicy::Eager)?;
    let check = Arc::new(check);
    let decide = move |body: axum::body::Bytes| {
        let check = Arc::clone(&check);
        async move {
            let context = AuthContext::from_slice(&body).map_err(|_| StatusCode::BAD_REQUEST)?;
            let decision = run_auth_checks(&[&*check], &context).await;
            if decision.is_allow() { Ok(constant()) } else { Err(StatusCode::FORBIDDEN) }
        }
    };
    serve(address, axum::routing::post(decide))
}

fn constant() -> impl axum::response::IntoResponse {
    ([("content-type", "application/json")], r#"{"decision":"allow"}"#)
}

fn serve(address: &str, post: axum::routing::MethodRouter) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let router = axum::Router::new().route("/", post.get(|| async { "ready" }));
        let listener = tokio::net::TcpListener::bind(address).await?;
        Ok(axum::serve(listener, router).await?)
    })
}

/// A daemon with one tenant, `acme`, which needs two scopes.
pub(super) fn daemon(guardhouse: &Path, folder: &Path) -> Result<Server> {
    let policies = folder.join("policies");
    fs::create_dir_all(policies.join("acme"))?;
    let settings = r#"{ scopes = ["read", "scope-17"] }"#;
    let check = format!("[checks.scopes]\nplugin = \"builtin:require-scopes\"\nsettings = {settings}\n");
    // AuthZEN has no token, and so no scopes.
    let tag = r#"settings = { tag = "secret", scopes = ["read"] }"#;
    let untagged = format!("[checks.untagged]\nplugin = \"builtin:restrict-tag\"\n{tag}\n");
    let rule = |name: &str, when: &str, check: &str| {
        format!("[[rules]]\nname = \"{name}\"\nwhen = {{ {when} }}\ncheck = \"{check}\"\n")
    };
    let rules = rule("authzen", "action = \"evaluate\"", "untagged") + &rule("native", "", "scopes");
    fs::write(policies.join("acme/policy.toml"), format!("version = 1\n\n{check}\n{untagged}\n{rules}"))?;
    start_daemon(guardhouse, folder, &["native", "authzen", "forward-auth", "ext-authz"], Issuer::SECTION)
}

/// A daemon with the tenants of the folder `policies` of `folder`.
pub(crate) fn start_daemon(guardhouse: &Path, folder: &Path, doors: &[&str], settings: &str) -> Result<Server> {
    let (address, operations) = (free_address()?, free_address()?);
    let tenant = if doors.contains(&"ext-authz") { "tenant = \"acme\"\n" } else { "" };
    let doors = format!("[[listeners]]\naddress = \"{address}\"\ndoors = {doors:?}\n{tenant}");
    let health = format!("[[listeners]]\naddress = \"{operations}\"\ndoors = [\"health\", \"metrics\"]\n");
    fs::write(folder.join("guardhouse.toml"), format!("version = 1\n{doors}\n{health}\n{settings}"))?;
    let mut command = Command::new(guardhouse);
    command.arg("serve").current_dir(folder);
    let decision = Request::post("/v1/tenants/acme/check", r#"{"component": {"kind": "tool", "name": "ready"}}"#);
    let mut server = Server::start(&mut command, operations, &Request::get("/readyz"))?;
    server.address = address;
    ensure!(Client::connect(address)?.ask(&decision)?.status == 200, "the daemon does not decide");
    Ok(server)
}

/// A request of about the same size.
pub(super) fn evaluation() -> Value {
    json!({
        "subject": { "type": "user", "id": "00u1234567890", "properties": { "groups": vec!["engineering-team"; 20] } },
        "action": { "name": "evaluate" },
        "resource": { "type": "tool", "id": "search", "properties": { "tags": ["a", "b", "c"] } },
        "context": { "address": "192.0.2.7" },
    })
}

/// Envoy in front of `upstream`, with one thread. With `pdp`, it asks the daemon there about each request.
pub(super) fn start_envoy(
    program: &Path,
    folder: &Path,
    upstream: SocketAddr,
    pdp: Option<SocketAddr>,
    ready: &Request,
) -> Result<Server> {
    let address = free_address()?;
    let socket = |address: SocketAddr| json!({ "socket_address": { "address": address.ip().to_string(), "port_value": address.port() } });
    let cluster = |name: &str, address: SocketAddr, http2: bool| {
        let endpoint = json!({ "endpoint": { "address": socket(address) } });
        let protocol =
            if http2 { json!({ "http2_protocol_options": {} }) } else { json!({ "http_protocol_options": {} }) };
        json!({
            "name": name,
            "type": "STATIC",
            "load_assignment": { "cluster_name": name, "endpoints": [{ "lb_endpoints": [endpoint] }] },
            "typed_extension_protocol_options": { "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": type_url("upstreams.http.v3.HttpProtocolOptions"),
                "explicit_http_config": protocol,
            } },
        })
    };
    let mut filters = Vec::new();
    let mut clusters = vec![cluster("upstream", upstream, false)];
    if let Some(pdp) = pdp {
        clusters.push(cluster("guardhouse", pdp, true));
        filters.push(json!({ "name": "ext_authz", "typed_config": {
            "@type": type_url("filters.http.ext_authz.v3.ExtAuthz"),
            "transport_api_version": "V3",
            "grpc_service": { "envoy_grpc": { "cluster_name": "guardhouse" }, "timeout": "1s" },
        } }));
    }
    filters.push(json!({ "name": "router", "typed_config": { "@type": type_url("filters.http.router.v3.Router") } }));
    let route = json!({ "match": { "prefix": "/" }, "route": { "cluster": "upstream" } });
    let manager = json!({
        "@type": type_url("filters.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": "bench",
        "route_config": { "virtual_hosts": [{ "name": "all", "domains": ["*"], "routes": [route] }] },
        "http_filters": filters,
    });
    let chain = json!({ "filters": [{ "name": "http", "typed_config": manager }] });
    let config = json!({ "static_resources": {
        "listeners": [{ "name": "all", "address": socket(address), "filter_chains": [chain] }],
        "clusters": clusters,
    } });
    fs::create_dir_all(folder)?;
    let file = folder.join("envoy.json");
    fs::write(&file, config.to_string())?;
    let mut command = Command::new(program);
    command.arg("--config-path").arg(&file).args(["--concurrency", "1", "--use-dynamic-base-id", "--log-level", "off"]);
    Server::start(&mut command, address, ready)
}

fn type_url(name: &str) -> String {
    format!("type.googleapis.com/envoy.extensions.{name}")
}

/// The peer, with a policy that needs the same two scopes.
pub(super) fn start_cerbos(program: &Path, folder: &Path) -> Result<Server> {
    let folder: PathBuf = folder.join("cerbos");
    fs::create_dir_all(folder.join("policies"))?;
    let (http, grpc) = (free_address()?, free_address()?);
    let expression = r#"hasIntersection(["read"], P.attr.scopes) && hasIntersection(["scope-17"], P.attr.scopes)"#;
    let policy = json!({
        "apiVersion": "api.cerbos.dev/v1",
        "resourcePolicy": { "version": "default", "resource": "tool", "rules": [{
            "actions": ["call"], "effect": "EFFECT_ALLOW", "roles": ["user"],
            "condition": { "match": { "expr": expression } },
        }] },
    });
    fs::write(folder.join("policies/tool.json"), policy.to_string())?;
    let config = json!({
        "server": { "httpListenAddr": http.to_string(), "grpcListenAddr": grpc.to_string() },
        "storage": { "driver": "disk", "disk": { "directory": folder.join("policies") } },
        "telemetry": { "disabled": true },
        "audit": { "enabled": false },
    });
    let file = folder.join("config.json");
    fs::write(&file, config.to_string())?;
    let mut command = Command::new(program);
    command.arg("server").arg(format!("--config={}", file.display())).arg("--log-level=error");
    command.stderr(std::process::Stdio::null());
    Server::start(&mut command, http, &Request::post("/api/check/resources", &cerbos_request()))
}

pub(super) fn cerbos_request() -> String {
    let context = real().map(|context| context.token.map(|token| token.scopes)).unwrap_or_default();
    json!({
        "requestId": "1",
        "principal": { "id": "00u1234567890", "roles": ["user"], "attr": { "scopes": context } },
        "resources": [{ "actions": ["call"], "resource": { "kind": "tool", "id": "search" } }],
    })
    .to_string()
}
