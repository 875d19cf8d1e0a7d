//! The caps of the limits that a policy may set, which the operator can change for all tenants or for one.

use guardhouse::Limits;
use serde_json::{Map, Value};

use crate::policy::bounds;
use crate::policy::document::Node;
use crate::policy::findings::{Findings, Place};
use crate::policy::read::{all_limits, limit_value};

/// The limits that have a cap, of those that nothing else bounds: see [`bounds::limits`].
pub(crate) const CAPPED: &[&str] = &[
    "configure-deadline",
    "configure-cpu-time",
    "queue",
    "standby",
    "handles",
    "context-bytes",
    "message-bytes",
    "log-bytes",
    "host-call-bytes",
    "settings-bytes",
];

/// Where the operator changes caps.
pub(crate) const KEY: &str = "policy-limits";

/// The caps of the limits of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitCaps(Limits);

impl Default for LimitCaps {
    /// Those of [`bounds::limits`].
    fn default() -> Self {
        Self(bounds::limits())
    }
}

impl LimitCaps {
    /// Reads caps. What the table does not name stays as it is.
    pub(crate) fn read(&mut self, node: &Node<'_>, findings: &mut Findings<'_>) {
        let Some(table) = node.open_table(findings) else { return };
        let known: Vec<_> = all_limits().into_iter().filter(|(name, ..)| CAPPED.contains(&&**name)).collect();
        let mut fields = Map::new();
        for (name, place, node) in table.members() {
            let Some((_, field, default)) = known.iter().find(|(known, ..)| known == name) else {
                findings.unknown(&place, "the limit with a cap", name, CAPPED.iter().copied());
                continue;
            };
            match limit_value(name, field, default, &node) {
                Ok(Value::Null) => findings.error(&node.place, "a cap cannot be `none`"),
                Ok(value) => drop(fields.insert(field.clone(), value)),
                Err(message) => findings.error(&node.place, message),
            }
        }
        let Ok(Value::Object(mut all)) = serde_json::to_value(&self.0) else { return };
        all.extend(fields);
        // Each value was read alone, so that all of them can be read together.
        if let Ok(caps) = serde_json::from_value(Value::Object(all)) {
            self.0 = caps;
        }
    }

    /// The same limits, those over a cap lowered to it.
    pub(super) fn lower(&self, limits: Limits) -> Limits {
        let Self(most) = self;
        Limits {
            configure_deadline: limits.configure_deadline.min(most.configure_deadline),
            configure_cpu_time: limits.configure_cpu_time.min(most.configure_cpu_time),
            queue: limits.queue.min(most.queue),
            // Without a number there are two at most.
            standby: match most.standby {
                Some(most @ 0..2) => limits.standby.map(|standby| standby.min(most)).or(Some(0)),
                Some(most) => limits.standby.map(|standby| standby.min(most)),
                None => limits.standby,
            },
            handles: limits.handles.min(most.handles),
            context_bytes: limits.context_bytes.min(most.context_bytes),
            message_bytes: limits.message_bytes.min(most.message_bytes),
            log_bytes: limits.log_bytes.min(most.log_bytes),
            host_call_bytes: limits.host_call_bytes.min(most.host_call_bytes),
            settings_bytes: limits.settings_bytes.min(most.settings_bytes),
            ..limits
        }
    }

    /// Adds an error if a limit that a policy sets is over its cap. Returns whether it is within.
    pub(super) fn check(
        &self,
        (name, field): (&str, &str),
        limits: &Limits,
        place: &Place,
        findings: &mut Findings<'_>,
    ) -> bool {
        let (asked, lowered) = (text_of(limits, field), text_of(&self.lower(limits.clone()), field));
        if asked == lowered || asked == "null" {
            return true;
        }
        let message = format!("the limit `{name}` is `{asked}`, and a policy can set it to at most `{lowered}`");
        let help = format!(
            "lower it; or the operator of the server raises the cap in `guardhouse.toml`, for all tenants with \
             `[tenants.default.{KEY}]` or for one with `[tenants.NAME.{KEY}]`"
        );
        findings.error_with_help(place, message, help);
        false
    }
}

/// The text of a limit, as a policy has it.
fn text_of(limits: &Limits, field: &str) -> String {
    let found = serde_json::to_value(limits).ok().and_then(|mut limits| limits.get_mut(field).map(Value::take));
    match found.unwrap_or_default() {
        Value::String(text) => text,
        other => other.to_string(),
    }
}
