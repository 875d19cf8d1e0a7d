//! The steps of one request at the native door, in this process and without a connection.

use std::collections::BTreeMap;
use std::fs::File;
use std::hint::black_box;

use anyhow::{Result, anyhow, ensure};
use guardhouse::{AuthContext, Host, HostLimits, ImagePolicy};
use guardhouse_server::config::ServerConfig;
use guardhouse_server::config::credentials::Credentials;
use guardhouse_server::config::listener::Door;
use guardhouse_server::door::{Doors, Listener};
use guardhouse_server::observe::Observers;
use guardhouse_server::observe::decision_log::{DecisionLog, Destination, LogLimits};
use guardhouse_server::policy::Policy;
use guardhouse_server::policy::folder::{Bytes, Folder};
use guardhouse_server::snapshot::Snapshot;
use guardhouse_server::tenants::Tenants;
use http_body_util::Full;
use hyper::Request;
use hyper::header::CONTENT_TYPE;
use tokio::runtime::Runtime;

use crate::meter::{Case, Effort, take_turns};
use crate::requests::{allows, builtin_plugin, check, real, two_scopes};
use crate::table::Row;

const TENANT: &str = "acme";

const POLICY: &str = r#"
version = 1

[checks.scopes]
plugin = "builtin:require-scopes"
settings = { scopes = ["read", "scope-17"] }

[[rules]]
when = {}
check = "scopes"
"#;

/// The time of reading a request, of its decision, and of both with an answer, without and with a decision log.
pub(crate) fn run(effort: Effort) -> Result<Vec<Row>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let real = real()?;
    let body = Bytes::from(serde_json::to_vec(&real)?);
    let library = check(&builtin_plugin(&Host::new()?, "require-scopes")?, two_scopes(), ImagePolicy::Eager)?;
    let tenants = tenants(&runtime)?;
    let log = DecisionLog::start(Destination::Open(File::create("/dev/null")?), LogLimits::default())?;
    let config = ServerConfig::default();
    let doors = |observers: Observers| Doors::new(tenants.clone(), observers, &config, Credentials::default());
    let (silent, logged) = (doors(Observers::default()), doors(Observers::with_log(log)));
    let ask = |doors: &Doors| {
        let request = Request::post("/v1/tenants/acme/check").header(CONTENT_TYPE, "application/json");
        let request = request.body(Full::new(body.clone()));
        let listener = Listener { doors: [Door::Native].into_iter().collect(), anonymous: true, tenant: None };
        let answer = request.map(|request| runtime.block_on(doors.answer(&listener, request, &())));
        assert!(answer.is_ok_and(|answer| answer.headers().contains_key("guardhouse-decision-id")));
    };
    ensure!(runtime.block_on(tenants.decide(TENANT, &real, None)).decision.is_allow(), "the policy denies");
    let cases = vec![
        Case::new("door_library", || allows(&library, &real)),
        Case::new("door_read", || drop(black_box(AuthContext::from_slice(&body)))).against("door_library"),
        Case::new("door_decide", || drop(runtime.block_on(tenants.decide(TENANT, &real, None))))
            .against("door_library"),
        Case::new("door_answer", || ask(&silent)).against("door_library"),
        Case::new("door_answer_logged", || ask(&logged)).against("door_library"),
    ];
    Ok(take_turns(cases, effort))
}

fn tenants(runtime: &Runtime) -> Result<Tenants> {
    let host = Host::builder().limits(HostLimits { instances: 16, ..HostLimits::default() }).build()?;
    let tenants = Tenants::new(host.clone());
    let files = BTreeMap::from([(Folder::POLICY.to_owned(), Bytes::from_static(POLICY.as_bytes()))]);
    let policy = Policy::read(&Folder::new(files)).map_err(|problems| anyhow!("{problems:?}"))?.0;
    let name = TENANT.parse()?;
    let snapshot = runtime.block_on(Snapshot::load(&host, &name, 1, policy)).map_err(|error| anyhow!("{error:?}"))?;
    tenants.activate(&name, snapshot);
    Ok(tenants)
}
