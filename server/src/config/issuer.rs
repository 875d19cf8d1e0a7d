//! The sections `[[issuers]]`: who issues the tokens of end users, and how their tokens are verified.

use std::collections::HashSet;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper::Uri;
use jsonwebtoken::{Algorithm, AlgorithmFamily};

use super::field::Fields;
use crate::policy::document::{Node, Table};
use crate::policy::findings::Findings;

/// An issuer of tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerConfig {
    /// Its name, for the operator, the metrics and `[tenants.NAME] issuers`.
    pub name: String,
    /// The claim `iss` of its tokens, which is compared exactly.
    pub issuer: String,
    /// The audiences of which a token must have one. Only an issuer with introspection may have none: then every token
    /// that the issuer calls active is for this server.
    pub audiences: Vec<String>,
    /// How tokens are verified.
    pub source: IssuerSource,
    /// The algorithms of signatures. Never an HMAC. Default: RS256 and ES256.
    pub algorithms: Vec<Algorithm>,
    /// The certificates that are trusted instead of those of the system, in PEM. Default: none.
    pub ca_file: Option<PathBuf>,
    /// How far the clock of the issuer may differ. From 0 s to 60 s. Default: 30 s.
    pub leeway: Duration,
    /// JSON pointers to the client; the first claim that is there counts. Default: `/client_id`, `/azp`.
    pub client_id: Vec<String>,
    /// JSON pointers to the subject. Default: `/sub`.
    pub subject: Vec<String>,
    /// JSON pointers to the scopes: a text with spaces, or a list of texts. Default: `/scope`, `/scp`.
    pub scopes: Vec<String>,
    /// The time after which the key set is read again. From 10 s to 24 h. Default: 10 min.
    pub refresh: Duration,
    /// The time for which keys are used that cannot be read again. From 0 s to 24 h. Default: 1 h.
    pub outage: Duration,
    /// The types of tokens (the header `typ`), without `application/`. A token without a type counts as `JWT`. Default:
    /// `at+jwt`, `JWT`.
    pub types: Vec<String>,
}

/// How the tokens of an issuer are verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IssuerSource {
    /// By the keys of a key set (RFC 7517) at a URL.
    JwksUrl(Uri),
    /// By the keys of a key set in a file.
    JwksFile(PathBuf),
    /// By a question to the issuer (RFC 7662).
    Introspection(IntrospectionConfig),
}

/// An introspection endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntrospectionConfig {
    /// Its URL.
    pub url: Uri,
    /// The client as which this server asks.
    pub client_id: String,
    /// The file with the secret of that client.
    pub client_secret_file: PathBuf,
    /// The time for which an answer is used again. From 0 s to 60 s. Default: 10 s.
    pub cache: Duration,
}

impl IssuerConfig {
    /// The most issuers of a file.
    pub const MAXIMUM: usize = 1_000;

    /// An issuer with the defaults.
    #[must_use]
    pub fn new(name: impl Into<String>, issuer: impl Into<String>, source: IssuerSource) -> Self {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let (client_id, subject, scopes) = (texts(CLIENT_ID), texts(SUBJECT), texts(SCOPES));
        Self {
            name: name.into(),
            issuer: issuer.into(),
            audiences: Vec::new(),
            source,
            algorithms: vec![Algorithm::RS256, Algorithm::ES256],
            ca_file: None,
            leeway: Duration::from_secs(30),
            client_id,
            subject,
            scopes,
            refresh: Duration::from_secs(600),
            outage: Duration::from_secs(3_600),
            types: texts(&["at+jwt", "JWT"]),
        }
    }
}

/// The claims with the client, the subject and the scopes, unless an issuer has others.
pub(crate) const CLIENT_ID: &[&str] = &["/client_id", "/azp"];
pub(crate) const SUBJECT: &[&str] = &["/sub"];
pub(crate) const SCOPES: &[&str] = &["/scope", "/scp"];

pub(super) const ISSUER_KEYS: &[&str] = &[
    "name",
    "issuer",
    "audiences",
    "jwks-url",
    "jwks-file",
    "introspection",
    "algorithms",
    "ca-file",
    "leeway",
    "client-id",
    "subject",
    "scopes",
    "refresh",
    "outage",
    "types",
];
pub(super) const INTROSPECTION_KEYS: &[&str] = &["url", "client-id", "client-secret-file", "cache"];

/// The words of the algorithms that an issuer may use.
pub(super) const ALGORITHMS: [&str; 9] =
    ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"];

const DAY: Duration = Duration::from_secs(86_400);
const MINUTE: Duration = Duration::from_secs(60);

/// Reads one issuer.
pub(super) fn issuer(node: &Node<'_>, folder: &Path, findings: &mut Findings<'_>) -> Option<IssuerConfig> {
    let table = node.table(ISSUER_KEYS, findings)?;
    let mut fields = Fields { table, findings };
    let source = source(&mut fields, folder);
    let is_asked = fields.table.get("introspection").is_some();
    let audiences = texts(&mut fields, "audiences");
    if !is_asked && fields.table.get("audiences").is_none() {
        fields.missing("audiences", "name the audiences of which a token must have one");
    }
    for (key, help) in [
        ("name", "give the issuer a name, such as \"id\""),
        ("issuer", "write the claim `iss` of its tokens, such as \"https://id.example\""),
    ] {
        if fields.table.get(key).is_none() {
            fields.missing(key, help);
        }
    }
    let name = name(&mut fields);
    let issuer = fields.text("issuer").map(|(issuer, node)| {
        if issuer.is_empty() {
            fields.findings.error(&node.place, "it is empty");
        }
        issuer.to_owned()
    });
    let algorithms = algorithms(&mut fields);
    let placeholder = IssuerSource::JwksFile(PathBuf::new());
    let mut config = IssuerConfig::new(name.unwrap_or_default(), issuer.unwrap_or_default(), placeholder);
    config.audiences = audiences.unwrap_or_default();
    config.algorithms = algorithms.unwrap_or(config.algorithms);
    config.ca_file = fields.path("ca-file", folder);
    fields.duration("leeway", Duration::ZERO..=MINUTE, &mut config.leeway);
    pointers(&mut fields, "client-id", &mut config.client_id);
    pointers(&mut fields, "subject", &mut config.subject);
    pointers(&mut fields, "scopes", &mut config.scopes);
    fields.duration("refresh", Duration::from_secs(10)..=DAY, &mut config.refresh);
    fields.duration("outage", Duration::ZERO..=DAY, &mut config.outage);
    config.types = texts(&mut fields, "types").unwrap_or(config.types);
    config.source = source?;
    Some(config)
}

/// Names are unique, and a tenant has at most one issuer with the same `iss`: which one a token is from must be certain.
pub(super) fn check_issuers(root: &Table<'_>, issuers: &[IssuerConfig], findings: &mut Findings<'_>) {
    let Some(node) = root.get("issuers") else { return };
    let mut taken = HashSet::new();
    if issuers.iter().any(|issuer| !taken.insert(&issuer.name)) {
        findings.error_with_help(&node.place, "two issuers have the same name", "give each a name of its own");
    }
    if issuers.len() > IssuerConfig::MAXIMUM {
        findings.error(&node.place, format!("there are more than {} issuers", IssuerConfig::MAXIMUM));
    }
}

/// Reads `issuers` of a tenant, which may be empty.
pub(super) fn issuers_of_tenant(
    fields: &mut Fields<'_, '_, '_>,
    issuers: &[IssuerConfig],
    known: &HashSet<String>,
    into: &mut Vec<String>,
) {
    let Some(node) = fields.table.get("issuers") else { return };
    let Some(items) = node.items(fields.findings) else { return };
    let mut names: Vec<String> = Vec::new();
    for item in items {
        let Some(name) = item.text(fields.findings) else { continue };
        let is_same = |other: &String| {
            let claim = |name: &str| issuers.iter().find(|issuer| issuer.name == name).map(|issuer| &issuer.issuer);
            other == name || (claim(other).is_some() && claim(other) == claim(name))
        };
        if !known.contains(name) {
            let mut known: Vec<&str> = known.iter().map(String::as_str).collect();
            known.sort_unstable();
            fields.findings.unknown(&item.place, "the issuer", name, known);
        } else if names.iter().any(is_same) {
            let help = "a tenant has one issuer for each `issuer`: remove one of the two";
            fields.findings.error_with_help(&item.place, "another issuer of the tenant has the same `issuer`", help);
        } else {
            names.push(name.to_owned());
        }
    }
    *into = names;
}

/// The names of issuers that the file has, also of those that cannot be read.
pub(super) fn names_in(root: &Table<'_>) -> HashSet<String> {
    let items = root.get("issuers").and_then(|node| Some(node.value.as_array()?.len()).zip(Some(node)));
    let Some((count, node)) = items else { return HashSet::new() };
    let name = |index: usize| node.member(&index.to_string())?.member("name")?.value.as_str().map(ToOwned::to_owned);
    (0..count).filter_map(name).collect()
}

fn name(fields: &mut Fields<'_, '_, '_>) -> Option<String> {
    let (name, node) = fields.text("name")?;
    // It becomes a label of metrics.
    if name.is_empty() || name.len() > 64 || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
        fields.findings.error(&node.place, "the name of an issuer has from 1 to 64 visible ASCII characters");
    }
    Some(name.to_owned())
}

fn source(fields: &mut Fields<'_, '_, '_>, folder: &Path) -> Option<IssuerSource> {
    const SOURCES: [&str; 3] = ["jwks-url", "jwks-file", "introspection"];
    let count = SOURCES.iter().filter(|key| fields.table.get(key).is_some()).count();
    if count != 1 {
        let message = if count == 0 { "the issuer has no keys" } else { "the issuer has its keys from several places" };
        let help = "write one of `jwks-url`, `jwks-file` and `introspection`";
        fields.findings.error_with_help(&fields.table.place, message, help);
    }
    let by_url = url(fields, "jwks-url").map(IssuerSource::JwksUrl);
    let by_file = fields.path("jwks-file", folder).map(IssuerSource::JwksFile);
    let by_question = fields.table.get("introspection").and_then(|node| introspection(&node, folder, fields.findings));
    by_url.or(by_file).or(by_question.map(IssuerSource::Introspection)).filter(|_| count == 1)
}

fn introspection(node: &Node<'_>, folder: &Path, findings: &mut Findings<'_>) -> Option<IntrospectionConfig> {
    let table = node.table(INTROSPECTION_KEYS, findings)?;
    let mut fields = Fields { table, findings };
    for (key, help) in [
        ("url", "write the URL of the introspection endpoint"),
        ("client-id", "write the client as which this server asks"),
        ("client-secret-file", "write the path of a file with the secret of the client"),
    ] {
        if fields.table.get(key).is_none() {
            fields.missing(key, help);
        }
    }
    let mut cache = Duration::from_secs(10);
    fields.duration("cache", Duration::ZERO..=MINUTE, &mut cache);
    let url = url(&mut fields, "url");
    let client_secret_file = fields.path("client-secret-file", folder);
    let (client_id, _) = fields.text("client-id")?;
    Some(IntrospectionConfig {
        url: url?,
        client_id: client_id.to_owned(),
        client_secret_file: client_secret_file?,
        cache,
    })
}

fn url(fields: &mut Fields<'_, '_, '_>, name: &str) -> Option<Uri> {
    let (text, node) = fields.text(name)?;
    let url = text.parse::<Uri>().ok().filter(|_| !text.contains('#'));
    if let Some(url) = url.filter(is_safe) {
        return Some(url);
    }
    let help = "write a URL with `https`; `http` is for the loopback addresses of this machine only";
    fields.findings.error_with_help(&node.place, "it is not a URL of an issuer", help);
    None
}

/// Whether nobody between this server and the issuer can change an answer.
fn is_safe(url: &Uri) -> bool {
    let Some(authority) = url.authority().filter(|authority| !authority.as_str().contains('@')) else { return false };
    let host = authority.host();
    match url.scheme_str() {
        Some("https") => !host.is_empty(),
        Some("http") => {
            let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
            address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        _ => false,
    }
}

fn algorithms(fields: &mut Fields<'_, '_, '_>) -> Option<Vec<Algorithm>> {
    let mut algorithms = Vec::new();
    for (word, node) in fields.words("algorithms")? {
        let found = word.parse::<Algorithm>().ok().filter(|found| found.family() != AlgorithmFamily::Hmac);
        match found.filter(|_| ALGORITHMS.contains(&word)) {
            Some(algorithm) => algorithms.push(algorithm),
            None => fields.findings.unknown(&node.place, "the algorithm", word, ALGORITHMS),
        }
    }
    Some(algorithms)
}

fn texts(fields: &mut Fields<'_, '_, '_>, name: &str) -> Option<Vec<String>> {
    let words = fields.words(name)?;
    for (word, node) in &words {
        if word.is_empty() {
            fields.findings.error(&node.place, "it is empty");
        }
    }
    Some(words.into_iter().map(|(word, _)| word.to_owned()).collect())
}

fn pointers(fields: &mut Fields<'_, '_, '_>, name: &str, into: &mut Vec<String>) {
    let Some(words) = fields.words(name) else { return };
    for (word, node) in &words {
        let is_escaped = word.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
        if !word.starts_with('/') || !is_escaped {
            let help = "write a JSON pointer into the claims, such as \"/sub\"";
            fields.findings.error_with_help(&node.place, "it is not a JSON pointer to a claim", help);
        }
    }
    *into = words.into_iter().map(|(word, _)| word.to_owned()).collect();
}

#[cfg(test)]
mod tests;
