//! The comparison of an origin with a project.

use std::collections::BTreeMap;

use super::document::Origin;
use crate::change::{Change, ChangeKind};

/// A part of an origin, compared with a project.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OriginPart {
    /// The part: `sources`, `locks` or `sdk`.
    pub name: &'static str,
    /// Whether it is the same.
    pub state: PartState,
    /// The files that differ, as far as they are known: what became of each in the project since the component was built.
    pub changes: Vec<Change>,
}

/// Whether a part of an origin is the same as in a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartState {
    /// It is equal.
    Equal,
    /// It differs.
    Differs,
    /// The component does not say, or the project cannot be read.
    Unknown,
}

pub(super) fn compare(built: &Origin, now: &Origin) -> Vec<OriginPart> {
    let sources = match (&built.sources, &now.sources) {
        (Some(built), Some(now)) if built.digest == now.digest => part("sources", PartState::Equal),
        (Some(built), Some(now)) if built.files.is_empty() != now.files.is_empty() => {
            part("sources", PartState::Differs)
        }
        (Some(built), Some(now)) => {
            OriginPart { changes: changes(&built.files, &now.files), ..part("sources", PartState::Differs) }
        }
        _ => part("sources", PartState::Unknown),
    };
    let locks = changes(&built.locks, &now.locks);
    let state = if locks.is_empty() { PartState::Equal } else { PartState::Differs };
    let locks = OriginPart { changes: locks, ..part("locks", state) };
    let sdk = match (&built.sdk, &now.sdk) {
        (Some(built), Some(now)) if built == now => PartState::Equal,
        (None, None) => PartState::Unknown,
        _ => PartState::Differs,
    };
    vec![sources, locks, part("sdk", sdk)]
}

fn part(name: &'static str, state: PartState) -> OriginPart {
    OriginPart { name, state, changes: Vec::new() }
}

/// What became of files since then.
fn changes(then: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Vec<Change> {
    let change = |kind, path: &String| Change { kind, path: path.clone() };
    let written = now.iter().filter_map(|(path, digest)| match then.get(path) {
        None => Some(change(ChangeKind::Added, path)),
        Some(old) if old != digest => Some(change(ChangeKind::Changed, path)),
        Some(_) => None,
    });
    let removed = then.keys().filter(|path| !now.contains_key(*path)).map(|path| change(ChangeKind::Removed, path));
    written.chain(removed).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn origin(sources: &Value, locks: &Value, sdk: &Value) -> Origin {
        serde_json::from_value(json!({ "format": 1, "sources": sources, "locks": locks, "sdk": sdk })).unwrap()
    }

    #[test]
    fn each_part_is_equal_or_differs_in_files_or_is_unknown() {
        let sources = json!({ "digest": "1", "files": { "a": "1", "b": "2" } });
        let (locks, sdk) = (json!({ "go.sum": "1" }), json!({ "version": "1.0.0", "digest": "1" }));
        let built = origin(&sources, &locks, &sdk);
        let states = |now: &Origin| compare(&built, now).into_iter().map(|part| part.state).collect::<Vec<_>>();
        use PartState::{Differs, Equal, Unknown};
        assert_eq!(states(&built), [Equal, Equal, Equal]);
        assert_eq!(states(&origin(&Value::Null, &json!({}), &Value::Null)), [Unknown, Differs, Differs]);
        let changed = json!({ "digest": "2", "files": { "b": "3", "c": "1" } });
        let parts = compare(&built, &origin(&changed, &json!({ "go.sum": "2" }), &json!({ "version": "1.0.1" })));
        let found: Vec<(ChangeKind, &str)> =
            parts[0].changes.iter().map(|change| (change.kind, change.path.as_str())).collect();
        assert_eq!(found, [(ChangeKind::Changed, "b"), (ChangeKind::Added, "c"), (ChangeKind::Removed, "a")]);
        assert_eq!(parts[1].changes.len(), 1);
        assert_eq!((parts[2].state, parts[2].name), (Differs, "sdk"));
    }
}
