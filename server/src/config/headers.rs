//! Reading the lists of headers of a tenant.

use hyper::header::HeaderName;

use super::identity::{IdentityHeader, IdentitySource, MAX_HEADERS, identity_name, passed_name};
use crate::policy::document::Node;
use crate::policy::findings::{Findings, Place};

/// The headers of requests that checks see.
pub(super) fn passed_headers(node: &Node<'_>, findings: &mut Findings<'_>) -> Vec<HeaderName> {
    let mut names = Vec::new();
    for item in node.items(findings).unwrap_or_default() {
        let Some(text) = item.text(findings) else { continue };
        add(&mut names, passed_name(text), &item.place, findings);
    }
    check_count(names.len(), node, findings);
    names
}

/// The headers that proxies set for the servers behind them.
pub(super) fn identity_headers(node: &Node<'_>, findings: &mut Findings<'_>) -> Vec<IdentityHeader> {
    let (mut names, mut headers) = (Vec::new(), Vec::new());
    let Some(table) = node.open_table(findings) else { return headers };
    for (name, place, node) in table.members() {
        let name = add(&mut names, identity_name(name), &place, findings);
        let Some(text) = node.text(findings) else { continue };
        match IdentitySource::read(text) {
            Ok(source) => headers.extend(name.map(|name| IdentityHeader { name, source })),
            Err(message) => findings.error(&node.place, message),
        }
    }
    check_count(names.len(), node, findings);
    headers
}

/// Adds a name that is valid, and not there yet.
fn add(
    names: &mut Vec<HeaderName>,
    name: Result<HeaderName, &'static str>,
    place: &Place,
    findings: &mut Findings<'_>,
) -> Option<HeaderName> {
    match name {
        Ok(name) if names.contains(&name) => findings.error(place, "the header is there twice"),
        Ok(name) => {
            names.push(name.clone());
            return Some(name);
        }
        Err(message) => findings.error(place, message),
    }
    None
}

fn check_count(count: usize, node: &Node<'_>, findings: &mut Findings<'_>) {
    if count > MAX_HEADERS {
        findings.error(&node.place, format!("{count} headers, and at most {MAX_HEADERS} are possible"));
    }
}
