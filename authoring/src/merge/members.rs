//! Which instances of a plugin are merged.

use std::collections::BTreeMap;

use anyhow::Result;
use wasmparser::{CanonicalFunction, CanonicalOption, Parser, Payload, TypeRef};

use super::graph::{Graph, Instance, Origin, Source};
use super::places::Kind;

/// The instances that need no memory of another before the host's functions can be made for them, in order.
pub(super) fn of(graph: &Graph<'_>) -> Result<Vec<u32>> {
    // An instance is made of earlier ones only.
    let mut waits = BTreeMap::new();
    let mut members = Vec::new();
    for (index, instance) in (0..).zip(&graph.instances) {
        let Instance::OfModule { module, .. } = instance else { continue };
        let mut waits_for_memory = has_start(graph.module(*module)?)?;
        for (_, source) in graph.imports(index)? {
            waits_for_memory |= match source {
                Source::Export { instance, .. } => waits.get(&instance).copied().unwrap_or(true),
                Source::Canonical(function) => needs_memory(graph.origin(Kind::Function, function)?),
            };
        }
        waits.insert(index, waits_for_memory);
        if !waits_for_memory {
            members.push(index);
        }
    }
    Ok(members)
}

/// Whether one of them fills a table of another.
pub(super) fn are_linked(graph: &Graph<'_>, members: &[u32]) -> Result<bool> {
    for member in members {
        for (import, source) in graph.imports(*member)? {
            let Source::Export { instance, .. } = source else { continue };
            if matches!(import.ty, TypeRef::Table(_)) && members.contains(&instance) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// What a start function does may need all that was instantiated before it.
fn has_start(module: &[u8]) -> Result<bool> {
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::StartSection { .. } = payload? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn needs_memory(origin: &Origin<'_>) -> bool {
    match origin {
        Origin::Canonical(CanonicalFunction::Lower { options, .. }) => options.iter().any(|option| {
            !matches!(option, CanonicalOption::UTF8 | CanonicalOption::UTF16 | CanonicalOption::CompactUTF16)
        }),
        Origin::Canonical(
            CanonicalFunction::ResourceDrop { .. }
            | CanonicalFunction::ResourceNew { .. }
            | CanonicalFunction::ResourceRep { .. },
        ) => false,
        _ => true,
    }
}
