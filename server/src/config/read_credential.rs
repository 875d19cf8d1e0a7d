//! Reading `[[credentials]]`.

use std::path::Path;

use super::certificate::CertificateName;
use super::credentials::CredentialConfig;
use super::field::Fields;
use super::listener::Door;
use super::read_listener::read_doors;
use crate::policy::document::Node;
use crate::policy::findings::Findings;
use crate::tenant_name::TenantName;

pub(super) const CREDENTIAL_KEYS: &[&str] = &["name", "token-file", "certificate", "tenants", "doors"];

/// Reads a credential. Paths in it are relative to a folder.
pub(super) fn read_credential(node: &Node<'_>, folder: &Path, findings: &mut Findings<'_>) -> Option<CredentialConfig> {
    let table = node.table(CREDENTIAL_KEYS, findings)?;
    let mut fields = Fields { table, findings };
    let doors = match fields.table.get("doors") {
        Some(_) => read_doors(&mut fields),
        None => Some(Door::ALL.into_iter().filter(|door| door.decides()).collect()),
    };
    let tenants = fields.words("tenants").map(|words| {
        let name = |(word, node): (&str, Node<'_>)| {
            if let Err(error) = word.parse::<TenantName>() {
                fields.findings.error(&node.place, error.to_string());
            }
            word.to_owned()
        };
        words.into_iter().map(name).collect()
    });
    let has = |name| fields.table.get(name).is_some();
    let (has_token_file, has_certificate) = (has("token-file"), has("certificate"));
    let token_file = fields.path("token-file", folder);
    let certificate = read_certificate(&mut fields);
    if !has_token_file && !has_certificate {
        fields.missing("token-file", "write the path of a file with a token in each line, or `certificate`");
    }
    if fields.table.get("name").is_none() {
        fields.missing("name", "give the credential a name, such as that of its enforcement point");
    }
    let (name, _) = fields.text("name")?;
    // What is there and cannot be read must not be as if it were absent: the credential would ask for less.
    if token_file.is_some() != has_token_file || certificate.is_some() != has_certificate {
        return None;
    }
    Some(CredentialConfig { name: name.to_owned(), token_file, certificate, tenants, doors: doors? })
}

fn read_certificate(fields: &mut Fields<'_, '_, '_>) -> Option<CertificateName> {
    let (text, node) = fields.text("certificate")?;
    match text.parse() {
        Ok(name) => Some(name),
        Err(error) => {
            fields.findings.error(&node.place, format!("{error}"));
            None
        }
    }
}
