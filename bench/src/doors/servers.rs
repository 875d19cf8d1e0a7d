//! The servers that are measured: two of this program, the daemon, and the peer.

use std::fs;
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
    let doors = format!("[[listeners]]\naddress = \"{address}\"\ndoors = {doors:?}\n");
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
