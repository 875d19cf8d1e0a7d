//! HTTP/2: the end of a connection, its limits, and clients that break them. No gRPC client is so rude.

use std::io::Write;
use std::time::{Duration, Instant};

use guardhouse_server::config::ServerConfig;
use guardhouse_server::config::listener::Door;
use guardhouse_server::policy::Policy;
use guardhouse_server::serve::Stop;
use guardhouse_tests::guest::assemble;
use h2::Reason;

use crate::harness::grpc::{
    CHECK, CONTINUATION, DATA, GOAWAY, Grpc, HEADERS, PING, PREFACE, RST_STREAM, Raw, RawFrame, SETTINGS,
    WINDOW_UPDATE, called, frame, head, message, runtime,
};
use crate::harness::{Daemon, decided_by, eventually, fixture};

const SHORT: Duration = Duration::from_millis(50);
const HOUR: Duration = Duration::from_secs(3_600);
const LAST_STREAM: u32 = u32::MAX >> 1;
const INITIAL_WINDOW: u16 = 4;

fn daemon(change: impl FnOnce(&mut ServerConfig)) -> Daemon {
    let allows: Vec<(&str, Policy)> = vec![("acme", decided_by(&assemble(&fixture("allow")).unwrap()))];
    Daemon::start_with(allows, |config| {
        config.listeners[0].doors = [Door::Native, Door::ExtAuthz].into_iter().collect();
        change(config);
    })
}

/// Makes all limits of time so large that none of them ends anything.
fn patient(config: &mut ServerConfig) {
    let limits = &mut config.connections;
    for time in [
        &mut limits.idle_time,
        &mut limits.head_time,
        &mut limits.body_time,
        &mut limits.answer_time,
        &mut limits.ping_interval,
        &mut limits.ping_time,
        &mut limits.age,
        &mut limits.age_grace,
    ] {
        *time = HOUR;
    }
}

/// Asserts that a client of its own gets an answer.
fn serves(daemon: &Daemon) {
    runtime().block_on(async {
        let answer = Grpc::connect(daemon.address).await.call(CHECK, &[], message(b"")).await;
        assert_eq!((answer.status, answer.code.as_deref()), (200, Some("0")));
    });
}

fn is_closed(daemon: &Daemon) {
    eventually("the connection is closed", || daemon.counts().open == 0);
}

/// Makes a call on a stream, and returns the frames of its answer.
fn call(raw: &mut Raw, stream: u32) -> Vec<RawFrame> {
    raw.head(stream, CHECK, false);
    raw.frame(DATA, 1, stream, &message(b""));
    raw.rest_of_stream(stream)
}

#[test]
fn the_settings_are_those_of_the_configuration() {
    let daemon = daemon(|config| config.connections.streams = 2_000);
    let mut raw = Raw::begin(daemon.address, &[]);
    let settings = raw.next_of(SETTINGS, true).unwrap();
    let value = |name: u16| {
        let found = settings.payload.chunks(6).find(|setting| setting[..2] == name.to_be_bytes());
        found.map(|setting| u32::from_be_bytes(setting[2..].try_into().unwrap()))
    };
    assert_eq!([3, 4, 6].map(value), [Some(2_000), Some(64 << 10), Some(16 << 10)]);
    assert!(daemon.metrics().contains("guardhouse_connections_multiplexed_total{listener=\"127.0.0.1:"));
    let count = daemon.metrics();
    let count = count.lines().find(|line| line.starts_with("guardhouse_connections_multiplexed_total{"));
    assert!(count.unwrap().ends_with(" 1"), "{count:?}");
}

#[test]
fn a_listener_without_the_door_of_envoy_does_not_speak_http_2() {
    let daemon = daemon(|config| config.listeners[0].doors = [Door::Native].into_iter().collect());
    let mut client = daemon.connect();
    client.send(PREFACE);
    client.send(frame(SETTINGS, 0, 0, &[]));
    let answer = client.rest();
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer:?}");
}

#[test]
fn http_1_1_is_spoken_beside_http_2_however_it_begins() {
    let daemon = daemon(|_| {});
    let request = "POST /v1/tenants/acme/check HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 44\r\n\r\n\
                   {\"component\": {\"kind\": \"tool\", \"name\": \"t\"}}";
    for first in [1, 2, 30] {
        let mut client = daemon.connect();
        client.send(&request[..first]);
        eventually("it has arrived", || daemon.counts().open == 1);
        client.send(&request[first..]);
        assert_eq!(client.reply().status, 200);
        client.send(request);
        assert_eq!(client.reply().status, 200);
        drop(client);
        is_closed(&daemon);
    }
    let mut client = daemon.connect();
    client.send("PRI * HTTP/1.1\r\n\r\n");
    assert!(client.reply().status >= 400);
}

#[test]
fn a_connection_ends_in_two_steps_and_requests_on_their_way_are_answered() {
    let daemon = daemon(patient);
    let mut raw = Raw::begin(daemon.address, &[]);
    assert!(call(&mut raw, 1).len() >= 3);
    let stopping = daemon.stop(Stop::Now);
    let first = raw.next_of(GOAWAY, false).unwrap();
    assert_eq!(first.goaway(), (LAST_STREAM, Reason::NO_ERROR));
    // The client has sent this one before it knew.
    raw.head(3, CHECK, false);
    raw.frame(DATA, 1, 3, &message(b""));
    let ping = raw.next_of(PING, true).unwrap();
    assert_eq!(ping.flags, 0);
    let rest = raw.rest(true);
    let answer = rest.iter().filter(|frame| frame.stream == 3 && frame.kind == HEADERS).count();
    assert_eq!(answer, 2, "the head and the status: {rest:?}");
    let second = rest.iter().find(|frame| frame.kind == GOAWAY).unwrap();
    assert_eq!(second.goaway(), (3, Reason::NO_ERROR));
    stopping.wait();
}

#[test]
fn a_connection_takes_no_requests_after_its_age_and_is_cut_after_its_grace() {
    let daemon = daemon(|config| {
        patient(config);
        (config.connections.age, config.connections.age_grace) = (SHORT, SHORT);
    });
    // A client that answers pings ends by itself, and one that does not is cut.
    for answers_pings in [true, false] {
        let mut raw = Raw::begin(daemon.address, &[]);
        let first = raw.next_of(GOAWAY, answers_pings).unwrap();
        assert_eq!(first.goaway(), (LAST_STREAM, Reason::NO_ERROR));
        let rest = raw.rest(answers_pings);
        assert_eq!(rest.iter().any(|frame| frame.kind == GOAWAY), answers_pings, "{rest:?}");
        is_closed(&daemon);
    }
    // So is one whose request never ends.
    let mut raw = Raw::begin(daemon.address, &[]);
    raw.head(1, CHECK, false);
    let rest = raw.rest(true);
    assert!(rest.iter().any(|frame| frame.kind == GOAWAY) && !rest.iter().any(|frame| frame.kind == HEADERS));
    is_closed(&daemon);
}

#[test]
fn no_client_of_http_2_delays_the_end() {
    let daemon = daemon(|config| {
        patient(config);
        config.drain.time = Duration::from_millis(200);
    });
    let address = daemon.address;
    let mut stuck = Vec::new();
    // The preface only, a part of it, and settings only.
    for sent in [PREFACE, &PREFACE[..5]] {
        let mut raw = Raw::connect(address);
        raw.send(sent);
        stuck.push(raw);
    }
    stuck.push(Raw::begin(address, &[]));
    // Streams that never end, one in the middle of its head, and one that has no room for its answer.
    let mut open = Raw::begin(address, &[]);
    for stream in 0..100 {
        open.head(2 * stream + 1, CHECK, false);
    }
    stuck.push(open);
    let mut cut = Raw::begin(address, &[]);
    cut.frame(HEADERS, 0, 1, &head(CHECK, &[]));
    stuck.push(cut);
    let mut full = Raw::begin(address, &[(INITIAL_WINDOW, 0)]);
    full.head(1, CHECK, false);
    full.frame(DATA, 1, 1, &message(b""));
    stuck.push(full);
    // One that sends nothing more.
    let half = Raw::begin(address, &[]);
    half.0.shutdown(std::net::Shutdown::Write).unwrap();
    eventually("all are open", || daemon.counts().accepted == stuck.len() as u64 + 1);
    daemon.stop(Stop::Now).wait();
    drop((stuck, half));
}

#[test]
fn a_client_that_is_silent_or_answers_no_ping_is_let_go() {
    let idle = |config: &mut ServerConfig| {
        patient(config);
        (config.connections.idle_time, config.connections.head_time) = (SHORT, SHORT);
        config.connections.age_grace = SHORT;
    };
    let daemon_of_idle = daemon(idle);
    for sent in [&b""[..], &PREFACE[..1], &PREFACE[..23], PREFACE] {
        let mut raw = Raw::connect(daemon_of_idle.address);
        raw.send(sent);
        raw.rest(false);
        is_closed(&daemon_of_idle);
    }
    let mut raw = Raw::begin(daemon_of_idle.address, &[]);
    assert!(call(&mut raw, 1).len() >= 3);
    assert!(raw.rest(true).iter().any(|frame| frame.kind == GOAWAY));
    is_closed(&daemon_of_idle);

    let daemon = daemon(|config| {
        patient(config);
        (config.connections.ping_interval, config.connections.ping_time) = (SHORT, SHORT);
    });
    let mut dead = Raw::begin(daemon.address, &[]);
    dead.head(1, CHECK, false);
    let frames = dead.rest(false);
    assert!(frames.iter().any(|frame| frame.kind == PING), "{frames:?}");
    is_closed(&daemon);
    // One that answers is not let go: it is pinged again and again.
    let mut alive = Raw::begin(daemon.address, &[]);
    for _ in 0..5 {
        assert!(alive.next_of(PING, true).is_some());
    }
    assert!(call(&mut alive, 1).len() >= 3);
}

#[test]
fn an_answer_that_its_caller_does_not_take_is_withdrawn_and_its_neighbor_is_served() {
    let daemon = daemon(|config| {
        patient(config);
        config.connections.answer_time = SHORT;
    });
    for window in [0, 1, 5] {
        let mut raw = Raw::begin(daemon.address, &[(INITIAL_WINDOW, window)]);
        let frames = call(&mut raw, 1);
        let last = frames.last().unwrap();
        assert_eq!(last.kind, RST_STREAM, "{frames:?}");
        // A stream with a larger window of its own is answered.
        raw.head(3, CHECK, false);
        raw.frame(WINDOW_UPDATE, 0, 3, &1_000u32.to_be_bytes());
        raw.frame(DATA, 1, 3, &message(b""));
        let frames = raw.rest_of_stream(3);
        assert!(frames.iter().all(|frame| frame.kind != RST_STREAM), "{frames:?}");
        drop(raw);
        is_closed(&daemon);
    }
    serves(&daemon);
}

#[test]
fn a_call_whose_message_does_not_end_is_answered_and_its_neighbor_is_served() {
    let daemon = daemon(|config| {
        patient(config);
        config.connections.body_time = SHORT;
    });
    runtime().block_on(async {
        let client = Grpc::connect(daemon.address).await;
        let mut open = Vec::new();
        for _ in 0..50 {
            open.push(client.begin(CHECK, &[]).await);
        }
        let answer = client.call(CHECK, &[], message(b"")).await;
        assert_eq!((answer.status, answer.code.as_deref()), (200, Some("0")));
        for (answer, stream) in open {
            let answer = called(answer).await;
            assert_eq!((answer.status, answer.code.as_deref()), (200, Some("0")));
            drop(stream);
        }
    });
}

#[test]
fn a_connection_that_takes_nothing_is_cut() {
    let daemon = daemon(|config| {
        patient(config);
        config.connections.answer_time = SHORT;
    });
    let mut raw = Raw::begin(daemon.address, &[]);
    raw.0.set_write_timeout(Some(Duration::from_millis(20))).unwrap();
    // Each ping has an answer, which is not read.
    let one = frame(PING, 0, 0, &[0; 8]);
    let pings = one.repeat(10_000);
    let mut sent = 0;
    let start = Instant::now();
    while daemon.counts().open > 0 || daemon.counts().accepted == 0 {
        sent += raw.0.write(&pings[sent % one.len()..]).unwrap_or(0);
        assert!(start.elapsed() < Duration::from_secs(60), "the connection is still open");
    }
    serves(&daemon);
}

#[test]
fn end_users_who_leave_a_proxy_do_not_end_the_connection_of_their_neighbors() {
    let daemon = daemon(patient);
    let mut raw = Raw::begin(daemon.address, &[]);
    let begin = |stream: u32| [frame(HEADERS, 4, stream, &head(CHECK, &[])), frame(DATA, 1, stream, &message(b""))];
    let mut bytes = begin(1).concat();
    for stream in 1..500u32 {
        bytes.extend(begin(2 * stream + 1).concat());
        bytes.extend(frame(RST_STREAM, 0, 2 * stream + 1, &8u32.to_be_bytes()));
    }
    raw.send(&bytes);
    let frames = raw.rest_of_stream(1);
    assert!(frames.iter().any(|frame| frame.kind == DATA), "{frames:?}");
    assert!(call(&mut raw, 1_001).iter().any(|frame| frame.kind == DATA));
}

#[test]
fn requests_that_are_withdrawn_at_once_end_the_connection_and_harm_no_other() {
    let daemon = daemon(|config| {
        patient(config);
        config.connections.streams = 50;
    });
    let mut raw = Raw::begin(daemon.address, &[]);
    let mut bytes = Vec::new();
    for stream in 0..2_000u32 {
        bytes.extend(frame(HEADERS, 4, 2 * stream + 1, &head(CHECK, &[])));
        bytes.extend(frame(RST_STREAM, 0, 2 * stream + 1, &8u32.to_be_bytes()));
    }
    raw.send(&bytes);
    let goaway = raw.next_of(GOAWAY, true).unwrap();
    assert_eq!(goaway.goaway().1, Reason::ENHANCE_YOUR_CALM);
    raw.rest(true);
    is_closed(&daemon);
    serves(&daemon);
}

#[test]
fn heads_that_are_too_large_and_streams_beyond_the_limit_are_refused() {
    let daemon = daemon(|config| {
        patient(config);
        (config.connections.streams, config.connections.head_bytes) = (2, 8 << 10);
    });
    let mut raw = Raw::begin(daemon.address, &[]);
    raw.frame(HEADERS, 5, 1, &head(CHECK, &[("x-long", &"a".repeat(9 << 10))]));
    let refused = raw.rest_of_stream(1);
    assert!(refused.iter().all(|frame| frame.kind != DATA), "{refused:?}");
    for stream in [3, 5, 7] {
        raw.head(stream, CHECK, false);
    }
    let reset = raw.next_of(RST_STREAM, true).unwrap();
    assert_eq!((reset.stream, reset.payload), (7, u32::from(Reason::REFUSED_STREAM).to_be_bytes().to_vec()));
    raw.frame(DATA, 1, 3, &message(b""));
    assert!(raw.rest_of_stream(3).iter().any(|frame| frame.kind == DATA));
    // One after the other, as many as a client likes.
    for stream in 0..100 {
        assert!(call(&mut raw, 9 + 2 * stream).iter().any(|frame| frame.kind == DATA));
    }
    // A head without an end.
    let mut endless = Raw::begin(daemon.address, &[]);
    endless.frame(HEADERS, 0, 1, &head(CHECK, &[]));
    for _ in 0..10_000 {
        endless.frame(CONTINUATION, 0, 1, &[0x00, 1, b'a', 1, b'b'].repeat(100));
    }
    endless.rest(true);
    drop(raw);
    is_closed(&daemon);
    serves(&daemon);
}
