//! Panics: a defect of this server that a proxy must not take for an answer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

/// The result of `work`; none if it panics. Without this, the connection or the stream of the request would break, and a
/// proxy may allow what it cannot ask about.
pub(super) async fn unless_it_panics<T>(work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    // After a panic, `work` is not polled again.
    std::future::poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx))) {
        Ok(poll) => poll.map(Some),
        Err(_) => {
            tracing::error!(target: "guardhouse::server", "a defect of the server: a request was denied by a panic");
            Poll::Ready(None)
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::path::PathBuf;

    use bytes::Bytes;
    use guardhouse::Host;
    use http_body_util::{BodyExt, Full};
    use hyper::{Request, StatusCode};
    use tokio::sync::watch;

    use crate::config::ServerConfig;
    use crate::config::certificate::PeerCertificate;
    use crate::config::credentials::Credentials;
    use crate::config::listener::Door;
    use crate::door::ext_authz;
    use crate::door::peer::Peer;
    use crate::door::{Doors, Listener};
    use crate::observe::Observers;
    use crate::tenants::Tenants;

    /// A peer that makes the server panic when its request was read.
    struct Panics;

    impl Peer for Panics {
        fn has_gone(&self) -> bool {
            false
        }

        fn decides(&self) {
            panic!("a defect");
        }

        fn address(&self) -> Option<IpAddr> {
            None
        }

        fn certificate(&self) -> Option<&PeerCertificate> {
            None
        }
    }

    #[tokio::test]
    async fn a_panic_denies_the_request_of_a_proxy() {
        let config = ServerConfig::in_folder(&PathBuf::new());
        let tenants = Tenants::new(Host::new().unwrap());
        let doors = Doors::new(tenants, Observers::default(), &config, Credentials::default());
        let all = Door::ALL.into_iter().collect();
        let listener = Listener { doors: all, anonymous: false, tenant: Some("acme".parse().unwrap()) };
        for dialect in ["nginx", "caddy", "traefik", "envoy/x"] {
            let request = Request::get(format!("/v1/tenants/acme/forward-auth/{dialect}"));
            let request = request.body(Full::<Bytes>::default()).unwrap();
            let answer = doors.answer(&listener, request, &Panics).await;
            assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{dialect}");
        }
        let message = Full::from(&[0; 5][..]);
        let call = Request::post("/envoy.service.auth.v3.Authorization/Check").body(message).unwrap();
        let answer = doors.answer_call(&listener, call, &Panics, watch::channel(false).1).await;
        let answer = answer.into_body().collect().await.unwrap();
        assert_eq!(answer.trailers().unwrap()["grpc-status"], "0");
        assert_eq!(answer.to_bytes()[5..], ext_authz::undecided());
    }
}
