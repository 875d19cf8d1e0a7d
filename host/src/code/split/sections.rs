//! The sections of a component.

use wasmparser::{Parser, Payload};

use crate::guest::reason::Reason;

/// The core modules of a component, in order.
pub(super) fn core_modules(component: &[u8]) -> Result<Vec<&[u8]>, Reason> {
    let mut modules = Vec::new();
    for payload in top_level(component) {
        match payload? {
            Payload::ModuleSection { unchecked_range, .. } => {
                modules.push(component.get(unchecked_range).unwrap_or_default());
            }
            Payload::CoreTypeSection(_) => return Err("it declares core types".into()),
            _ => {}
        }
    }
    Ok(modules)
}

/// The sections of a component, without those of nested modules and components.
pub(super) fn top_level(component: &[u8]) -> impl Iterator<Item = wasmparser::Result<Payload<'_>>> {
    let mut depth = 0_usize;
    Parser::new(0).parse_all(component).filter(move |payload| {
        let is_top_level = depth == 0;
        match payload {
            Ok(Payload::ModuleSection { .. } | Payload::ComponentSection { .. }) => depth += 1,
            Ok(Payload::End(_)) => depth = depth.saturating_sub(1),
            _ => {}
        }
        is_top_level || payload.is_err()
    })
}
