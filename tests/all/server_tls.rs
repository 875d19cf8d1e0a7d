//! TLS: what is agreed on, whose certificates count, and clients that break it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use guardhouse::Digest;
use guardhouse_server::config::ServerConfig;
use guardhouse_server::config::credentials::CredentialConfig;
use guardhouse_server::config::listener::{Door, TlsConfig};
use guardhouse_server::policy::Policy;
use guardhouse_server::serve::Server;
use guardhouse_server::serve::inherited::Inherited;
use guardhouse_tests::guest::assemble;
use rustls::version::{TLS12, TLS13};
use rustls::{HandshakeKind, ProtocolVersion};

use crate::harness::client::request;
use crate::harness::tls::{Authority, Signed, TlsClient};
use crate::harness::{Daemon, decided_by, eventually, fixture};
use crate::server_hang_up::{endless, instances};

const CHECK: &str = "/v1/tenants/acme/check";
const CONTEXT: &str = r#"{"component": {"kind": "tool", "name": "t"}}"#;
const SHORT: Duration = Duration::from_millis(50);

fn allows() -> Vec<(&'static str, Policy)> {
    vec![("acme", decided_by(&assemble(&fixture("allow")).unwrap()))]
}

fn good() -> String {
    request("POST", CHECK, &[], CONTEXT)
}

/// A server whose listener for decisions has TLS.
fn secured(tls: TlsConfig, change: impl FnOnce(&mut ServerConfig)) -> Daemon {
    Daemon::start_with(allows(), |config| {
        config.listeners[0].tls = Some(tls);
        change(config);
    })
}

/// The number of failed handshakes with a reason.
fn failed(daemon: &Daemon, reason: &str) -> u64 {
    let text = daemon.metrics();
    let samples = text.lines().filter(|line| {
        line.starts_with("guardhouse_tls_handshakes_failed_total{") && line.contains(&format!("reason=\"{reason}\""))
    });
    samples.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
}

#[test]
fn tls_1_2_and_1_3_are_spoken_and_nothing_older() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("servers");
    let daemon = secured(authority.server(folder.path(), None), |_| {});
    for (version, expected) in [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)] {
        let mut client = TlsClient::connect(daemon.address, authority.client_of(None, &[version])).unwrap();
        assert_eq!(client.ask(&good()).unwrap().0, 200);
        assert_eq!(client.ask(&good()).unwrap().0, 200, "on the same connection");
        assert_eq!(client.0.conn.protocol_version(), Some(expected));
    }
    // The first messages of TLS 1.1, TLS 1.0 and SSL 3.0: each wants TLS_RSA_WITH_AES_128_CBC_SHA.
    for minor in [2, 1, 0] {
        let mut hello = vec![3, minor];
        hello.extend([0x5a; 32]);
        hello.extend([0, 0, 2, 0, 0x2f, 1, 0]);
        let mut record = vec![22, 3, minor, 0, u8::try_from(hello.len() + 4).unwrap(), 1, 0, 0];
        record.push(u8::try_from(hello.len()).unwrap());
        record.extend(hello);
        let mut stream = TcpStream::connect(daemon.address).unwrap();
        stream.write_all(&record).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        // An alert (21), and no handshake (22).
        assert_eq!(answer.first(), Some(&21), "{answer:?}");
        assert_eq!(answer.get(5), Some(&2), "it is fatal: {answer:?}");
    }
    eventually("all of them were counted", || failed(&daemon, "incompatible") == 3);
}

#[test]
fn a_protocol_is_agreed_on_that_the_listener_serves() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("servers");
    let tls = authority.server(folder.path(), None);
    let [plain, with_grpc] = [&[Door::Native][..], &[Door::Native, Door::ExtAuthz]]
        .map(|doors| secured(tls.clone(), |config| config.listeners[0].doors = doors.iter().copied().collect()));
    let agreed = |daemon: &Daemon, offered: &[&str]| {
        let mut config = authority.client(None);
        config.alpn_protocols = offered.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        let client = TlsClient::connect(daemon.address, config).ok()?;
        Some(String::from_utf8(client.0.conn.alpn_protocol().unwrap_or_default().to_vec()).unwrap())
    };
    for (daemon, offered, expected) in [
        (&plain, &[][..], Some("")),
        (&plain, &["http/1.1"], Some("http/1.1")),
        (&plain, &["h2", "http/1.1"], Some("http/1.1")),
        (&plain, &["h2"], None),
        (&with_grpc, &["h2", "http/1.1"], Some("h2")),
        (&with_grpc, &["http/1.1"], Some("http/1.1")),
        (&with_grpc, &["h3"], None),
    ] {
        assert_eq!(agreed(daemon, offered).as_deref(), expected, "{offered:?}");
    }
    for protocols in [vec![], vec![b"http/1.1".to_vec()]] {
        let mut config = authority.client(None);
        config.alpn_protocols = protocols;
        let mut client = TlsClient::connect(with_grpc.address, config).unwrap();
        assert_eq!(client.ask(&good()).unwrap().0, 200);
    }
}

#[test]
fn a_new_certificate_is_for_new_connections_and_a_broken_one_for_none() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("servers");
    let tls = authority.server(folder.path(), None);
    let daemon = secured(tls.clone(), |_| {});
    let connect = || TlsClient::connect(daemon.address, authority.client(None)).unwrap();
    let mut open = connect();
    let first = open.server_certificate();
    daemon.certificates.read_again();
    assert_eq!(connect().server_certificate(), first);
    let second = authority.sign(&["pdp.example"]);
    second.write(folder.path());
    daemon.certificates.read_again();
    assert_eq!(connect().server_certificate(), second.certificate);
    assert_eq!(open.ask(&good()).unwrap().0, 200, "the connection that was open goes on");
    // A half, another key, nothing, and no file.
    let third = authority.sign(&["pdp.example"]);
    for (file, content) in [
        (&tls.certificate, Some(third.pem.clone())),
        (&tls.key, Some(third.key_pem[..60].to_owned())),
        (&tls.certificate, Some(String::new())),
        (&tls.key, None),
    ] {
        second.write(folder.path());
        match content {
            Some(content) => std::fs::write(file, content).unwrap(),
            None => std::fs::remove_file(file).unwrap(),
        }
        daemon.certificates.read_again();
        assert_eq!(connect().server_certificate(), second.certificate);
    }
    third.write(folder.path());
    daemon.certificates.read_again();
    assert_eq!(connect().server_certificate(), third.certificate);
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_named_at_the_start_and_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("servers");
    let tls = authority.server(folder.path(), Some((&authority, true)));
    let other = Authority::new("others").sign(&["pdp.example"]);
    let clients = folder.path().join("clients.pem");
    let broken = other.key_pem.replace("-----END PRIVATE KEY-----", "");
    for (file, content, expected) in [
        (&tls.certificate, "", "it has no certificate"),
        (&tls.certificate, &*other.key_pem, "it has no certificate"),
        (&tls.key, "", "it has no private key"),
        (&tls.key, &broken, "has no end"),
        (&tls.key, &other.key_pem, "KeyMismatch"),
        (&clients, "", "it has no certificate"),
    ] {
        let before = std::fs::read(file).unwrap();
        std::fs::write(file, content).unwrap();
        let mut config = ServerConfig::default();
        config.listeners.truncate(1);
        config.listeners[0].address = "127.0.0.1:0".parse().unwrap();
        config.listeners[0].tls = Some(tls.clone());
        let error = Server::open(&config, &mut Inherited::default()).await.unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains(file.to_str().unwrap()), "{error}");
        let secret = content.lines().nth(1).unwrap_or("no second line");
        assert!(!error.contains(secret), "{error}");
        std::fs::write(file, before).unwrap();
    }
}

#[test]
fn a_client_needs_a_certificate_of_the_authorities_that_is_valid() {
    let folder = tempfile::tempdir().unwrap();
    let (servers, clients) = (Authority::new("servers"), Authority::new("clients"));
    let good_one = clients.sign(&["gateway.example"]);
    let bad = [clients.sign_expired(&["gateway.example"]), Authority::new("clients").sign(&["gateway.example"])];
    let bad_usage = clients.sign_with(&["gateway.example"], |params| {
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    });
    for are_required in [true, false] {
        let daemon = secured(servers.server(folder.path(), Some((&clients, are_required))), |_| {});
        // A client of TLS 1.3 has finished its handshake before the server has seen the certificate.
        let ask = |signed: Option<&Signed>, version| {
            let mut client = TlsClient::connect(daemon.address, servers.client_of(signed, &[version]))?;
            client.ask(&good()).map(|(status, _)| status)
        };
        for version in [&TLS12, &TLS13] {
            assert_eq!(ask(Some(&good_one), version).unwrap(), 200);
            for signed in bad.iter().chain([&bad_usage]) {
                ask(Some(signed), version).unwrap_err();
            }
            assert_eq!(ask(None, version).is_ok(), !are_required);
        }
        let expected = if are_required { 8 } else { 6 };
        eventually("all of them were counted", || failed(&daemon, "certificate") == expected);
    }
}

/// A credential for these tenants at the native door.
fn credential(name: &str, certificate: &str, tenants: &[&str]) -> CredentialConfig {
    CredentialConfig {
        name: name.to_owned(),
        token_file: None,
        certificate: Some(certificate.parse().unwrap()),
        tenants: Some(tenants.iter().map(|tenant| (*tenant).to_owned()).collect()),
        doors: [Door::Native].into_iter().collect(),
    }
}

#[test]
fn a_certificate_is_the_credential_of_its_name_for_its_tenants_and_doors() {
    let folder = tempfile::tempdir().unwrap();
    let (servers, clients) = (Authority::new("servers"), Authority::new("clients"));
    let by_digest = clients.sign(&["digest.example"]);
    let digest = Digest::of(&by_digest.certificate).to_string();
    let token_file = folder.path().join("token");
    std::fs::write(&token_file, "both-token-0123456789").unwrap();
    let credentials = vec![
        credential("uri", "spiffe://shop.example/gateway", &["acme"]),
        credential("dns", "gateway.example", &["acme"]),
        credential("other", "other.example", &["other"]),
        credential("digest", &digest, &["acme"]),
        CredentialConfig { token_file: Some(token_file), ..credential("both", "both.example", &["acme"]) },
    ];
    let daemon = secured(servers.server(folder.path(), Some((&clients, false))), |config| {
        config.credentials = credentials;
    });
    let status = |signed: Option<&Signed>, path: &str, token: Option<&str>| {
        let mut client = TlsClient::connect(daemon.address, servers.client(signed)).unwrap();
        let token = token.map(|token| format!("Bearer {token}"));
        let headers: Vec<(&str, &str)> = token.iter().map(|token| ("Authorization", &**token)).collect();
        client.ask(&request("POST", path, &headers, CONTEXT)).unwrap().0
    };
    let other_path = "/v1/tenants/other/check";
    for (names, expected, of_other) in [
        (&["spiffe://shop.example/gateway"][..], 200, 403),
        (&["spiffe://shop.example/gateway2"], 401, 401),
        (&["spiffe://shop.example/gateway/x"], 401, 401),
        (&["Gateway.Example"], 200, 403),
        (&["x.gateway.example"], 401, 401),
        (&["*.example"], 401, 401),
        (&["other.example"], 403, 200),
        (&["digest.example"], 401, 401),
        (&["nobody.example", "gateway.example"], 200, 403),
        (&[], 401, 401),
        (&["both.example"], 401, 401),
    ] {
        let signed = clients.sign(names);
        assert_eq!(status(Some(&signed), CHECK, None), expected, "{names:?}");
        assert_eq!(status(Some(&signed), other_path, None), of_other, "{names:?}");
    }
    assert_eq!(status(Some(&by_digest), CHECK, None), 200);
    assert_eq!(status(Some(&by_digest), "/tenants/acme/access/v1/evaluation", None), 403, "another door");
    assert_eq!(status(None, CHECK, None), 401);
    let both = clients.sign(&["both.example"]);
    assert_eq!(status(Some(&both), CHECK, Some("both-token-0123456789")), 200);
    assert_eq!(status(Some(&both), CHECK, Some("both-token-0123456788")), 401);
    assert_eq!(status(None, CHECK, Some("both-token-0123456789")), 401, "a token that was taken is worth nothing");
    assert_eq!(status(Some(&clients.sign(&["x"])), CHECK, Some("both-token-0123456789")), 401);
}

#[test]
fn a_session_is_resumed_only_where_no_certificate_must_be_verified() {
    let folder = tempfile::tempdir().unwrap();
    let (servers, clients) = (Authority::new("servers"), Authority::new("clients"));
    let signed = clients.sign(&["gateway.example"]);
    let tls = servers.server(folder.path(), Some((&clients, true)));
    let kinds = |daemon: &Daemon, config: rustls::ClientConfig| {
        let config = Arc::new(config);
        [(), ()].map(|()| {
            let mut client = TlsClient::connect_shared(daemon.address, &config).unwrap();
            assert_eq!(client.ask(&good()).unwrap().0, 200);
            client.0.conn.handshake_kind().unwrap()
        })
    };
    let mutual = secured(tls.clone(), |_| {});
    for version in [&TLS12, &TLS13] {
        let seen = kinds(&mutual, servers.client_of(Some(&signed), &[version]));
        assert_eq!(seen, [HandshakeKind::Full, HandshakeKind::Full]);
    }
    let plain = secured(TlsConfig { clients: None, ..tls.clone() }, |_| {});
    let seen = kinds(&plain, servers.client_of(None, &[&TLS13]));
    assert_eq!(seen, [HandshakeKind::Full, HandshakeKind::Resumed]);
    // Other authorities hold for the next connection.
    let others = Authority::new("others");
    std::fs::write(&tls.clients.unwrap().authorities, &others.pem).unwrap();
    mutual.certificates.read_again();
    let ask = |signed: &Signed| {
        TlsClient::connect(mutual.address, servers.client(Some(signed))).and_then(|mut client| client.ask(&good()))
    };
    ask(&signed).unwrap_err();
    assert_eq!(ask(&others.sign(&["gateway.example"])).unwrap().0, 200);
}

#[test]
fn a_handshake_has_its_time_and_a_neighbor_is_served_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("servers");
    let daemon = secured(authority.server(folder.path(), None), |config| config.connections.head_time = SHORT);
    for sent in [&b""[..], b"\x16", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"] {
        let mut stalled = TcpStream::connect(daemon.address).unwrap();
        stalled.write_all(sent).unwrap();
        let mut client = TlsClient::connect(daemon.address, authority.client(None)).unwrap();
        assert_eq!(client.ask(&good()).unwrap().0, 200);
        let mut rest = Vec::new();
        let _ = stalled.read_to_end(&mut rest);
        assert_eq!(rest, b"", "{sent:?}");
    }
    eventually("all were too slow", || failed(&daemon, "slow") == 3);
    eventually("all connections are closed", || daemon.counts().open == 0);
}

#[test]
fn clear_text_at_a_listener_with_tls_is_not_decided() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("servers");
    let daemon = secured(authority.server(folder.path(), None), |_| {});
    let mut client = daemon.connect();
    client.send(good());
    let answer = client.rest();
    assert!(!answer.contains("HTTP/1.1") && !answer.contains("decision"), "{answer:?}");
    eventually("it was no handshake", || failed(&daemon, "not-tls") == 1);
    let mut client = TlsClient::connect(daemon.address, authority.client(None)).unwrap();
    assert_eq!(client.ask(&good()).unwrap().0, 200);
}

#[test]
fn the_evaluation_ends_when_its_caller_over_tls_goes() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("servers");
    let tls = authority.server(folder.path(), None);
    let daemon = Daemon::start_with(vec![("acme", endless())], |config| {
        config.listeners[0].tls = Some(tls);
        config.tenants.default.deadline = guardhouse::MAX_DEADLINE;
    });
    for (says_goodbye, sent) in [(true, good()), (false, good()), (true, good() + "x"), (false, good().repeat(20))] {
        let mut client = TlsClient::connect(daemon.address, authority.client(None)).unwrap();
        client.0.write_all(sent.as_bytes()).unwrap();
        client.0.flush().unwrap();
        eventually("the request is decided", || instances(&daemon) == 1);
        if says_goodbye {
            client.0.conn.send_close_notify();
            client.0.flush().unwrap();
        }
        drop(client);
        eventually("the evaluation has ended", || instances(&daemon) == 0);
        eventually("the connection is closed", || daemon.counts().open == 0);
    }
}
