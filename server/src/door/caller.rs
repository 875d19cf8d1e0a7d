//! Callers: those who share one part of what all requests may take.

use std::net::IpAddr;

use super::peer::Peer;

/// The sender of a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Caller {
    /// The credential with this name.
    Credential(Box<str>),
    /// Nobody that is known, at an address; the 64 bits of its network, if it is one of IPv6.
    Address(IpAddr),
    /// Nobody that is known, on this machine.
    Local,
}

impl Caller {
    /// A caller without a credential.
    pub(super) fn unknown(peer: &dyn Peer) -> Self {
        match peer.address().map(|address| address.to_canonical()) {
            None => Self::Local,
            Some(address @ IpAddr::V4(_)) => Self::Address(address),
            // One machine has as many addresses as it likes of its network.
            Some(IpAddr::V6(address)) => Self::Address(IpAddr::V6((address.to_bits() >> 64 << 64).into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct At(&'static str);

    impl Peer for At {
        fn has_gone(&self) -> bool {
            false
        }

        fn decides(&self) {}

        fn address(&self) -> Option<IpAddr> {
            self.0.parse().ok()
        }
    }

    #[test]
    fn a_network_of_ipv6_is_one_caller() {
        let caller = |address| Caller::unknown(&At(address));
        assert_eq!(caller("2001:db8::1"), caller("2001:db8::ffff:1:2"));
        assert_eq!(caller("::ffff:192.0.2.1"), caller("192.0.2.1"));
        assert_ne!(caller("192.0.2.2"), caller("192.0.2.1"));
        assert_ne!(caller("2001:db8:0:1::1"), caller("2001:db8::1"));
        assert_eq!(Caller::unknown(&()), Caller::Local);
    }
}
