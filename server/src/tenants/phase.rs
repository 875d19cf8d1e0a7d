//! The start of a server: the time in which its tenants get their first policies.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout};

/// The interval at which a request looks whether its tenant has a policy.
const LOOK: Duration = Duration::from_millis(10);

/// Where the server stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing reads policies: those that are there were activated by hand.
    Idle,
    /// The tenants get their first policies.
    Starting,
    /// Every tenant was tried once, or the start waits for no more.
    Started,
}

/// The phase of a server.
#[derive(Debug)]
pub(super) struct Phase(watch::Sender<State>);

impl Default for Phase {
    fn default() -> Self {
        Self(watch::Sender::new(State::Idle))
    }
}

impl Phase {
    /// Begins the start.
    pub(super) fn begin(&self) {
        self.0.send_if_modified(|state| {
            let is_idle = *state == State::Idle;
            if is_idle {
                *state = State::Starting;
            }
            is_idle
        });
    }

    /// Ends the start.
    pub(super) fn end(&self) {
        self.0.send_replace(State::Started);
    }

    pub(super) fn is_starting(&self) -> bool {
        *self.0.borrow() == State::Starting
    }

    pub(super) fn is_started(&self) -> bool {
        *self.0.borrow() == State::Started
    }

    /// Looks again and again until something is found, the start ends, or the deadline is over.
    pub(super) async fn wait<T, E>(&self, deadline: Option<Duration>, look: impl Fn() -> Result<T, E>) -> Result<T, E> {
        let end = deadline.and_then(|deadline| Instant::now().checked_add(deadline));
        let mut phase = self.0.subscribe();
        loop {
            let next = end.map_or(LOOK, |end| LOOK.min(end.saturating_duration_since(Instant::now())));
            let has_ended = timeout(next, phase.wait_for(|state| *state != State::Starting)).await.is_ok();
            let found = look();
            if found.is_ok() || has_ended || end.is_some_and(|end| end <= Instant::now()) {
                return found;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use guardhouse::{AuthContext, Component, Host};

    use super::*;
    use crate::decided::DenialCause;
    use crate::policy::Policy;
    use crate::policy::folder::{Bytes, Folder};
    use crate::snapshot::Snapshot;
    use crate::tenants::Tenants;

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn at_the_start_only_requests_of_tenants_without_a_policy_wait() {
        let host = Host::new().unwrap();
        let tenants = Tenants::new(host.clone());
        tenants.begin();
        let policy = "version = 1\n[[rules]]\nwhen = {}\nunchecked = \"allow\"\n";
        let folder = || Folder::new([(Folder::POLICY.to_owned(), Bytes::from_static(policy.as_bytes()))].into());
        let activate = async |name: &str| {
            let tenant = name.parse().unwrap();
            let policy = Policy::read(&folder()).unwrap().0;
            tenants.activate(&tenant, Snapshot::load(&host, &tenant, 1, policy).await.unwrap());
        };
        let context = AuthContext::new(Component::tool("t"));
        let mut early = std::pin::pin!(tenants.decide("acme", &context, Some(LONG)));
        activate("other").await;
        assert!(tenants.decide("other", &context, Some(LONG)).await.decision.is_allow());
        let decided = timeout(LOOK * 3, early.as_mut()).await;
        assert!(decided.is_err(), "{decided:?}");
        activate("acme").await;
        assert!(early.await.decision.is_allow());
        let (decided, ()) = tokio::join!(tenants.decide("none", &context, Some(LONG)), async { tenants.set_started() });
        assert_eq!(decided.cause, Some(DenialCause::UnknownTenant));
    }

    #[tokio::test]
    async fn a_request_waits_for_a_policy_until_the_start_ends_or_its_deadline_is_over() {
        let phase = Phase::default();
        phase.begin();
        assert!(phase.is_starting() && !phase.is_started());
        let looks = Cell::new(0);
        let look = |finds_at: u32| {
            looks.set(0);
            let looks = &looks;
            move || {
                looks.set(looks.get() + 1);
                if looks.get() == finds_at { Ok(()) } else { Err("no policy") }
            }
        };
        assert_eq!(phase.wait(None, look(3)).await, Ok(()));
        assert_eq!(looks.get(), 3);
        let since = Instant::now();
        assert_eq!(phase.wait(Some(Duration::from_millis(45)), look(0)).await, Err("no policy"));
        assert!(since.elapsed() >= Duration::from_millis(45));
        assert_eq!(phase.wait(Some(Duration::ZERO), look(0)).await, Err("no policy"));
        let (found, ()) = tokio::join!(phase.wait(None, look(0)), async { phase.end() });
        assert_eq!(found, Err("no policy"));
        assert!(phase.is_started());
        phase.begin();
        assert!(!phase.is_starting(), "a server starts once");
    }
}
