//! The table `breaker` of a check: the fields of [`Breaker`], with hyphens.

use guardhouse::Breaker;
use serde_json::Value;

use super::Reader;
use crate::policy::document::Node;
use crate::policy::fields::read_fields;

impl Reader<'_, '_> {
    /// Reads a breaker. A member with an error is left out, and makes the whole policy invalid.
    pub(super) fn breaker(&mut self, node: &Node<'_>) -> Option<Breaker> {
        let fields = read_fields::<Breaker>(node, "the key", Ok, self.findings)?;
        serde_json::from_value(Value::Object(fields)).ok()
    }
}
