//! One instance, from its creation until it is dropped. It serves one evaluation or one batch, and is never used again
//! (rule S7).

use std::fmt::Write;
use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use wasmtime::Store;
use wasmtime::component;

use crate::code::linked::Linked;
use crate::engine::admission::Permit;
use crate::engine::config::Pool;
use crate::engine::fair_admission::FairPermit;
use crate::fault::{Cause, Fault};
use crate::guest::bindings::exports::guardhouse::auth::check;
use crate::guest::bindings::guardhouse::auth::types;
use crate::guest::fault::HostFault;
use crate::guest::log::Mark;
use crate::guest::probe::{Moment, Probe, report};
use crate::guest::request::GuestRequest;
use crate::guest::store::{Budget, State, new_store};
use crate::guest::turn::Turn;
use crate::log_line::LogLine;
use crate::outcome::{AuthorizationError, Outcome};
use crate::reads::DocumentReads;
use crate::request::AuthContext;
use crate::tenant::Tenant;
use crate::util::text::Bounded;

/// The maximum length of a plugin's message about its settings in an error, in bytes.
const MAX_REJECTION_BYTES: usize = 1_000;

/// An instance of a plugin, in a store of its own.
pub(crate) struct Instance {
    store: Store<State>,
    linked: Arc<Linked>,
    started: Option<Started>,
    permits: Permits,
}

/// The permits of an instance. They are returned after the store is dropped, because the field comes last.
#[derive(Default)]
struct Permits {
    pool: Option<FairPermit>,
    #[expect(dead_code, reason = "held until the instance is dropped")]
    check: Option<Permit>,
}

/// The state of an instance that was configured.
struct Started {
    instance: component::Instance,
    guest: check::Guest,
    /// The fuel that was left after `configure`.
    fuel: u64,
    /// The end of the log after `configure`.
    log: Mark,
}

/// One call of the exported `check`.
pub(crate) struct CheckCall<'a> {
    pub(crate) context: &'a AuthContext,
    /// The settings, for an instance that is not configured yet.
    pub(crate) settings: Option<&'a String>,
    pub(crate) name_missing_scopes: bool,
    /// The maximum length of text that may reach the caller, in bytes.
    pub(crate) message_bytes: usize,
    /// The deadline of calls that wait inside the host, where no epoch interrupts them.
    pub(crate) end: Instant,
    pub(crate) probe: Probe<'a>,
}

impl Instance {
    /// Makes the store of an instance, with every limit armed. None of its code has run.
    pub(crate) fn new(linked: Arc<Linked>, budget: &Budget<'_>, request: GuestRequest) -> Self {
        let store = new_store(linked.instance_pre.engine(), budget, request);
        Self { store, linked, started: None, permits: Permits::default() }
    }

    /// Adds the permit of the pool, which is held until the instance is dropped.
    pub(crate) fn with_pool_permit(self, permit: FairPermit) -> Self {
        Self { permits: Permits { pool: Some(permit), ..self.permits }, ..self }
    }

    /// Passes the permit of a standby instance to the tenant whose request it serves. Returns `false` if the tenant has
    /// as many instances as it may.
    pub(crate) fn pass_to(&mut self, tenant: &Tenant) -> bool {
        self.permits.pool.as_mut().is_some_and(|permit| permit.pass_to(tenant))
    }

    /// Adds the permit of the check, which is held until the instance is dropped.
    pub(crate) fn with_check_permit(self, permit: Permit) -> Self {
        Self { permits: Permits { check: Some(permit), ..self.permits }, ..self }
    }

    /// Calls the exported `schema`. The text is empty for a plugin without settings.
    pub(crate) async fn schema(&mut self, turn: &mut Turn<'_>, end: Instant) -> Result<String, Fault> {
        let can_wait = self.linked.can_wait;
        let answer = {
            let answer = pin!(within(end, async {
                let instance = self.linked.instance_pre.instantiate_async(&mut self.store).await?;
                self.store.data_mut().set_instantiated();
                match &self.linked.functions.settings {
                    Some(settings) => settings.load(&mut self.store, &instance)?.call_schema(&mut self.store).await,
                    None => Ok(String::new()),
                }
            }));
            turn.run(answer, end, can_wait).await?
        };
        answer.map_err(|error| self.fault_with_logs(&error))
    }

    /// Instantiates the component and configures the instance. The inner error is the plugin's message about its
    /// settings.
    pub(crate) async fn configure(
        &mut self,
        turn: &mut Turn<'_>,
        settings: Option<&String>,
        end: Instant,
    ) -> Result<Result<(), String>, Fault> {
        let can_wait = self.linked.can_wait;
        let answer = {
            let answer = pin!(within(end, self.start(settings)));
            turn.run(answer, end, can_wait).await?
        };
        answer.map_err(|error| self.fault_with_logs(&error))
    }

    /// Calls the exported `check`, after it has configured the instance if necessary. Returns the outcome and the
    /// missing scopes.
    pub(crate) async fn check(
        &mut self,
        turn: &mut Turn<'_>,
        call: &CheckCall<'_>,
    ) -> Result<(Outcome, Vec<String>), Fault> {
        let can_wait = self.linked.can_wait;
        let answer = {
            // The future is large. It is pinned so that it exists only once and is not moved.
            let answer = pin!(self.answer(call));
            if can_wait {
                turn.run(pin!(within(call.end, answer)), call.end, can_wait).await?
            } else {
                turn.run(answer, call.end, can_wait).await?
            }
        };
        answer.map_err(|error| self.fault(&error))
    }

    /// Binds the instance to another request. Its limits are those of an instance that was configured just now.
    pub(crate) fn rebind(mut self, request: GuestRequest, budget: &Budget<'_>) -> Self {
        let started = self.started.as_ref();
        self.store.data_mut().rebind(request, budget, started.map(|started| started.log));
        if let Some(Started { fuel, .. }) = started {
            // Fails only if the engine does not count fuel, and every engine does (`engine/config.rs`).
            let _ = self.store.set_fuel(*fuel);
        }
        self.store.set_epoch_deadline(1);
        self
    }

    /// Whether the instance can be rebound: nothing of it but its memory has changed since
    /// [`configure`](Self::configure), and nothing that it holds in the host belongs to the last request. A plugin of
    /// the concurrent pool may have left a task that still runs.
    pub(crate) fn is_reusable(&self) -> bool {
        self.started.is_some() && self.linked.pool != Pool::Concurrent && !self.store.data().used_wasi()
    }

    /// Drops the instance, and charges its tenant for the time.
    pub(crate) fn discard(self) {
        let tenant = self.store.data().tenant().cloned();
        let began = Instant::now();
        drop(self);
        if let Some(tenant) = tenant {
            let used = began.elapsed();
            tenant.charge_cpu_time(used);
            tenant.charge_without_turn(used);
        }
    }

    /// The fuel that is left.
    pub(crate) fn fuel(&self) -> u64 {
        self.store.get_fuel().unwrap_or_default()
    }

    /// The largest size of its linear memory, in bytes.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.store.data().memory_bytes()
    }

    /// The output of the plugin so far.
    pub(crate) fn logs(&self) -> Vec<LogLine> {
        self.store.data().log_lines()
    }

    /// The reads of the request so far, which are taken out.
    pub(crate) fn take_reads(&mut self) -> DocumentReads {
        self.store.data_mut().take_reads()
    }

    /// The store and the instance, for a reader of its memory, or `None` if the instance was not configured. The
    /// plugin's own code must not run again.
    pub(crate) fn store_and_instance(&mut self) -> Option<(&mut Store<State>, component::Instance)> {
        Some((&mut self.store, self.started.as_ref()?.instance))
    }

    /// Sets the limit of its handles. Call it before the instance runs.
    pub(crate) fn set_max_handles(&mut self, handles: usize) {
        self.store.set_max_component_handles(handles);
    }

    async fn answer(&mut self, call: &CheckCall<'_>) -> wasmtime::Result<(Outcome, Vec<String>)> {
        if self.started.is_none() {
            self.start(call.settings).await?.map_err(rejected)?;
        }
        report(call.probe, Moment::Started);
        let Self { store, linked, started, .. } = self;
        let Some(Started { instance, guest, .. }) = started else {
            return Err(HostFault(Fault::new(Cause::Host, "the instance was not started")).into());
        };
        store.data_mut().open_request();
        let (scopes, tags) = (token_scopes(call.context), component_tags(call.context));
        let record = record(call.context, &scopes, &tags);
        let outcome = match guest.call_check(&mut *store, record.clone()).await? {
            Ok(allow) => Outcome::from(allow),
            Err(error) => {
                check_length("a message", error.message.len(), call.message_bytes)?;
                Outcome::DeniedWithMessage(AuthorizationError { message: error.message })
            }
        };
        let missing = match &linked.functions.step_up {
            Some(step_up) if call.name_missing_scopes && outcome == Outcome::Denied => {
                let guest = step_up.load(&mut *store, &*instance)?;
                let named = guest.call_missing_scopes(&mut *store, record).await?;
                check_length("scopes", named.iter().map(String::len).sum(), call.message_bytes)?;
                named
            }
            _ => Vec::new(),
        };
        Ok((outcome, missing))
    }

    async fn start(&mut self, settings: Option<&String>) -> wasmtime::Result<Result<(), String>> {
        let Self { store, linked, started, .. } = self;
        let instance = instantiate(store, linked).await?;
        store.data_mut().set_instantiated();
        if let (Some(indices), Some(text)) = (&linked.functions.settings, settings) {
            let guest = indices.load(&mut *store, &instance)?;
            if let Err(message) = guest.call_configure(&mut *store, text).await? {
                return Ok(Err(Bounded::of(MAX_REJECTION_BYTES, |out| out.write_str(&message))));
            }
        }
        let guest = linked.functions.check.load(&mut *store, &instance)?;
        let (fuel, log) = (store.get_fuel().unwrap_or_default(), store.data().log_mark());
        *started = Some(Started { instance, guest, fuel, log });
        Ok(Ok(()))
    }

    fn fault(&mut self, error: &wasmtime::Error) -> Fault {
        self.store.data_mut().classify(error)
    }

    /// The fault of a call other than an evaluation. The report of an evaluation has the output.
    fn fault_with_logs(&mut self, error: &wasmtime::Error) -> Fault {
        Fault { logs: self.logs(), ..self.fault(error) }
    }
}

/// Makes an instance. The state of an image is copied with fuel of the host: it is not the work of the plugin.
async fn instantiate(store: &mut Store<State>, linked: &Linked) -> wasmtime::Result<component::Instance> {
    if !linked.is_image {
        return linked.instance_pre.instantiate_async(store).await;
    }
    let fuel = store.get_fuel()?;
    store.set_fuel(u64::MAX)?;
    let instance = linked.instance_pre.instantiate_async(&mut *store).await?;
    store.set_fuel(fuel)?;
    Ok(instance)
}

/// Checks the length of text that reaches the caller.
fn check_length(what: &str, length: usize, cap: usize) -> Result<(), HostFault> {
    if length <= cap {
        return Ok(());
    }
    let detail = format!("{what} of {length} bytes, over the cap of {cap} bytes");
    Err(HostFault(Fault::new(Cause::MessageLimit, detail)))
}

fn rejected(message: String) -> HostFault {
    HostFault(Fault::new(Cause::Configure, format!("rejected its settings: {message}")))
}

fn component_tags(context: &AuthContext) -> Vec<&str> {
    context.component.tags.iter().map(String::as_str).collect()
}

fn token_scopes(context: &AuthContext) -> Vec<&str> {
    context.token.iter().flat_map(|token| &token.scopes).map(String::as_str).collect()
}

fn record<'a>(context: &'a AuthContext, scopes: &'a [&'a str], tags: &'a [&'a str]) -> types::AuthContext<'a> {
    let component = &context.component;
    types::AuthContext {
        token: context.token.as_ref().map(|token| types::AccessToken {
            client_id: &token.client_id,
            subject: token.subject.as_deref(),
            scopes,
            expires_at: token.expires_at,
            resource_indicator: token.resource_indicator.as_deref(),
        }),
        component: types::Component {
            kind: &component.kind,
            name: &component.name,
            uri: component.uri.as_deref(),
            version: component.version.as_deref(),
            tags,
        },
        action: &context.action,
        now: context.now,
    }
}

async fn within<T>(end: Instant, work: impl Future<Output = wasmtime::Result<T>>) -> wasmtime::Result<T> {
    tokio::time::timeout_at(end.into(), work).await.unwrap_or_else(|_| {
        let detail = "no answer within the deadline, while waiting inside the host";
        Err(HostFault(Fault::new(Cause::Deadline, detail)).into())
    })
}
