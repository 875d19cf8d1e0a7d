//! The other end of the connection that a request came in on.

use std::net::IpAddr;
use std::time::Duration;

use crate::config::certificate::PeerCertificate;

/// The interval at which a caller is looked for while its request is decided. hyper notices a caller that has gone at
/// once, but not one that has sent something else before.
const LOOK: Duration = Duration::from_millis(20);

/// The other end of a connection.
pub trait Peer: Send + Sync {
    /// Whether it has closed its side.
    fn has_gone(&self) -> bool;

    /// Notes that its request is read as a whole, and is decided now.
    fn decides(&self);

    /// Its address on the network; none on this machine.
    fn address(&self) -> Option<IpAddr>;

    /// Its certificate, which the listener has verified.
    fn certificate(&self) -> Option<&PeerCertificate> {
        None
    }
}

/// A caller in this process, which waits for its answer.
impl Peer for () {
    fn has_gone(&self) -> bool {
        false
    }

    fn decides(&self) {}

    fn address(&self) -> Option<IpAddr> {
        None
    }
}

/// Returns when the other end has gone.
pub(super) async fn gone(peer: &dyn Peer) {
    loop {
        tokio::time::sleep(LOOK).await;
        if peer.has_gone() {
            return;
        }
    }
}
