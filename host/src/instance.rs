//! One instance, from its making to its end. It serves one call of the host and is never used again (rule S7).

use std::time::Instant;

use wasmtime::Store;
use wasmtime::component::Instance;

use crate::bindings::guardhouse::auth::types;
use crate::context::AuthContext;
use crate::decision::AuthorizationError;
use crate::fault::{HostFault, classify};
use crate::outcome::{Cause, Fault, Outcome};
use crate::plugin::Exports;
use crate::store::State;

/// What is asked of an instance.
pub(crate) struct Question<'a> {
    pub(crate) context: &'a AuthContext,
    pub(crate) settings: Option<&'a String>,
    pub(crate) wants_missing_scopes: bool,
    pub(crate) message_bytes: usize,
}

/// Asks a plugin for its settings schema.
pub(crate) async fn schema(store: &mut Store<State>, exports: &Exports, end: Instant) -> Result<String, Fault> {
    let asked = within(end, async {
        let instance = instantiate(store, exports).await?;
        match &exports.settings {
            Some(settings) => settings.load(&mut *store, &instance)?.call_schema(&mut *store).await,
            None => Ok(String::new()),
        }
    });
    let answer = asked.await;
    answer.map_err(|error| fault(store, &error))
}

/// Makes an instance and configures it, to see whether it can be done.
pub(crate) async fn configure(
    store: &mut Store<State>,
    exports: &Exports,
    settings: Option<&String>,
    end: Instant,
) -> Result<Result<(), String>, Fault> {
    let tried = within(end, async { Ok(start(store, exports, settings).await?.map(|_| ())) });
    let answer = tried.await;
    answer.map_err(|error| fault(store, &error))
}

/// Makes an instance of the same component, instrumented, configures it, and puts a first request to it if there is
/// one, whatever it answers.
pub(crate) async fn prepare(
    store: &mut Store<State>,
    exports: &Exports,
    settings: Option<&String>,
    warm_up: Option<&AuthContext>,
    end: Instant,
) -> Result<Instance, Fault> {
    let prepared = within(end, async {
        let instance = start(store, exports, settings).await?.map_err(refused)?;
        if let Some(context) = warm_up {
            let (scopes, tags) = (token_scopes(context), component_tags(context));
            let guest = exports.check.load(&mut *store, &instance)?;
            // An explicit denial is an answer like any other.
            let _ = guest.call_check(&mut *store, record(context, &scopes, &tags)).await?;
        }
        Ok(instance)
    });
    let answer = prepared.await;
    answer.map_err(|error| fault(store, &error))
}

/// Makes an instance, configures it, and asks it about one request.
pub(crate) async fn check(
    store: &mut Store<State>,
    exports: &Exports,
    question: &Question<'_>,
    end: Option<Instant>,
) -> Result<(Outcome, Vec<String>), Fault> {
    let asked = answer(store, exports, question);
    let answer = match end {
        // The instance may wait inside the host, where no epoch interrupts it.
        Some(end) => within(end, asked).await,
        None => asked.await,
    };
    answer.map_err(|error| fault(store, &error))
}

async fn answer(
    store: &mut Store<State>,
    exports: &Exports,
    question: &Question<'_>,
) -> wasmtime::Result<(Outcome, Vec<String>)> {
    let instance = start(store, exports, question.settings).await?.map_err(refused)?;
    store.data_mut().request.open();
    let (scopes, tags) = (token_scopes(question.context), component_tags(question.context));
    let record = record(question.context, &scopes, &tags);

    let guest = exports.check.load(&mut *store, &instance)?;
    let outcome = match guest.call_check(&mut *store, record.clone()).await? {
        Ok(allow) => Outcome::from(allow),
        Err(error) => {
            check_length("a message", error.message.len(), question.message_bytes)?;
            Outcome::Explicit(AuthorizationError { message: error.message })
        }
    };

    let missing = match &exports.step_up {
        Some(step_up) if question.wants_missing_scopes && outcome == Outcome::Refused => {
            let guest = step_up.load(&mut *store, &instance)?;
            let named = guest.call_missing_scopes(&mut *store, record).await?;
            check_length("scopes", named.iter().map(String::len).sum(), question.message_bytes)?;
            named
        }
        _ => Vec::new(),
    };
    Ok((outcome, missing))
}

/// A configured instance, or the plugin's own words against its settings.
async fn start(
    store: &mut Store<State>,
    exports: &Exports,
    settings: Option<&String>,
) -> wasmtime::Result<Result<Instance, String>> {
    let instance = instantiate(store, exports).await?;
    if let (Some(indices), Some(text)) = (&exports.settings, settings) {
        let guest = indices.load(&mut *store, &instance)?;
        if let Err(words) = guest.call_configure(&mut *store, text).await? {
            return Ok(Err(words));
        }
    }
    Ok(Ok(instance))
}

async fn instantiate(store: &mut Store<State>, exports: &Exports) -> wasmtime::Result<Instance> {
    let instance = exports.instance_pre.instantiate_async(&mut *store).await?;
    store.data_mut().limiter.instantiated = true;
    Ok(instance)
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

fn fault(store: &mut Store<State>, error: &wasmtime::Error) -> Fault {
    classify(error, &mut store.data_mut().limiter)
}
