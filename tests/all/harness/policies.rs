//! A folder of policies, and a server that activates them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use guardhouse::{AuthContext, Host};
use guardhouse_server::activation::Activation;
use guardhouse_server::activation::event::ActivationEvent;
use guardhouse_server::last_good::{DEFAULT_BYTES, LastGood};
use guardhouse_server::policy::Policy;
use guardhouse_server::source::folders::{FolderOptions, Folders};
use guardhouse_server::tenants::Tenants;
use guardhouse_tests::guest::assemble;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::fixture;

/// A folder of policies, with the state folder of their server.
pub(crate) struct Policies {
    dir: tempfile::TempDir,
}

impl Policies {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("policies")).unwrap();
        Self { dir }
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.dir.path().join("policies")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// Writes the policy of a tenant: every request needs this scope.
    pub(crate) fn needs_scope(&self, tenant: &str, scope: &str) {
        self.write(&format!("{tenant}/policy.toml"), scope_policy(scope));
    }

    /// Writes the policy of a tenant: a fixture decides every request.
    pub(crate) fn of_fixture(&self, tenant: &str, name: &str) {
        self.write(&format!("{tenant}/check.wasm"), assemble(&fixture(name)).unwrap());
        let policy = "version = 1\n[checks.a]\nplugin = \"check.wasm\"\n\
                      [[rules]]\nname = \"all\"\nwhen = {}\ncheck = \"a\"\n";
        self.write(&format!("{tenant}/policy.toml"), policy);
    }

    /// A server of these policies, after every tenant was tried once.
    pub(crate) async fn serve(&self, host: &Host) -> Server {
        self.serve_with(host, FolderOptions::default()).await
    }

    pub(crate) async fn serve_with(&self, host: &Host, options: FolderOptions) -> Server {
        let tenants = Tenants::new(host.clone());
        let events = Arc::<Mutex<Vec<ActivationEvent>>>::default();
        let noted = Arc::clone(&events);
        let source = Folders::new(self.root(), options);
        let activation = Activation::new(tenants.clone(), Arc::new(source.clone()), Policy::read_within)
            .last_good(LastGood::open(&self.state(), DEFAULT_BYTES).unwrap())
            .listener(Arc::new(move |event: &ActivationEvent| {
                noted.lock().unwrap_or_else(PoisonError::into_inner).push(event.clone());
            }));
        let (stop, stopped) = oneshot::channel::<()>();
        let running = tokio::spawn(activation.run(async move { drop(stopped.await) }));
        let server = Server { tenants, source, events, stop, running };
        server.until("every tenant was tried", |server| server.tenants.is_started()).await;
        server
    }
}

/// A policy in which every request needs a scope.
pub(crate) fn scope_policy(scope: &str) -> String {
    format!(
        "version = 1\n[checks.scopes]\nplugin = \"builtin:require-scopes\"\nsettings = {{ scopes = [\"{scope}\"] }}\n\
         [[rules]]\nname = \"all\"\nwhen = {{}}\ncheck = \"scopes\"\n"
    )
}

/// A server without doors.
pub(crate) struct Server {
    pub(crate) tenants: Tenants,
    pub(crate) source: Folders,
    events: Arc<Mutex<Vec<ActivationEvent>>>,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn stop(self) {
        drop(self.stop);
        self.running.await.unwrap();
    }

    /// Waits until a condition holds, and fails after two minutes.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let all = async {
            while !holds(self) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(120), all).await;
        assert!(waited.is_ok(), "not true after two minutes: {what}; {:?}", self.events);
    }

    pub(crate) async fn allows(&self, tenant: &str, context: &AuthContext) -> bool {
        self.tenants.decide(tenant, context, None).await.decision.is_allow()
    }

    /// The results of a tenant's activations as words, in order.
    pub(crate) fn results(&self, tenant: &str) -> Vec<&'static str> {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.iter().filter(|event| event.tenant.as_str() == tenant).map(|event| event.result.kind()).collect()
    }

    /// The plugins loaded, the checks configured and the checks reused since the last call.
    pub(crate) fn take_counts(&self) -> (u32, u32, u32) {
        let events = std::mem::take(&mut *self.events.lock().unwrap_or_else(PoisonError::into_inner));
        events
            .iter()
            .map(|event| event.counts)
            .fold((0, 0, 0), |sum, counts| (sum.0 + counts.loaded, sum.1 + counts.configured, sum.2 + counts.reused))
    }

    /// The problems of a tenant's refused policy as text; empty if none is refused.
    pub(crate) fn refused(&self, tenant: &str) -> String {
        let refused = self.tenants.status_of(tenant).and_then(|status| status.refused);
        refused.iter().flat_map(|refused| &refused.problems).map(|problem| format!("{problem}\n")).collect()
    }
}

/// Replaces a file at once, as editors and deployments do.
pub(crate) fn replace(path: &Path, content: &str) {
    let beside = path.with_extension("new");
    std::fs::write(&beside, content).unwrap();
    std::fs::rename(beside, path).unwrap();
}
