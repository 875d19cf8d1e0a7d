//! One instance, from its making to its end. It serves one evaluation, or one batch, and is never used again (rule S7).

use std::fmt::Write;
use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use wasmtime::Store;
use wasmtime::component;

use crate::bindings::exports::guardhouse::auth::check;
use crate::bindings::guardhouse::auth::types;
use crate::capabilities::Request;
use crate::context::AuthContext;
use crate::decision::AuthorizationError;
use crate::fault::{HostFault, classify};
use crate::log::Mark;
use crate::outcome::{Cause, Fault, LogLine, Outcome};
use crate::program::Program;
use crate::room::Place;
use crate::store::{State, Terms, new_store};
use crate::text::Bounded;

/// The most of a plugin's words against its settings that an error quotes, in bytes.
const MAX_WORDS_BYTES: usize = 1_000;

/// An instance of a plugin, in a store of its own.
pub(crate) struct Instance {
    store: Store<State>,
    program: Arc<Program>,
    started: Option<Started>,
    /// Given back once the store is gone.
    _places: (Option<Place>, Option<Place>),
}

/// An instance that is configured, and how it stood by then.
struct Started {
    instance: component::Instance,
    guest: check::Guest,
    fuel: u64,
    log: Mark,
}

/// What is asked of an instance.
pub(crate) struct Question<'a> {
    pub(crate) context: &'a AuthContext,
    pub(crate) settings: Option<&'a String>,
    pub(crate) name_missing_scopes: bool,
    pub(crate) message_bytes: usize,
}

impl Instance {
    /// An instance with every limit armed, of which nothing has run.
    pub(crate) fn new(program: Arc<Program>, terms: &Terms<'_>, request: Request) -> Self {
        let store = new_store(program.engine(), terms, request);
        Self { store, program, started: None, _places: (None, None) }
    }

    /// Keeps the room that it takes in its pool until it is gone.
    pub(crate) fn holding(self, shared: Place) -> Self {
        Self { _places: (None, Some(shared)), ..self }
    }

    /// Keeps the place that its check has for it.
    pub(crate) fn serving(mut self, own: Place) -> Self {
        self._places.0 = Some(own);
        self
    }

    /// Asks the plugin for its settings schema.
    pub(crate) async fn schema(&mut self, end: Instant) -> Result<String, Fault> {
        let asked = within(end, async {
            let instance = self.program.instance_pre.instantiate_async(&mut self.store).await?;
            self.store.data_mut().limiter.instantiated = true;
            match &self.program.settings {
                Some(settings) => settings.load(&mut self.store, &instance)?.call_schema(&mut self.store).await,
                None => Ok(String::new()),
            }
        });
        let answer = asked.await;
        answer.map_err(|error| self.fault(&error))
    }

    /// Configures it. The inner error has the plugin's own words against its settings.
    pub(crate) async fn configure(
        &mut self,
        settings: Option<&String>,
        end: Instant,
    ) -> Result<Result<(), String>, Fault> {
        let answer = within(end, self.start(settings)).await;
        answer.map_err(|error| self.fault(&error))
    }

    /// Configures it, if that was not done before, and asks it about one request. With an `end`, it may wait inside
    /// the host, where no epoch interrupts it.
    pub(crate) async fn check(
        &mut self,
        question: &Question<'_>,
        end: Option<Instant>,
    ) -> Result<(Outcome, Vec<String>), Fault> {
        let answer = {
            // Pinned, because it is large: moved, it would be there twice.
            let mut asked = pin!(self.answer(question));
            match end {
                Some(end) => within(end, asked).await,
                None => asked.as_mut().await,
            }
        };
        answer.map_err(|error| self.fault(&error))
    }

    /// Turns it to another request, bounded as if it came from [`configure`](Self::configure) just now.
    pub(crate) fn turned_to(mut self, request: Request, end: Instant) -> Self {
        let state = self.store.data_mut();
        state.request = request;
        state.end = end;
        state.limiter.refused = None;
        if let Some(Started { fuel, log, .. }) = &self.started {
            state.log.rewind(*log);
            // Fails only if the engine counts no fuel, and then nothing runs.
            let _ = self.store.set_fuel(*fuel);
        }
        self.store.set_epoch_deadline(1);
        self
    }

    /// Whether it is as [`configure`](Self::configure) left it but for its memory: nothing that it holds in the host
    /// belongs to the last request.
    pub(crate) fn can_turn(&self) -> bool {
        self.started.is_some() && !self.store.data().used_wasi()
    }

    /// Instructions that are left to it.
    pub(crate) fn fuel(&self) -> u64 {
        self.store.get_fuel().unwrap_or_default()
    }

    /// The most linear memory that it had, in bytes.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.store.data().limiter.memory_bytes
    }

    /// What it wrote.
    pub(crate) fn logs(&self) -> Vec<LogLine> {
        self.store.data().log.lines()
    }

    /// For whoever reads its memory: it must not run again.
    pub(crate) fn parts(&mut self) -> Option<(&mut Store<State>, component::Instance)> {
        Some((&mut self.store, self.started.as_ref()?.instance))
    }

    /// What it holds in the host is bounded anew. Before it runs.
    pub(crate) fn set_max_handles(&mut self, handles: usize) {
        self.store.set_max_component_handles(handles);
    }

    async fn answer(&mut self, question: &Question<'_>) -> wasmtime::Result<(Outcome, Vec<String>)> {
        if self.started.is_none() {
            self.start(question.settings).await?.map_err(refused)?;
        }
        let Self { store, program, started, .. } = self;
        let Some(Started { instance, guest, .. }) = started else { return Err(refused(String::new()).into()) };
        store.data_mut().request.open();
        let (scopes, tags) = (token_scopes(question.context), component_tags(question.context));
        let record = record(question.context, &scopes, &tags);
        let outcome = match guest.call_check(&mut *store, record.clone()).await? {
            Ok(allow) => Outcome::from(allow),
            Err(error) => {
                check_length("a message", error.message.len(), question.message_bytes)?;
                Outcome::DeniedWithMessage(AuthorizationError { message: error.message })
            }
        };
        let missing = match &program.step_up {
            Some(step_up) if question.name_missing_scopes && outcome == Outcome::Denied => {
                let guest = step_up.load(&mut *store, &*instance)?;
                let named = guest.call_missing_scopes(&mut *store, record).await?;
                check_length("scopes", named.iter().map(String::len).sum(), question.message_bytes)?;
                named
            }
            _ => Vec::new(),
        };
        Ok((outcome, missing))
    }

    async fn start(&mut self, settings: Option<&String>) -> wasmtime::Result<Result<(), String>> {
        let Self { store, program, started, .. } = self;
        let instance = program.instance_pre.instantiate_async(&mut *store).await?;
        store.data_mut().limiter.instantiated = true;
        if let (Some(indices), Some(text)) = (&program.settings, settings) {
            let guest = indices.load(&mut *store, &instance)?;
            if let Err(words) = guest.call_configure(&mut *store, text).await? {
                return Ok(Err(Bounded::of(MAX_WORDS_BYTES, |out| out.write_str(&words))));
            }
        }
        let guest = program.check.load(&mut *store, &instance)?;
        let (fuel, log) = (store.get_fuel().unwrap_or_default(), store.data().log.mark());
        *started = Some(Started { instance, guest, fuel, log });
        Ok(Ok(()))
    }

    fn fault(&mut self, error: &wasmtime::Error) -> Fault {
        classify(error, &mut self.store.data_mut().limiter)
    }
}

/// What reaches the caller is bounded.
fn check_length(what: &str, length: usize, cap: usize) -> Result<(), HostFault> {
    if length <= cap {
        return Ok(());
    }
    let detail = format!("{what} of {length} bytes, over the cap of {cap} bytes");
    Err(HostFault(Fault::new(Cause::MessageLimit, detail)))
}

fn refused(words: String) -> HostFault {
    HostFault(Fault::new(Cause::Configure, format!("refused its settings: {words}")))
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
