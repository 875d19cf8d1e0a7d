//! The end of a server: what clients get, and that no client delays it.

use std::time::Duration;

use guardhouse_server::serve::Stop;
use guardhouse_tests::guest::assemble;

use crate::harness::client::request;
use crate::harness::{Client, Daemon, decided_by, eventually, fixture};
use crate::server_hang_up::{endless, instances, while_decided};

const CHECK: &str = "/v1/tenants/acme/check";
const CONTEXT: &str = r#"{"component": {"kind": "tool", "name": "t"}}"#;
const HOUR: Duration = Duration::from_secs(3_600);

fn good() -> String {
    request("POST", CHECK, &[], CONTEXT)
}

#[test]
fn a_request_that_is_being_decided_is_answered_and_idle_connections_are_closed() {
    let daemon = Daemon::start_with(vec![("acme", endless())], |config| {
        config.tenants.default.deadline = Duration::from_millis(500);
        (config.drain.notice, config.drain.time) = (HOUR, HOUR);
    });
    let mut silent = daemon.connect();
    let mut idle = daemon.connect();
    idle.send(request("GET", "/openapi.json", &[], ""));
    idle.reply();
    let mut waiting = while_decided(&daemon, &good());
    let address = daemon.address;
    let stopping = daemon.stop(Stop::Now);
    let answer = waiting.reply();
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
    assert_eq!((silent.rest(), idle.rest(), waiting.rest()), Default::default());
    stopping.wait();
    assert!(std::net::TcpStream::connect(address).is_err(), "nobody listens");
}

#[test]
fn no_client_delays_the_end() {
    let daemon = Daemon::start_with(vec![("acme", endless())], |config| {
        config.tenants.default.deadline = HOUR;
        let limits = &mut config.connections;
        (limits.idle_time, limits.head_time, limits.body_time, limits.answer_time) = (HOUR, HOUR, HOUR, HOUR);
        config.drain.time = Duration::from_millis(100);
    });
    let stuck: Vec<Client> = [
        "",
        "POST /v1/tenants",
        &format!("POST {CHECK} HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{{"),
        &good(),
        &format!("{}{}", good(), good()),
    ]
    .iter()
    .map(|sent| {
        let mut client = daemon.connect();
        client.send(sent);
        client
    })
    .collect();
    eventually("all are open", || daemon.counts().open == stuck.len());
    eventually("two requests are decided", || instances(&daemon) == 2);
    daemon.stop(Stop::Now).wait();
    drop(stuck);
}

#[test]
fn a_server_that_is_about_to_end_is_not_ready_and_still_takes_connections() {
    let allow = decided_by(&assemble(&fixture("allow")).unwrap());
    let daemon = Daemon::start_with(vec![("acme", allow)], |config| config.drain.notice = HOUR);
    let (address, operator) = (daemon.address, daemon.operator);
    let ask = |address, text: &str| {
        let mut client = Client::connect(address);
        client.send(text);
        client.reply()
    };
    let stopping = daemon.stop(Stop::Drain);
    eventually("the server is not ready", || {
        let answer = ask(operator, &request("GET", "/readyz", &[], ""));
        answer.status == 503 && answer.json()["state"] == "draining"
    });
    assert_eq!(ask(operator, &request("GET", "/healthz", &[], "")).status, 200);
    assert_eq!(ask(address, &good()).status, 200);
    drop(stopping);
}
