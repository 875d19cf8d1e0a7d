//! The `tracing` events that the host logs for its operator.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Once;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Level, Metadata, Subscriber};

/// One event of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its severity.
    pub level: Level,
    /// The part of the host that logged it.
    pub target: &'static str,
    /// Its fields as text, including `message`.
    pub fields: BTreeMap<&'static str, String>,
}

impl Event {
    /// The text of a field, which is empty if the event does not have the field.
    #[must_use]
    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

thread_local! {
    static EVENTS: RefCell<Option<Vec<Event>>> = const { RefCell::new(None) };
}

/// Runs `work` and returns the events that the host logged meanwhile on this thread.
///
/// The recorder is global and only its events are per thread: `tracing` caches for all threads whether a subscriber wants
/// an event, so a subscriber that is installed only for a while would miss some.
pub fn capture<T>(work: impl FnOnce() -> T) -> (T, Vec<Event>) {
    static INSTALLED: Once = Once::new();
    // If another subscriber is installed, this fails and there are no events, which the caller notices.
    INSTALLED.call_once(|| drop(tracing::subscriber::set_global_default(Recorder)));
    let outer = EVENTS.replace(Some(Vec::new()));
    let result = work();
    let events = EVENTS.replace(outer).unwrap_or_default();
    (result, events)
}

/// The events about decisions that a check decided by failing.
#[must_use]
pub fn failed_decisions(events: &[Event]) -> Vec<&Event> {
    decisions(events).into_iter().filter(|event| event.field("outcome") == "failed").collect()
}

/// The events about faults: one WARN event for each, within the rate of warnings (rule S4).
#[must_use]
pub fn faults(events: &[Event]) -> Vec<&Event> {
    events.iter().filter(|event| event.level == Level::WARN && event.target == "guardhouse").collect()
}

/// The events about decisions: one INFO event for each (rule S8).
#[must_use]
pub fn decisions(events: &[Event]) -> Vec<&Event> {
    events.iter().filter(|event| event.target == "guardhouse::decision").collect()
}

struct Recorder;

impl Subscriber for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("guardhouse") && !metadata.is_span()
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        EVENTS.with_borrow_mut(|events| {
            let Some(events) = events else { return };
            let mut fields = Fields::default();
            event.record(&mut fields);
            let metadata = event.metadata();
            events.push(Event { level: *metadata.level(), target: metadata.target(), fields: fields.0 });
        });
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}
