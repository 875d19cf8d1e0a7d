//! Selects the instances of a plugin that are merged.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use wasmparser::{CanonicalFunction, CanonicalOption, Parser, Payload, TypeRef};

use super::graph::{Graph, Instance, Origin, Source};
use super::kind::Kind;

/// The instances that can be made before any function that is lowered with a memory, in an order in which each comes
/// after those that it imports from. The order does not depend on that of instances without imports, which is a
/// different one in each build of a component by the tools for Python: plugins of one language get equal code.
pub(super) fn of(graph: &Graph<'_>) -> Result<Vec<u32>> {
    // Instances import from earlier ones only, so one pass is enough.
    let mut need_memory = BTreeMap::new();
    let mut members = Vec::new();
    for (index, instance) in (0..).zip(&graph.instances) {
        let Instance::OfModule { module, .. } = instance else { continue };
        let mut needs_memory = has_start(graph.module(*module)?)?;
        for (_, source) in graph.imports(index)? {
            needs_memory |= match source {
                Source::Export { instance, .. } => need_memory.get(&instance).copied().unwrap_or(true),
                Source::Canonical(function) => is_lowered_with_memory(graph.origin(Kind::Function, function)?),
            };
        }
        need_memory.insert(index, needs_memory);
        if !needs_memory {
            members.push(index);
        }
    }
    sort_those_without_imports(graph, &mut members)?;
    Ok(members)
}

/// Puts the instances without imports first, by the first name under which others import from them.
fn sort_those_without_imports(graph: &Graph<'_>, members: &mut [u32]) -> Result<()> {
    let mut names = BTreeMap::new();
    let mut have_imports = BTreeSet::new();
    for instance in (0_u32..).take(graph.instances.len()) {
        for (import, source) in graph.imports(instance)? {
            have_imports.insert(instance);
            if let Source::Export { instance: exporter, .. } = source {
                let name = (import.module, import.name);
                let first = names.entry(exporter).or_insert(name);
                *first = name.min(*first);
            }
        }
    }
    members.sort_by_key(|member| {
        let has_imports = have_imports.contains(member);
        (has_imports, names.get(member).copied().filter(|_| !has_imports))
    });
    Ok(())
}

/// Whether one of the members fills a table of another, as shared libraries do.
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

/// Whether the module has a start function, which may need everything that was instantiated before it.
fn has_start(module: &[u8]) -> Result<bool> {
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::StartSection { .. } = payload? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a function needs a memory before it can be made.
fn is_lowered_with_memory(origin: &Origin<'_>) -> bool {
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
