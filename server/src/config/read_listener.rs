//! Reading `[[listeners]]`.

use std::path::Path;

use super::field::Fields;
use super::listener::{Address, ClientCertificates, Door, DoorSet, ListenerConfig, TlsConfig};
use crate::policy::document::Node;
use crate::policy::findings::Findings;
use crate::tenant_name::TenantName;

pub(super) const LISTENER_KEYS: &[&str] = &["address", "doors", "anonymous", "tls", "tenant"];
pub(super) const TLS_KEYS: &[&str] = &["certificate", "key", "client-ca", "client"];

/// Reads a listener. Paths in it are relative to a folder.
pub(super) fn read_listener(node: &Node<'_>, folder: &Path, findings: &mut Findings<'_>) -> Option<ListenerConfig> {
    let table = node.table(LISTENER_KEYS, findings)?;
    let mut fields = Fields { table, findings };
    let mut anonymous = false;
    fields.flag("anonymous", &mut anonymous);
    let doors = read_doors(&mut fields);
    if doors.is_none() && fields.table.get("doors").is_none() {
        fields.missing("doors", "write `doors = [\"native\", \"authzen\"]`, or `[\"health\", \"metrics\"]`");
    }
    if fields.table.get("address").is_none() {
        fields.missing("address", "write `address = \"127.0.0.1:8180\"`");
    }
    let tenant = read_tenant(&mut fields, doors);
    // A listener whose TLS cannot be read is none: it must not answer without.
    let tls = match fields.table.get("tls") {
        Some(node) => Some(read_tls(&node, folder, fields.findings)?),
        None => None,
    };
    let (text, node) = fields.text("address")?;
    match text.parse::<Address>() {
        Ok(address) => Some(ListenerConfig { address, doors: doors?, anonymous, tls, tenant }),
        Err(error) => {
            fields.findings.error(&node.place, error.to_string());
            None
        }
    }
}

/// Reads a list of doors.
pub(super) fn read_doors(fields: &mut Fields<'_, '_, '_>) -> Option<DoorSet> {
    let mut doors = DoorSet::default();
    for (word, node) in fields.words("doors")? {
        match Door::ALL.into_iter().find(|door| door.as_str() == word) {
            Some(door) => doors = doors.with(door),
            None => fields.findings.unknown(&node.place, "the door", word, Door::ALL.map(Door::as_str)),
        }
    }
    Some(doors)
}

fn read_tenant(fields: &mut Fields<'_, '_, '_>, doors: Option<DoorSet>) -> Option<TenantName> {
    let (text, node) = fields.text("tenant")?;
    if doors.is_some_and(|doors| !doors.has(Door::ExtAuthz)) {
        let help = "remove it, or add the door `ext-authz`: the others name the tenant in the path";
        fields.findings.error_with_help(&node.place, "the listener has no door that takes a tenant from here", help);
    }
    match text.parse() {
        Ok(tenant) => Some(tenant),
        Err(error) => {
            fields.findings.error(&node.place, format!("{error}"));
            None
        }
    }
}

fn read_tls(node: &Node<'_>, folder: &Path, findings: &mut Findings<'_>) -> Option<TlsConfig> {
    let table = node.table(TLS_KEYS, findings)?;
    let mut fields = Fields { table, findings };
    for (name, help) in [
        ("certificate", "write the path of the server's certificate, in PEM"),
        ("key", "write the path of the certificate's private key, in PEM"),
    ] {
        if fields.table.get(name).is_none() {
            fields.missing(name, help);
        }
    }
    let certificate = fields.path("certificate", folder);
    let key = fields.path("key", folder);
    let authorities = fields.path("client-ca", folder);
    let are_required = match fields.text("client") {
        None => true,
        Some((word @ ("required" | "optional"), node)) => {
            if fields.table.get("client-ca").is_none() {
                let help = "write `client-ca`, the authorities that sign the certificates of clients";
                fields.findings.error_with_help(&node.place, "no client certificate can be verified", help);
            }
            word == "required"
        }
        Some((word, node)) => {
            fields.findings.unknown(&node.place, "the word", word, ["required", "optional"]);
            true
        }
    };
    let clients = match fields.table.get("client-ca") {
        Some(_) => Some(ClientCertificates { authorities: authorities?, are_required }),
        None => None,
    };
    Some(TlsConfig { certificate: certificate?, key: key?, clients })
}
