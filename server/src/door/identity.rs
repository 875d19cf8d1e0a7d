//! Identities: who sent a request, before it is known which tenant the request is about.

use std::sync::Arc;

use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue};

use super::answer::{Kind, Refusal};
use super::caller::Caller;
use super::doors::{Doors, Listener};
use super::peer::Peer;
use crate::config::credentials::{CredentialConfig, Presented, bearer};
use crate::config::listener::Door;

/// The header with the token of a proxy whose requests have the end user's `Authorization`.
pub(super) const CREDENTIAL: HeaderName = HeaderName::from_static("guardhouse-credential");

/// The sender of a request.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    caller: Caller,
    /// None if the listener needs no credential.
    credential: Option<Arc<CredentialConfig>>,
}

impl Identity {
    /// The caller, for its share of the memory.
    pub(super) fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Compares a tenant, which need not exist, and a door with those of the sender's credential.
    ///
    /// # Errors
    /// The credential is for others.
    pub(super) fn require(&self, door: Door, tenant: &str) -> Result<(), Refusal> {
        if self.credential.as_ref().is_none_or(|credential| credential.is_for(door, tenant)) {
            return Ok(());
        }
        Err(Refusal::new(Kind::Forbidden, "the credential is for other tenants or doors"))
    }
}

impl Doors {
    /// Finds the sender of a request by its credential, before its body is read.
    ///
    /// # Errors
    /// A credential is needed, and the request has none that is known.
    pub(super) fn identify(
        &self,
        listener: &Listener,
        door: Door,
        headers: &HeaderMap,
        peer: &dyn Peer,
    ) -> Result<Identity, Refusal> {
        let credentials = self.credentials();
        if listener.anonymous || credentials.is_empty() {
            return Ok(Identity { caller: Caller::unknown(peer), credential: None });
        }
        let presented = Presented { token: token(door, headers), certificate: peer.certificate() };
        match credentials.find(presented) {
            Some(config) => Ok(Identity {
                caller: Caller::Credential(config.name.as_str().into()),
                credential: Some(Arc::clone(config)),
            }),
            // A proxy passes 401 on to the end user, who has no credential for this server.
            None if door == Door::ForwardAuth => {
                Err(Refusal::new(Kind::Forbidden, format!("send `{CREDENTIAL}` and a token, or a client certificate")))
            }
            None => {
                let detail = "send `Authorization: Bearer` and a token, or a client certificate";
                Err(Refusal::new(Kind::Unauthenticated, detail))
            }
        }
    }
}

/// The token of the sender; none if its header is there twice.
fn token(door: Door, headers: &HeaderMap) -> Option<&[u8]> {
    let name = if door == Door::ForwardAuth { CREDENTIAL } else { AUTHORIZATION };
    let mut values = headers.get_all(name).iter();
    let value = values.next().filter(|_| values.next().is_none()).map(HeaderValue::as_bytes)?;
    if door == Door::ForwardAuth { Some(value).filter(|token| !token.is_empty()) } else { bearer(value) }
}
