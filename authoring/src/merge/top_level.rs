//! The sections of a component itself.

use wasmparser::{Parser, Payload};

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
