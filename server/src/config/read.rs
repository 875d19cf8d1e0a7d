//! Reading `guardhouse.toml`: from the text of a file to a configuration, with every problem on the way.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use guardhouse::MAX_DEADLINE;
use toml::de::DeValue;

use super::budget::read_budget;
use super::field::Fields;
use super::headers::{identity_headers, passed_headers};
use super::host::read_host;
use super::issuer::{IssuerConfig, check_issuers, issuer, issuers_of_tenant, names_in};
use super::log::read_log;
use super::reach::{Unprotected, unprotected};
use super::read_credential::read_credential;
use super::read_listener::read_listener;
use super::tenant::TenantSettings;
use super::{ServerConfig, StatusConfig};
use crate::policy::caps;
use crate::policy::document::{Node, Table, parse};
use crate::policy::findings::{Findings, Place};
use crate::problem::{Position, Problem};
use crate::tenant_name::TenantName;

/// The version of `guardhouse.toml` that this release reads.
const VERSION: &str = "1";

/// The largest file, in bytes.
const MAX_BYTES: usize = 4 << 20;

/// The keys of the file.
pub(super) const KEYS: &[&str] = &[
    "version",
    "policies",
    "state",
    "cache",
    "public-url",
    "listeners",
    "credentials",
    "issuers",
    "connections",
    "drain",
    "host",
    "tenants",
    "decision-log",
    "status",
    "health",
];
pub(super) const CONNECTION_KEYS: &[&str] = &[
    "maximum",
    "head-bytes",
    "headers",
    "head-time",
    "body-bytes",
    "document-bytes",
    "all-bodies-bytes",
    "body-time",
    "answer-time",
    "idle-time",
    "streams",
    "ping-interval",
    "ping-time",
    "age",
    "age-grace",
    "batch",
];
pub(super) const DRAIN_KEYS: &[&str] = &["notice", "time"];
pub(super) const HEALTH_KEYS: &[&str] = &["without-policy-percent"];
pub(super) const TENANT_KEYS: &[&str] =
    &["deadline", "weight", "budget", "policy-limits", "issuers", "resource-metadata", "headers", "identity-headers"];

const MILLISECOND: Duration = Duration::from_millis(1);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const SOCKETS: usize = 1_000_000;

impl ServerConfig {
    /// Reads the text of a file. Paths in it are relative to `folder`.
    ///
    /// # Errors
    /// Every problem, in the order of the file.
    pub fn read(text: &[u8], folder: &Path) -> Result<Self, Vec<Problem>> {
        let text = utf8(text).map_err(|problem| vec![problem])?;
        let mut findings = Findings::new(Self::FILE, text);
        let config = parse(text, &mut findings).and_then(|table| {
            let root = Table::root(&table);
            let is_known = check_version(&root, &mut findings);
            // Another version may mean something else by each of its keys.
            is_known.then(|| config(&root, folder, &mut findings))
        });
        match (config, findings.into_result()) {
            (Some(config), Ok(_)) => Ok(config),
            (_, Err(problems)) => Err(problems),
            // Whatever has no configuration has an error.
            (None, Ok(_)) => Err(vec![Problem::new(Self::FILE, "the file cannot be read")]),
        }
    }
}

fn utf8(text: &[u8]) -> Result<&str, Problem> {
    if text.len() > MAX_BYTES {
        let message = format!("the file has {} bytes, and at most {MAX_BYTES} are read", text.len());
        return Err(Problem::new(ServerConfig::FILE, message));
    }
    std::str::from_utf8(text).map_err(|error| {
        let valid = text.get(..error.valid_up_to()).and_then(|valid| std::str::from_utf8(valid).ok());
        let valid = valid.unwrap_or_default();
        let position = Position::of(valid, valid.len());
        Problem::new(ServerConfig::FILE, "the file is not UTF-8").at(position).with_help("save it as UTF-8")
    })
}

/// Whether the document has the version that this release reads, or has none: then everything else is read too.
fn check_version(root: &Table<'_>, findings: &mut Findings<'_>) -> bool {
    let help = format!("begin the file with `version = {VERSION}`");
    let Some(version) = root.get("version") else {
        findings.error_with_help(&root.place, "`version` is missing", help);
        return true;
    };
    let is_known = matches!(version.value, DeValue::Integer(number) if number.as_str() == VERSION);
    if !is_known {
        let message = format!("this release reads `version = {VERSION}` only");
        findings.error_with_help(&version.place, message, "use a newer release of Guardhouse, or mend the number");
    }
    is_known
}

fn config(root: &Table<'_>, folder: &Path, findings: &mut Findings<'_>) -> ServerConfig {
    root.check_names(KEYS, findings);
    let mut config = ServerConfig::in_folder(folder);
    let mut fields = Fields { table: root.clone(), findings };
    if let Some(path) = fields.path("policies", folder) {
        config.policies = path;
    }
    if let Some(path) = fields.path("state", folder) {
        config.state = path;
    }
    config.cache = fields.path("cache", folder);
    config.status = match fields.text("status") {
        None => StatusConfig::Default,
        Some(("off", _)) => StatusConfig::Off,
        Some(_) => fields.path("status", folder).map_or(StatusConfig::Off, StatusConfig::Path),
    };
    let help = "write the URL that callers use, without a query, and without a slash at its end";
    config.public_url = url(&mut fields, "public-url", "it is not a URL of this server", help);
    if let Some(node) = root.get("listeners") {
        config.listeners = list(&node, findings, |node, findings| read_listener(node, folder, findings));
        if node.value.as_array().is_some_and(|items| items.is_empty()) {
            findings.error(&node.place, "there are no listeners");
        }
    }
    if let Some(node) = root.get("credentials") {
        config.credentials = list(&node, findings, |node, findings| read_credential(node, folder, findings));
    }
    if let Some(node) = root.get("issuers") {
        config.issuers = list(&node, findings, |node, findings| issuer(node, folder, findings));
    }
    check_issuers(root, &config.issuers, findings);
    connections(root, &mut config, findings);
    drain(root, &mut config, findings);
    if let Some(node) = root.get("host") {
        read_host(&node, &mut config.host, findings);
    }
    if let Some(node) = root.get("decision-log") {
        read_log(&node, folder, &mut config.decision_log, findings);
    }
    health(root, &mut config, findings);
    tenants(root, &mut config, findings);
    check_names_of_credentials(root, &config, findings);
    check_reach(root, &config, findings);
    config
}

/// The items of a list that can be read.
fn list<'a, 't, T>(
    node: &Node<'a>,
    findings: &mut Findings<'t>,
    mut read: impl FnMut(&Node<'a>, &mut Findings<'t>) -> Option<T>,
) -> Vec<T> {
    let items = node.items(findings).unwrap_or_default();
    items.iter().filter_map(|item| read(item, findings)).collect()
}

/// A URL without a query, and without a slash at its end.
fn url(fields: &mut Fields<'_, '_, '_>, name: &str, message: &str, help: &str) -> Option<String> {
    let (url, node) = fields.text(name)?;
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'"' | b'\\' | b'<' | b'>');
    if rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(is_plain) && !rest.ends_with('/')) {
        return Some(url.to_owned());
    }
    fields.findings.error_with_help(&node.place, message, help);
    None
}

fn connections(root: &Table<'_>, config: &mut ServerConfig, findings: &mut Findings<'_>) {
    let Some(table) = root.get("connections").and_then(|node| node.table(CONNECTION_KEYS, findings)) else { return };
    let mut fields = Fields { table, findings };
    let times = MILLISECOND..=MAX_DEADLINE;
    let limits = &mut config.connections;
    fields.count("maximum", 1..=SOCKETS, &mut limits.maximum);
    fields.size("head-bytes", 8 << 10..=1 << 20, &mut limits.head_bytes);
    fields.count("headers", 1..=1_000, &mut limits.headers);
    fields.duration("head-time", times.clone(), &mut limits.head_time);
    fields.size("body-bytes", 1 << 10..=16 << 20, &mut limits.body_bytes);
    fields.size("document-bytes", 64 << 10..=1 << 30, &mut limits.document_bytes);
    fields.size("all-bodies-bytes", limits.body_bytes..=1 << 40, &mut limits.all_bodies_bytes);
    fields.duration("body-time", times.clone(), &mut limits.body_time);
    fields.duration("answer-time", times.clone(), &mut limits.answer_time);
    fields.duration("idle-time", times.clone(), &mut limits.idle_time);
    fields.count("streams", 1..=SOCKETS, &mut limits.streams);
    fields.duration("ping-interval", times.clone(), &mut limits.ping_interval);
    fields.duration("ping-time", times.clone(), &mut limits.ping_time);
    fields.duration("age", MILLISECOND..=DAY, &mut limits.age);
    fields.duration("age-grace", times, &mut limits.age_grace);
    fields.count("batch", 1..=10_000, &mut limits.batch);
}

fn drain(root: &Table<'_>, config: &mut ServerConfig, findings: &mut Findings<'_>) {
    let Some(table) = root.get("drain").and_then(|node| node.table(DRAIN_KEYS, findings)) else { return };
    let mut fields = Fields { table, findings };
    fields.duration("notice", Duration::ZERO..=MAX_DEADLINE, &mut config.drain.notice);
    fields.duration("time", Duration::ZERO..=MAX_DEADLINE, &mut config.drain.time);
}

fn health(root: &Table<'_>, config: &mut ServerConfig, findings: &mut Findings<'_>) {
    let Some(table) = root.get("health").and_then(|node| node.table(HEALTH_KEYS, findings)) else { return };
    let mut percent = usize::from(config.health.without_policy_percent);
    Fields { table, findings }.count("without-policy-percent", 0..=100, &mut percent);
    config.health.without_policy_percent = u8::try_from(percent).unwrap_or(100);
}

fn tenants(root: &Table<'_>, config: &mut ServerConfig, findings: &mut Findings<'_>) {
    let Some(table) = root.get("tenants").and_then(|node| node.open_table(findings)) else { return };
    let issuers = Issuers { configs: &config.issuers, names: names_in(root) };
    let defaults = table.get("default").map(|node| tenant(&node, &TenantSettings::default(), &issuers, findings));
    config.tenants.default = defaults.unwrap_or_default();
    for (word, place, node) in table.members().into_iter().filter(|(word, ..)| *word != "default") {
        let settings = tenant(&node, &config.tenants.default, &issuers, findings);
        match word.parse::<TenantName>() {
            Ok(name) => {
                config.tenants.tenants.insert(name, settings);
            }
            Err(error) => findings.error(&place, error.to_string()),
        }
    }
}

/// The issuers of the file.
struct Issuers<'c> {
    configs: &'c [IssuerConfig],
    /// The names also of those that cannot be read.
    names: HashSet<String>,
}

/// The settings of a tenant: those of the table, and else the default ones.
fn tenant(
    node: &Node<'_>,
    default: &TenantSettings,
    issuers: &Issuers<'_>,
    findings: &mut Findings<'_>,
) -> TenantSettings {
    let mut settings = default.clone();
    if let Some(table) = node.table(TENANT_KEYS, findings) {
        let mut fields = Fields { table, findings };
        fields.duration("deadline", MILLISECOND..=MAX_DEADLINE, &mut settings.deadline);
        let mut weight = 0;
        fields.count("weight", 1..=1_000, &mut weight);
        if let Some(weight) = u32::try_from(weight).ok().filter(|weight| *weight > 0) {
            settings.allowance.weight = weight;
        }
        if let Some(node) = fields.table.get("budget") {
            read_budget(&node, &mut settings.allowance.budget, fields.findings);
        }
        if let Some(node) = fields.table.get(caps::KEY) {
            settings.allowance.limit_caps.read(&node, fields.findings);
        }
        if let Some(node) = fields.table.get("headers") {
            settings.headers = passed_headers(&node, fields.findings);
        }
        if let Some(node) = fields.table.get("identity-headers") {
            settings.identity_headers = identity_headers(&node, fields.findings);
        }
        issuers_of_tenant(&mut fields, issuers.configs, &issuers.names, &mut settings.issuers);
        let help = "write the URL under which clients find the metadata (RFC 9728), without a query";
        if let Some(url) = url(&mut fields, "resource-metadata", "it is not a URL of metadata", help) {
            settings.resource_metadata = Some(url);
        }
    }
    settings
}

fn check_names_of_credentials(root: &Table<'_>, config: &ServerConfig, findings: &mut Findings<'_>) {
    let mut taken = HashSet::new();
    let is_twice = config.credentials.iter().any(|credential| !taken.insert(&credential.name));
    if let Some(node) = root.get("credentials").filter(|_| is_twice) {
        findings.error_with_help(&node.place, "two credentials have the same name", "give each a name of its own");
    }
}

/// A door for decisions that other machines reach needs a credential, and one that names tenants must not be reached,
/// unless the operator says otherwise.
fn check_reach(root: &Table<'_>, config: &ServerConfig, findings: &mut Findings<'_>) {
    let (message, help) = match unprotected(&config.listeners, &config.credentials) {
        None => return,
        Some(Unprotected::Decisions(listener)) => (
            format!("everybody who reaches `{}` could ask for decisions", listener.address),
            "write `[[credentials]]`; or `anonymous = true` for the listener, if only enforcement points reach it",
        ),
        Some(Unprotected::TenantMetrics(listener)) => (
            format!("everybody who reaches `{}` could read the names of all tenants", listener.address),
            "give `tenant-metrics` a local listener of its own; or write `anonymous = true` for this one, if only the \
             operator reaches it",
        ),
    };
    let place = root.get("listeners").map_or_else(Place::default, |node| node.place);
    findings.error_with_help(&place, message, help);
}
