//! Connections that arrive before the server has its policies.

use guardhouse::{Host, HostLimits};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::inherited::Inherited;
use super::{Server, Stop};
use crate::config::ServerConfig;
use crate::config::credentials::Credentials;
use crate::config::listener::Address;
use crate::door::Doors;
use crate::observe::Observers;
use crate::tenants::Tenants;

const DECISION: &[u8] = b"POST /v1/tenants/acme/check HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\
    Content-Type: application/json\r\nContent-Length: 41\r\n\r\n{\"component\": {\"kind\": \"t\", \"name\": \"t\"}}";
const HEALTH: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

async fn connect(address: &Address, request: &[u8]) -> TcpStream {
    let Address::Tcp(address) = address else { panic!("not a TCP listener") };
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(request).await.unwrap();
    client
}

async fn answer(mut client: TcpStream) -> String {
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn connections_for_decisions_wait_for_the_policies_and_those_for_health_do_not() {
    let limits = HostLimits { instances: 4, ..HostLimits::default() };
    let tenants = Tenants::new(Host::builder().limits(limits).build().unwrap());
    let mut config = ServerConfig::default();
    for listener in &mut config.listeners {
        listener.address = "127.0.0.1:0".parse().unwrap();
    }
    let doors = Doors::new(tenants.clone(), Observers::default(), &config, Credentials::default());
    let server = Server::open(&config, &mut Inherited::default()).await.unwrap();
    let addresses: Vec<Address> = server.listeners().map(|listener| listener.address.clone()).collect();
    let counts = server.connection_counts();
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let stopped = async { stopped.await.unwrap_or(Stop::Now) };
    let running = tokio::spawn(server.run_after(Some(tenants.clone()), doors, stopped));

    let early = connect(&addresses[0], DECISION).await;
    let health = answer(connect(&addresses[1], HEALTH).await).await;
    assert!(health.starts_with("HTTP/1.1 200 "), "{health}");
    assert_eq!(counts().accepted, 1, "the connection for a decision was taken");
    tenants.set_started();
    let decision = answer(early).await;
    assert!(decision.starts_with("HTTP/1.1 200 ") && decision.contains("\"deny\""), "{decision}");
    stop.send(Stop::Now).unwrap();
    running.await.unwrap();
}

#[tokio::test]
async fn a_server_ends_although_it_never_had_its_policies() {
    let tenants =
        Tenants::new(Host::builder().limits(HostLimits { instances: 4, ..HostLimits::default() }).build().unwrap());
    let mut config = ServerConfig::default();
    config.listeners[0].address = "127.0.0.1:0".parse().unwrap();
    config.listeners.truncate(1);
    let doors = Doors::new(tenants.clone(), Observers::default(), &config, Credentials::default());
    let server = Server::open(&config, &mut Inherited::default()).await.unwrap();
    let address = server.listeners().next().unwrap().address.clone();
    let _waits = connect(&address, DECISION).await;
    server.run_after(Some(tenants), doors, async { Stop::Now }).await;
}
