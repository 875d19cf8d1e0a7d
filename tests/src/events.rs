//! What the host tells its operator, as `tracing` events.

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
    /// How urgent.
    pub level: Level,
    /// From which part.
    pub target: &'static str,
    /// Its fields as text; `message` is one of them.
    pub fields: BTreeMap<&'static str, String>,
}

impl Event {
    /// The text of a field; empty if it is not there.
    #[must_use]
    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

thread_local! {
    static EVENTS: RefCell<Option<Vec<Event>>> = const { RefCell::new(None) };
}

/// Runs `work` and returns what the host told meanwhile, on this thread.
///
/// The recorder is the whole process's, and only the events are the thread's: whether a subscriber wants an event is
/// remembered for all threads together, and a subscriber that comes and goes would miss some.
pub fn capture<T>(work: impl FnOnce() -> T) -> (T, Vec<Event>) {
    static INSTALLED: Once = Once::new();
    // Fails if there is a subscriber already, and then there are no events: the caller will notice.
    INSTALLED.call_once(|| drop(tracing::subscriber::set_global_default(Recorder)));
    let outer = EVENTS.replace(Some(Vec::new()));
    let result = work();
    let events = EVENTS.replace(outer).unwrap_or_default();
    (result, events)
}

/// The faults among events: rule S4's one WARN event for each.
#[must_use]
pub fn faults(events: &[Event]) -> Vec<&Event> {
    events.iter().filter(|event| event.level == Level::WARN && event.target == "guardhouse").collect()
}

/// The decisions among events: rule S8's one INFO event for each.
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
