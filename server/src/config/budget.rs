//! The table `budget` of a tenant: the fields of [`TenantBudget`], with hyphens.

use guardhouse::TenantBudget;
use serde_json::Value;

use crate::policy::document::Node;
use crate::policy::fields::read_fields;
use crate::policy::findings::Findings;

/// Reads a budget. What the table does not name stays as it is; `none` stands for no bound.
pub(super) fn read_budget(node: &Node<'_>, budget: &mut TenantBudget, findings: &mut Findings<'_>) {
    let none = |value: Value| Ok(if value == "none" { Value::Null } else { value });
    let Some(bounds) = read_fields::<TenantBudget>(node, "the bound", none, findings) else { return };
    let Ok(Value::Object(mut fields)) = serde_json::to_value(&*budget) else { return };
    fields.extend(bounds);
    // Each value was read alone, so that all of them can be read together.
    if let Ok(read) = serde_json::from_value(Value::Object(fields)) {
        *budget = read;
    }
}
