//! The Unix socket that answers with the status.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

use guardhouse_server::observe::Observers;
use guardhouse_server::observe::health::{Health, ReadyRule};
use guardhouse_server::observe::status::socket::StatusSocket;
use guardhouse_server::observe::status::{ListenerStatus, StatusRequest, StatusSource, client};
use guardhouse_server::tenants::Tenants;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::harness::daemon::policy;
use crate::harness::{host_with, small};

const POLICY: &str = "version = 1\n[[rules]]\nwhen = {}\nunchecked = \"allow\"\n";

/// A server with one tenant, and the path of its socket.
struct Served {
    runtime: Runtime,
    path: PathBuf,
    health: Health,
    _folder: tempfile::TempDir,
}

impl Served {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("status.sock");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let tenants = Tenants::new(host_with(small()));
        let name = "acme".parse().unwrap();
        let snapshot = runtime.block_on(guardhouse_server::snapshot::Snapshot::load(
            tenants.host(),
            &name,
            1,
            policy(POLICY, &[]),
        ));
        tenants.activate(&name, snapshot.unwrap());
        let health = Health::new(tenants.clone(), ReadyRule::default());
        let source = StatusSource {
            tenants,
            observers: Observers::default(),
            health: health.clone(),
            listeners: vec![ListenerStatus { address: "127.0.0.1:8180".to_owned(), doors: vec!["native"] }],
            started: SystemTime::now(),
            since: Instant::now(),
        };
        let socket = runtime.block_on(async { StatusSocket::bind(&path) }).unwrap();
        runtime.spawn(socket.serve(source));
        Self { runtime, path, health, _folder: folder }
    }

    fn ask(&self, tenant: Option<&str>) -> Value {
        client::ask(&self.path, &StatusRequest { tenant: tenant.map(ToOwned::to_owned) }).unwrap()
    }

    /// The answer to a request that may be anything.
    fn raw(&self, request: &[u8]) -> Value {
        let mut stream = UnixStream::connect(&self.path).unwrap();
        // The server may answer before it has read everything.
        let _ = stream.write_all(request);
        let _ = stream.shutdown(Shutdown::Write);
        let mut answer = Vec::new();
        // Bytes that it left unread break the connection, after the answer.
        let _ = stream.read_to_end(&mut answer);
        serde_json::from_slice(&answer).unwrap_or_default()
    }
}

fn bind(path: &Path) -> std::io::Result<StatusSocket> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { StatusSocket::bind(path) })
}

#[test]
fn the_status_has_the_server_and_the_tenants() {
    let served = Served::start();
    let status = served.ask(None);
    assert_eq!(status["pid"], std::process::id());
    assert_eq!(status["listeners"], json!([{ "address": "127.0.0.1:8180", "doors": ["native"] }]));
    assert_eq!(status["health"]["state"], "starting");
    assert_eq!(status["tenants"][0]["tenant"], "acme");
    assert_eq!(status["tenants"][0]["active"]["policy"]["generation"], 1);
    assert_eq!(served.ask(Some("acme"))["tenants"], status["tenants"]);
    assert_eq!(served.ask(Some("nobody"))["tenants"], json!([]));
    served.health.drain();
    assert_eq!(served.ask(None)["health"]["state"], "draining");
}

#[test]
fn a_request_that_is_not_one_is_refused_and_the_next_is_answered() {
    let served = Served::start();
    let too_long = "a".repeat(2_000);
    let with_name = format!("{{\"tenant\":\"{too_long}\"}}\n");
    let requests: [&[u8]; 8] =
        [b"", b"{}", b"\n", b"GET / HTTP/1.1\r\n", b"{\"all\":1}\n", b"\xff\n", b"[1]\n", with_name.as_bytes()];
    for request in requests {
        let answer = served.raw(request);
        assert_eq!(answer.get("tenants"), None, "{request:?}");
    }
    assert_eq!(served.raw(b"{}\n")["tenants"][0]["tenant"], "acme");
}

#[test]
fn clients_that_say_nothing_do_not_keep_others_away_for_long() {
    let served = Served::start();
    let silent: Vec<UnixStream> = (0..8).map(|_| UnixStream::connect(&served.path).unwrap()).collect();
    assert_eq!(served.ask(None)["tenants"][0]["tenant"], "acme");
    for mut stream in silent {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "{\"error\":\"no request within 2 seconds\"}");
    }
}

#[test]
fn only_the_user_reaches_the_socket_and_its_file_goes_with_it() {
    let served = Served::start();
    let metadata = fs::symlink_metadata(&served.path).unwrap();
    assert!(metadata.file_type().is_socket());
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(served.path.parent().unwrap()).unwrap().count(), 1);
    let Served { runtime, path, _folder, .. } = served;
    drop(runtime);
    assert!(!path.exists());
}

#[test]
fn a_socket_that_nobody_listens_on_is_replaced_and_any_other_file_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("status.sock");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let socket = bind(&path).unwrap();
    assert_eq!(bind(&path).unwrap_err().kind(), ErrorKind::AddrInUse);
    assert_eq!(socket.path(), path);

    // Another process replaced the file: it is not removed with the socket.
    fs::remove_file(&path).unwrap();
    let other = UnixListener::bind(&path).unwrap();
    drop(socket);
    assert!(path.exists());
    drop(other);

    for (name, make) in [("file", true), ("folder", false)] {
        let path = folder.path().join(name);
        if make {
            fs::write(&path, "text").unwrap()
        } else {
            fs::create_dir(&path).unwrap()
        }
        assert_eq!(bind(&path).unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert!(path.exists());
    }
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert_eq!(bind(&link).unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert!(bind(&folder.path().join("none/status.sock")).is_err());
}
