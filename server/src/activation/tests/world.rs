//! A server in a test: its source in memory, its state folder, and everything that it reported.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use guardhouse::{Digest, Grants, Host, HostLimits, ImagePolicy, Limits, builtin};
use serde_json::json;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

use super::super::Activation;
use super::super::event::{ActivationEvent, ActivationResult};
use super::request;
use crate::decided::PolicyId;
use crate::last_good::{DEFAULT_BYTES, LastGood};
use crate::lock::lock;
use crate::policy::caps::LimitCaps;
use crate::policy::folder::{Bytes, Folder};
use crate::policy::selector::Selector;
use crate::policy::{CheckSpec, Expression, Mode, PluginSource, Policy, Rule, Verdict};
use crate::problem::Problem;
use crate::source::{Change, Listing, Source, SourceError, SourceFuture, Version};
use crate::tenant_name::TenantName;
use crate::tenants::Tenants;
use crate::tenants::allowance::Allowances;
use crate::tenants::status::Durability;

/// The policies of each tenant as text, or the reason why it cannot be read.
pub(super) type Texts = BTreeMap<String, Result<String, String>>;

/// A source in memory.
#[derive(Debug, Default)]
pub(super) struct TestSource {
    texts: Mutex<Texts>,
    is_broken: Mutex<bool>,
    is_stalled: Mutex<bool>,
    has_changed: Notify,
    lists: AtomicU64,
    reads: AtomicU64,
    /// Tenants whose reading waits, and those that wait.
    held: Mutex<BTreeSet<String>>,
    waiting: Mutex<BTreeSet<String>>,
    released: Notify,
}

/// The folder of a policy. A text that begins with `big-` or `huge-` has a large file beside it.
pub(super) fn folder(text: &str) -> Folder {
    let mut files = BTreeMap::from([(Folder::POLICY.to_owned(), Bytes::from(text.to_owned()))]);
    if text.starts_with("big-") {
        files.insert("data".to_owned(), Bytes::from(text.repeat(10_000)));
    }
    if text.starts_with("huge-") {
        files.insert("data".to_owned(), Bytes::from(text.repeat(1 << 20)));
    }
    Folder::new(files)
}

impl TestSource {
    pub(super) fn set(&self, tenant: &str, text: &str) {
        *lock(&self.is_broken) = false;
        self.change(|texts| drop(texts.insert(tenant.to_owned(), Ok(text.to_owned()))));
    }

    pub(super) fn remove(&self, tenant: &str) {
        self.change(|texts| drop(texts.remove(tenant)));
    }

    /// Removes everything, and makes the source unreadable if `is_broken`.
    pub(super) fn empty(&self, is_broken: bool) {
        *lock(&self.is_broken) = is_broken;
        self.change(Texts::clear);
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Texts)) {
        change(&mut lock(&self.texts));
        self.poke();
    }

    /// Makes listings wait, or go on.
    pub(super) fn stall(&self, is_stalled: bool) {
        *lock(&self.is_stalled) = is_stalled;
        self.released.notify_waiters();
    }

    /// Reports a change.
    pub(super) fn poke(&self) {
        self.has_changed.notify_one();
    }

    pub(super) fn digest(&self, tenant: &str) -> Digest {
        folder(lock(&self.texts)[tenant].as_ref().unwrap()).digest()
    }

    pub(super) fn reads(&self) -> u64 {
        self.reads.load(Ordering::SeqCst)
    }

    /// Makes the next reading of a tenant wait.
    pub(super) fn hold(&self, tenant: &str) {
        lock(&self.held).insert(tenant.to_owned());
    }

    pub(super) fn is_held(&self, tenant: &str) -> bool {
        lock(&self.waiting).contains(tenant)
    }

    pub(super) fn release(&self, tenant: &str) {
        lock(&self.held).remove(tenant);
        self.released.notify_waiters();
    }
}

impl Source for TestSource {
    fn list<'a>(&'a self, _: &'a Change) -> SourceFuture<'a, Result<Listing, SourceError>> {
        Box::pin(async {
            self.lists.fetch_add(1, Ordering::SeqCst);
            loop {
                let released = self.released.notified();
                if !*lock(&self.is_stalled) {
                    break;
                }
                released.await;
            }
            if *lock(&self.is_broken) {
                return Err(SourceError("broken".to_owned()));
            }
            let texts = lock(&self.texts);
            let versions = texts.iter().map(|(tenant, text)| {
                let version = match text {
                    Ok(text) if text == "changing" => Version::Changing,
                    Ok(text) => Version::Policy(folder(text).digest()),
                    Err(reason) => Version::Unreadable(vec![Problem::new(".", reason.clone())]),
                };
                (tenant.parse().unwrap(), version)
            });
            Ok(Listing { versions: versions.collect(), problems: Vec::new() })
        })
    }

    fn read<'a>(&'a self, tenant: &'a TenantName) -> SourceFuture<'a, Result<Folder, Vec<Problem>>> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        let text = lock(&self.texts).get(tenant.as_str()).cloned();
        Box::pin(async move {
            let name = tenant.as_str();
            loop {
                let released = self.released.notified();
                if !lock(&self.held).contains(name) {
                    break;
                }
                lock(&self.waiting).insert(name.to_owned());
                released.await;
            }
            lock(&self.waiting).remove(name);
            match text {
                Some(Ok(text)) => Ok(folder(&text)),
                other => Err(vec![Problem::new(".", format!("{other:?}"))]),
            }
        })
    }

    fn changed(&self) -> SourceFuture<'_, Change> {
        Box::pin(async {
            self.has_changed.notified().await;
            Change::All
        })
    }
}

/// Reads a policy of a test: scopes that a token must have all. Some words make it broken.
pub(super) fn read(folder: &Folder, _: &LimitCaps) -> Result<(Policy, Vec<Problem>), Vec<Problem>> {
    let text = String::from_utf8(folder.file(Folder::POLICY).unwrap().to_vec()).unwrap();
    match &*text {
        "broken" => return Err(vec![Problem::new(Folder::POLICY, "broken")]),
        "panics" => panic!("a panic of a test"),
        _ => {}
    }
    let plugin = builtin::ALL.iter().find(|builtin| builtin.name == "require-scopes").unwrap();
    let check = |scope: &str| CheckSpec {
        name: scope.to_owned(),
        plugin: PluginSource::Builtin(plugin),
        settings: Some(if scope == "configure-fails" { json!({}) } else { json!({ "scopes": [scope] }) }.into()),
        grants: Grants::default(),
        limits: Limits { cpu_time: None, ..Limits::default() },
        image: ImagePolicy::Never,
        breaker: None,
    };
    let checks: Vec<CheckSpec> = text.split(' ').map(check).collect();
    let all = Expression::All((0..checks.len()).map(Expression::Check).collect());
    let rule = Rule { name: "all".to_owned(), when: Selector::default(), verdict: Verdict::Check(all), mode: None };
    let (digest, mode) = (folder.digest(), Mode::Enforce);
    Ok((Policy { digest, mode, log: Arc::default(), checks, always: Vec::new(), rules: vec![rule] }, Vec::new()))
}

pub(super) fn host() -> &'static Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    HOST.get_or_init(|| Host::builder().limits(HostLimits { instances: 16, ..HostLimits::default() }).build().unwrap())
}

/// Everything that lasts longer than a server.
pub(super) struct World {
    pub(super) source: Arc<TestSource>,
    state: Option<PathBuf>,
    patience: Duration,
    start_patience: Duration,
    /// The number of activations at the same time, and the deadline of each.
    jobs: Option<(usize, Duration)>,
    bounds: Option<(HostLimits, Allowances)>,
    /// Removes the state folder in the end.
    _dir: Option<tempfile::TempDir>,
}

impl World {
    pub(super) fn new() -> Self {
        let patience = Duration::from_secs(600);
        Self {
            source: Arc::default(),
            state: None,
            patience,
            start_patience: patience,
            jobs: None,
            bounds: None,
            _dir: None,
        }
    }

    /// With a state folder.
    pub(super) fn with_state(self) -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { state: Some(dir.path().join("state")), _dir: Some(dir), ..self }
    }

    /// With a source that must answer in this time.
    pub(super) fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// With a host of its own, on which tenants have these allowances.
    pub(super) fn with_bounds(self, limits: HostLimits, allowances: Allowances) -> Self {
        Self { bounds: Some((limits, allowances)), ..self }
    }

    /// With a server that waits for its tenants for this time at its start.
    pub(super) fn with_start_patience(self, start_patience: Duration) -> Self {
        Self { start_patience, ..self }
    }

    /// With so many activations at the same time, each within a deadline.
    pub(super) fn with_jobs(self, parallel: usize, deadline: Duration) -> Self {
        Self { jobs: Some((parallel, deadline)), ..self }
    }

    /// With a state folder that another process made.
    pub(super) fn at(state: PathBuf) -> Self {
        Self { state: Some(state), ..Self::new() }
    }

    /// A server, after every tenant was tried once.
    pub(super) async fn serve(&self) -> Served {
        let tenants = match &self.bounds {
            None => Tenants::new(host().clone()),
            Some((limits, allowances)) => {
                let tenants = Tenants::new(Host::builder().limits(limits.clone()).build().unwrap());
                tenants.set_allowances(allowances.clone());
                tenants
            }
        };
        let events = Arc::<Mutex<Vec<ActivationEvent>>>::default();
        let noted = Arc::clone(&events);
        let source = Arc::clone(&self.source);
        let mut activation = Activation::new(tenants.clone(), Arc::clone(&source) as Arc<dyn Source>, read)
            .patience(self.patience)
            .start_patience(self.start_patience)
            .listener(Arc::new(move |event: &ActivationEvent| lock(&noted).push(event.clone())));
        if let Some((parallel, deadline)) = self.jobs {
            activation = activation.parallel(parallel).deadline(deadline);
        }
        if let Some(state) = &self.state {
            activation = activation.last_good(LastGood::open(state, DEFAULT_BYTES).unwrap());
        }
        let (stop, stopped) = oneshot::channel::<()>();
        let running = tokio::spawn(activation.run(async move { drop(stopped.await) }));
        let served = Served { tenants, source, events, stop, running };
        served.until(|served| served.tenants.readiness().is_started).await;
        served
    }

    /// Writes a policy into the state folder.
    pub(super) fn keep(&self, tenant: &str, text: &str) {
        let state = LastGood::open(&self.state_file(""), DEFAULT_BYTES).unwrap();
        state.write(&tenant.parse().unwrap(), &folder(text)).unwrap();
    }

    pub(super) fn state_file(&self, path: &str) -> PathBuf {
        self.state.as_ref().unwrap().join(path)
    }

    pub(super) fn state_entries(&self) -> usize {
        std::fs::read_dir(self.state_file("tenants")).unwrap().count()
    }

    /// Changes one byte of the policy in the state folder.
    pub(super) fn damage_state(&self, tenant: &str) {
        let path = self.state_file("tenants").join(tenant);
        let mut bytes = std::fs::read(&path).unwrap();
        let last = bytes.len() - 2;
        bytes[last] ^= 1;
        std::fs::write(path, bytes).unwrap();
    }

    /// Makes the entry of a tenant a folder, which no file can replace.
    pub(super) fn block_state(&self, tenant: &str) {
        let path = self.state_file("tenants").join(tenant);
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir_all(path.join("full")).unwrap();
    }
}

/// A running server.
pub(super) struct Served {
    pub(super) tenants: Tenants,
    source: Arc<TestSource>,
    events: Arc<Mutex<Vec<ActivationEvent>>>,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

impl Served {
    pub(super) async fn stop(self) {
        drop(self.stop);
        self.running.await.unwrap();
    }

    /// Waits until a condition holds, and fails after two minutes.
    pub(super) async fn until(&self, holds: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !holds(self) {
            assert!(start.elapsed() < Duration::from_secs(120), "not true after two minutes; {:?}", self.events);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Waits until the source was listed once more, and the listing was taken.
    pub(super) async fn listed(&self) {
        let before = self.source.lists.load(Ordering::SeqCst);
        self.until(|served| served.source.lists.load(Ordering::SeqCst) > before).await;
    }

    pub(super) async fn allows(&self, tenant: &str, scope: &str) -> bool {
        self.tenants.decide(tenant, &request(scope), None).await.decision.is_allow()
    }

    pub(super) fn id(&self, tenant: &str) -> PolicyId {
        self.tenants.snapshot(tenant).unwrap().id()
    }

    pub(super) fn wanted(&self, tenant: &str) -> Option<Digest> {
        self.tenants.status_of(tenant).unwrap().wanted
    }

    /// The number of tenants whose active policy is written down.
    pub(super) fn durable(&self) -> usize {
        let is_written = |active: &crate::tenants::status::Active| active.durability == Durability::Written;
        self.tenants.status().iter().filter(|status| status.active.as_ref().is_some_and(is_written)).count()
    }

    pub(super) fn forget_events(&self) {
        lock(&self.events).clear();
    }

    pub(super) fn events(&self, tenant: &str) -> Vec<ActivationEvent> {
        lock(&self.events).iter().filter(|event| event.tenant.as_str() == tenant).cloned().collect()
    }

    pub(super) fn results(&self, tenant: &str) -> Vec<&'static str> {
        self.events(tenant).iter().map(|event| event.result.kind()).collect()
    }

    fn count(&self, tenant: &str, kind: &str) -> usize {
        self.results(tenant).iter().filter(|result| **result == kind).count()
    }

    pub(super) fn activated(&self, tenant: &str) -> usize {
        self.count(tenant, "activated")
    }

    pub(super) fn refused(&self, tenant: &str) -> usize {
        self.count(tenant, "refused")
    }

    pub(super) fn last_problems(&self, tenant: &str) -> Vec<Problem> {
        match self.events(tenant).pop().map(|event| event.result) {
            Some(ActivationResult::Refused(problems)) => problems,
            other => panic!("{other:?}"),
        }
    }

    /// The plugins loaded, the checks configured and the checks reused in all events.
    pub(super) fn counts(&self) -> (u32, u32, u32) {
        lock(&self.events)
            .iter()
            .map(|event| event.counts)
            .fold((0, 0, 0), |sum, counts| (sum.0 + counts.loaded, sum.1 + counts.configured, sum.2 + counts.reused))
    }
}
