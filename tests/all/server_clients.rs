//! Clients that are slow, greedy, confused or hostile.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use guardhouse_server::config::ServerConfig;
use guardhouse_server::config::listener::Address;
use guardhouse_server::policy::Policy;
use guardhouse_server::serve::inherited::Inherited;
use guardhouse_server::serve::{Server, raise_open_files};
use guardhouse_tests::guest::{assemble, denies_with};
use rustix::net::{AddressFamily, SocketType, connect, socket};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::harness::client::request;
use crate::harness::{Client, Daemon, decided_by, eventually, fixture};
use crate::isolated::survives;

const CHECK: &str = "/v1/tenants/acme/check";
const CONTEXT: &str = r#"{"component": {"kind": "tool", "name": "t"}}"#;
const SHORT: Duration = Duration::from_millis(50);

fn allows() -> Vec<(&'static str, Policy)> {
    vec![("acme", decided_by(&assemble(&fixture("allow")).unwrap()))]
}

fn good() -> String {
    request("POST", CHECK, &[], CONTEXT)
}

#[test]
fn a_client_that_is_slow_in_any_phase_is_let_go() {
    let daemon = Daemon::start_with(allows(), |config| {
        config.connections.idle_time = SHORT;
        config.connections.head_time = SHORT;
        config.connections.body_time = SHORT;
    });
    let head = format!("POST {CHECK} HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n");
    for sent in ["", "P", "POST / HTTP/1.1\r\nHost: a\r\n", &head, &format!("{head}{{\"component\"")] {
        let mut client = daemon.connect();
        client.send(sent);
        assert_eq!(client.rest(), "", "{sent:?}");
    }
    let mut client = daemon.connect();
    client.send(good());
    assert_eq!(client.reply().status, 200);
    assert_eq!(client.rest(), "", "idle after a request");
    eventually("all connections are closed", || daemon.counts().open == 0);
}

/// A server whose answer to [`large_batch`] has more bytes than the buffers of a connection, and must be taken soon.
fn answers_at_length() -> Daemon {
    let policies = vec![("acme", decided_by(&denies_with(&[b'a'; MESSAGE_BYTES]).unwrap()))];
    Daemon::start_with(policies, |config| {
        (config.connections.answer_time, config.connections.batch) = (SHORT, LARGE_BATCH);
    })
}

const MESSAGE_BYTES: usize = 60_000;
const LARGE_BATCH: usize = 500;

fn large_batch() -> String {
    let contexts = vec![CONTEXT; LARGE_BATCH].join(",");
    request("POST", "/v1/tenants/acme/check:batch", &[], &format!("{{\"contexts\": [{contexts}]}}"))
}

#[test]
fn a_client_that_does_not_take_its_answer_is_let_go() {
    let daemon = answers_at_length();
    let mut client = daemon.connect();
    client.send(large_batch());
    eventually("the connection was accepted", || daemon.counts().accepted == 1);
    eventually("the connection is closed", || daemon.counts().open == 0);
}

/// Does something again and again until it fails, as it does once the server has closed the connection.
fn until_closed(mut step: impl FnMut() -> std::io::Result<()>) {
    let start = Instant::now();
    while step().is_ok() {
        assert!(start.elapsed() < Duration::from_secs(120), "the connection is still open");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_client_that_sends_a_byte_at_a_time_is_let_go_all_the_same() {
    let daemon = Daemon::start_with(allows(), |config| {
        config.connections.head_time = SHORT;
        config.connections.body_time = SHORT;
    });
    let head = format!("POST {CHECK} HTTP/1.1\r\nContent-Type: application/json\r\n");
    for (sent, drop) in [
        (head.clone(), "X-Slow: a\r\n"),
        (head.clone(), "a"),
        (format!("{head}Content-Length: 100000\r\n\r\n"), " "),
        (format!("{head}Transfer-Encoding: chunked\r\n\r\n"), "1\r\n \r\n"),
    ] {
        let mut stream = TcpStream::connect(daemon.address).unwrap();
        stream.write_all(sent.as_bytes()).unwrap();
        until_closed(|| stream.write_all(drop.as_bytes()));
    }
    eventually("all connections are closed", || daemon.counts().open == 0);
    assert_eq!(daemon.post(CHECK, CONTEXT).status, 200);
}

#[test]
fn a_client_that_takes_its_answer_a_byte_at_a_time_is_let_go_all_the_same() {
    let daemon = answers_at_length();
    let mut stream = TcpStream::connect(daemon.address).unwrap();
    stream.write_all(large_batch().as_bytes()).unwrap();
    let mut taken = 0;
    while daemon.counts().open == 1 || taken == 0 {
        taken += stream.read(&mut [0]).unwrap();
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(daemon.counts().open, 0);
    // What is still on its way is a part of the answer only.
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    assert!(taken + rest.len() < LARGE_BATCH * MESSAGE_BYTES, "{taken} bytes, and {} more", rest.len());
}

#[test]
fn whatever_is_too_large_in_a_request_is_no_allow_and_hinders_nobody() {
    let daemon = Daemon::start(allows());
    let context = |member: &str| format!(r#"{{"component": {{"kind": "tool", "name": "t"}}, {member}}}"#);
    let many = |text: &str, count: usize| vec![text; count].join(",");
    let long = "a".repeat(900 << 10);
    let nested = format!("{}1{}", "[".repeat(400_000), "]".repeat(400_000));
    let item = r#"{"action": {"name": "a"}}"#;
    let evaluations = format!(
        r#"{{"subject": {{"type": "a", "id": "b"}}, "resource": {{"type": "c", "id": "d"}}, "evaluations": [{}]}}"#,
        many(item, 101)
    );
    let tenant = format!("/v1/tenants/{}/check", "a".repeat(8 << 10));
    for (path, body, status) in [
        (CHECK, context(&format!(r#""arguments": {nested}"#)), 400),
        (CHECK, nested.clone(), 400),
        (CHECK, context(&format!(r#""arguments": {{"a": "{}"}}"#, "a".repeat(2 << 20))), 413),
        (CHECK, context(&format!(r#""arguments": [{}]"#, many(r#"{"":0}"#, 90_000))), 413),
        ("/v1/tenants/acme/check:batch", format!(r#"{{"contexts": [{}]}}"#, many(CONTEXT, 101)), 400),
        ("/tenants/acme/access/v1/evaluations", evaluations, 400),
        // As large as a context may be, these are decided.
        (CHECK, context(&format!(r#""arguments": {{"a": "{long}"}}"#)), 200),
        (CHECK, context(&format!(r#""token": {{"client_id": "c", "scopes": [{}]}}"#, many(r#""a""#, 100_000))), 200),
        (CHECK, context(&format!(r#""action": "{long}""#)), 200),
        (&tenant, CONTEXT.to_owned(), 200),
    ] {
        let answer = daemon.post(path, &body);
        assert_eq!(answer.status, status, "{}… {}…: {}", &path[..20], &body[..100], answer.text());
        assert_eq!(daemon.post(CHECK, CONTEXT).json()["decision"], "allow");
    }
    assert_eq!(daemon.post(&tenant, CONTEXT).json()["decision"], "deny");
    for (name, value) in
        [("X-Request-ID", "a".repeat(257)), ("Guardhouse-Deadline-Ms", "9".repeat(5_000)), ("Host", "a".repeat(9_000))]
    {
        let status = daemon.ask("POST", CHECK, &[(name, &value)], CONTEXT).status;
        assert!(status == 400 || name == "Host", "{name}: {status}");
    }
    eventually("all connections are closed", || daemon.counts().open == 0);
}

#[test]
fn a_head_that_is_too_large_is_refused() {
    let daemon = Daemon::start(allows());
    let long_line = format!("POST /{} HTTP/1.1\r\n\r\n", "a".repeat(20 << 10));
    let long_header = format!("POST {CHECK} HTTP/1.1\r\nX-Long: {}\r\n\r\n", "a".repeat(20 << 10));
    let many = format!("POST {CHECK} HTTP/1.1\r\n{}\r\n", "X-Many: a\r\n".repeat(101));
    let endless = format!("POST {CHECK} HTTP/1.1\r\n{}", "X-Many: a\r\n".repeat(5_000));
    for head in [long_line, long_header, many, endless] {
        let mut client = daemon.connect();
        client.send(&head);
        let answer = client.rest();
        let status = answer.split(' ').nth(1).unwrap_or_default();
        assert!(["", "431", "414", "400"].contains(&status), "{}…: {answer}", &head[..30]);
    }
    assert_eq!(daemon.post(CHECK, CONTEXT).status, 200);
}

#[test]
fn a_body_that_is_too_large_is_refused_and_the_client_sees_why() {
    let daemon = Daemon::start_with(allows(), |config| config.connections.body_bytes = 1 << 10);
    let body = "a".repeat(600 << 10);
    let chunked = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    for (header, body) in
        [(("Content-Length", &*body.len().to_string()), &body), (("Transfer-Encoding", "chunked"), &chunked)]
    {
        let mut client = daemon.connect();
        client.request("POST", CHECK, &[header], body);
        let answer = client.reply();
        assert_eq!((answer.status, answer.header("connection")), (413, Some("close")), "{header:?}");
        assert_eq!(client.rest(), "");
    }
}

#[test]
fn a_body_with_too_many_values_is_refused_before_it_is_read_and_a_neighbor_is_served() {
    let daemon = Daemon::start(allows());
    // Each of these objects takes a hundred times its text.
    let bomb = |objects: usize| {
        let arguments = vec![r#"{"":0}"#; objects].join(",");
        CONTEXT.replacen('{', &format!("{{\"arguments\":[{arguments}],"), 1)
    };
    assert_eq!(daemon.post(CHECK, &bomb(20_000)).status, 200);
    for (body, path) in [(bomb(30_000), CHECK), (bomb(100_000), CHECK)] {
        assert!(body.len() < 1 << 20);
        let answer = daemon.post(path, &body);
        assert_eq!((answer.status, &answer.json()["type"]), (413, &"urn:guardhouse:problem:too-large".into()));
        assert!(
            answer.text().contains("takes more than 16777216 bytes of memory: send fewer values"),
            "{}",
            answer.text()
        );
        assert_eq!(daemon.post(CHECK, CONTEXT).status, 200);
    }
    let text = CONTEXT.replacen('{', &format!("{{\"arguments\":{:?},", "[{,".repeat(300_000)), 1);
    assert_eq!(daemon.post(CHECK, &text).status, 200, "a text is no structure");
}

#[test]
fn a_connection_over_the_limit_is_closed_at_once() {
    let daemon = Daemon::start_with(allows(), |config| config.connections.maximum = 3);
    let mut clients: Vec<Client> = (0..3).map(|_| daemon.connect()).collect();
    eventually("three are open", || daemon.counts().open == 3);
    assert_eq!(daemon.connect().rest(), "");
    assert_eq!((daemon.counts().open, daemon.counts().refused), (3, 1));
    clients[0].send(good());
    assert_eq!(clients[0].reply().status, 200, "the others are served");
    clients.pop();
    eventually("two are open", || daemon.counts().open == 2);
    assert_eq!(daemon.post(CHECK, CONTEXT).status, 200);
}

#[test]
fn health_is_reached_while_callers_of_decisions_have_all_their_connections() {
    let daemon = Daemon::start_with(allows(), |config| config.connections.maximum = 3);
    let idle: Vec<Client> = (0..3).map(|_| daemon.connect()).collect();
    eventually("three are open", || daemon.counts().open == 3);
    assert_eq!(daemon.connect().rest(), "", "there is no fourth one");
    let health = || {
        let mut client = Client::connect(daemon.operator);
        client.request("GET", "/healthz", &[], "");
        client
    };
    assert_eq!(health().reply().status, 200);
    eventually("it is closed", || daemon.counts().open == idle.len());
    // These have a limit too, which does not count for decisions.
    let mut all: Vec<Client> = (0..64).map(|_| health()).collect();
    assert!(all.iter_mut().all(|client| client.reply().status == 200));
    assert_eq!(Client::connect(daemon.operator).rest(), "");
    drop(idle);
    eventually("only they are open", || daemon.counts().open == all.len());
    assert_eq!(daemon.post(CHECK, CONTEXT).status, 200);
}

#[test]
fn a_server_without_descriptors_pauses_and_then_takes_the_connections_that_waited() {
    survives("server_clients::without_descriptors");
}

#[test]
#[ignore = "runs in a process of its own"]
pub(crate) fn without_descriptors() {
    let daemon = Daemon::start(allows());
    let mut open = daemon.connect();
    open.send(good());
    assert_eq!(open.reply().status, 200);
    let mut closed = daemon.connect();
    closed.send(good());
    assert_eq!(closed.reply().status, 200);
    let waiting: Vec<OwnedFd> =
        (0..4).map(|_| socket(AddressFamily::INET, SocketType::STREAM, None).unwrap()).collect();
    // No number is free below the limit, once the gaps are filled.
    let highest = waiting.iter().map(AsRawFd::as_raw_fd).max().unwrap();
    let limit = Rlimit { current: u64::try_from(highest + 1).ok(), maximum: getrlimit(Resource::Nofile).maximum };
    setrlimit(Resource::Nofile, limit).unwrap();
    let gaps: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    let start = Instant::now();
    let mut waiting: Vec<Client> = waiting
        .into_iter()
        .map(|socket| {
            connect(&socket, &daemon.address).unwrap();
            let mut client = Client::of(socket.into());
            client.send(good());
            client
        })
        .collect();
    eventually("some attempts failed", || daemon.counts().failed >= 3);
    let (failed, elapsed) = (daemon.counts().failed, start.elapsed());
    assert!(u128::from(failed) <= elapsed.as_millis() / 100 + 1, "{failed} attempts in {elapsed:?}: there is no pause");
    assert_eq!(daemon.counts().accepted, 2);
    open.send(good());
    assert_eq!(open.reply().status, 200, "a connection that is open is served");
    drop(closed);
    assert_eq!(waiting.remove(0).reply().status, 200, "a connection that has closed leaves room for another");
    drop(gaps);
    assert!(waiting.iter_mut().all(|client| client.reply().status == 200));
}

#[test]
fn a_thousand_clients_that_connect_before_any_is_taken_are_not_delayed() {
    let mut config = ServerConfig::default();
    config.listeners.truncate(1);
    config.listeners[0].address = "127.0.0.1:0".parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // Its listeners are open, and it does not run.
    let server = runtime.block_on(Server::open(&config, &mut Inherited::default())).unwrap();
    let Address::Tcp(address) = server.listeners().next().unwrap().address else { panic!("not a TCP listener") };
    let allowed = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap().trim().parse().unwrap();
    // The kernel answers at once while there is room, and does not answer at all beyond that.
    let connect = |_| TcpStream::connect_timeout(&address, Duration::from_millis(500)).unwrap();
    let clients: Vec<TcpStream> = (0..1_000.min(allowed)).map(connect).collect();
    drop((clients, server));
}

#[test]
fn thousands_of_idle_connections_hinder_nobody() {
    raise_open_files();
    let daemon = Daemon::start(allows());
    let idle: Vec<Client> = (0..2_000).map(|_| daemon.connect()).collect();
    assert_eq!(daemon.post(CHECK, CONTEXT).status, 200);
    // The connection of the request may be closed by now.
    assert!(daemon.counts().open >= idle.len());
    drop(idle);
    eventually("all connections are closed", || daemon.counts().open == 0);
}

#[test]
fn requests_in_a_row_are_answered_in_their_order() {
    let daemon = Daemon::start(allows());
    let mut client = daemon.connect();
    let ids = ["a", "b", "c", "d"];
    client.send(ids.map(|id| request("POST", CHECK, &[("X-Request-ID", id)], CONTEXT)).concat());
    for id in ids {
        assert_eq!(client.reply().header("x-request-id"), Some(id));
    }
}

#[test]
fn a_request_whose_end_is_not_clear_is_the_last_one_of_its_connection() {
    let daemon = Daemon::start(allows());
    let second = request("POST", "/v1/tenants/acme/second", &[], CONTEXT);
    let head = format!("POST {CHECK} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n");
    let chunk = format!("{:x}\r\n{CONTEXT}\r\n0\r\n\r\n", CONTEXT.len());
    let length = CONTEXT.len();
    for (headers, body) in [
        (format!("Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n"), &*chunk),
        (format!("Transfer-Encoding: chunked\r\nContent-Length: {length}\r\n"), &chunk),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n".to_owned(), &chunk),
        ("Transfer-Encoding: chunked, identity\r\n".to_owned(), &chunk),
        ("Transfer-Encoding: xchunked\r\n".to_owned(), &chunk),
        ("Transfer-Encoding : chunked\r\n".to_owned(), &chunk),
        ("Transfer-Encoding:\tchunked\r\n".to_owned(), &chunk),
        ("Transfer-Encoding: chunked\r\n".to_owned(), "5\r\nabcdefg\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n".to_owned(), "-1\r\n\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n".to_owned(), "fffffffffffffffff\r\n\r\n0\r\n\r\n"),
        (format!("Content-Length: {length}\r\nContent-Length: 3\r\n"), CONTEXT),
        (format!("Content-Length: {length}, {length}\r\n"), CONTEXT),
        (format!("Content-Length: +{length}\r\n"), CONTEXT),
        ("Content-Length: -1\r\n".to_owned(), CONTEXT),
        (format!("X: a\r\n Content-Length: {length}\r\n"), CONTEXT),
    ] {
        let mut client = daemon.connect();
        client.send(format!("{head}{headers}\r\n{body}{second}"));
        client.finish();
        let answer = client.rest();
        assert!(answer.matches("HTTP/1.1 ").count() <= 1, "{headers:?}: {answer}");
        assert!(!answer.contains(" 404 "), "the second request was read: {headers:?}: {answer}");
    }
    assert_eq!(daemon.post(CHECK, CONTEXT).status, 200);
}

#[test]
fn garbage_is_not_answered_with_a_decision() {
    let daemon = Daemon::start(allows());
    let hello = [0x16, 0x03, 0x01, 0x00, 0xa5, 0x01, 0x00, 0x00, 0xa1, 0x03, 0x03];
    let every_byte: Vec<u8> = (0..=255).cycle().take(4_096).collect();
    for bytes in [
        &b"\r\n\r\n\r\n\r\n"[..],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST\r\n\r\n",
        b"POST / HTTP/9.9\r\n\r\n",
        b"\x00\x00\x00\x00",
        &hello,
        &every_byte,
    ] {
        let mut client = daemon.connect();
        client.send(bytes);
        client.finish();
        let answer = client.rest();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    assert_eq!(daemon.post(CHECK, CONTEXT).status, 200);
}

#[test]
fn other_forms_of_a_request_are_understood() {
    let daemon = Daemon::start(allows());
    let ask = |text: &str| {
        let mut client = daemon.connect();
        client.send(text);
        client.reply()
    };
    let chunk = format!("{:x}\r\n{CONTEXT}\r\n0\r\n\r\n", CONTEXT.len());
    let chunked = ask(&request("POST", CHECK, &[("Transfer-Encoding", "chunked")], &chunk));
    assert_eq!((chunked.status, chunked.header("connection")), (200, Some("close")));
    assert_eq!(ask(&request("POST", CHECK, &[("Expect", "100-continue")], CONTEXT)).status, 200);
    assert_eq!(ask(&request("POST", &format!("http://pdp.example{CHECK}"), &[], CONTEXT)).status, 200);
    assert_eq!(ask(&good().replace("HTTP/1.1", "HTTP/1.0")).status, 200);
    assert_eq!(ask(&request("POST", &format!("{CHECK}?a=b"), &[], CONTEXT)).status, 200);
}
