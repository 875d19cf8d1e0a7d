//! Tests of reading `guardhouse.toml`.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::issuer::{self, IssuerConfig, IssuerSource};
use super::listener::{Address, Door};
use super::log::LogDestination;
use super::machine::Machine;
use super::{ServerConfig, StatusConfig, host, log, read, read_credential, read_listener};
use crate::observe::decision_log::WhenFull;
use crate::policy::Policy;
use crate::policy::folder::{Bytes, Folder};
use crate::tenant_name::TenantName;

const WHOLE: &str = r#"
version = 1
policies = "/srv/policies"
state = "../state"
cache = "/var/cache/guardhouse"
status = "status.sock"
public-url = "https://pdp.example/guardhouse"

[[listeners]]
address = "0.0.0.0:8180"
doors = ["native", "authzen"]

[[listeners]]
address = "unix:/run/guardhouse.sock"
doors = ["health", "metrics", "tenant-metrics"]
anonymous = true

[[credentials]]
name = "gateway"
token-file = "secrets/gateway"
tenants = ["acme", "default"]
doors = ["native"]

[[credentials]]
name = "all"
token-file = "secrets/all"

[connections]
maximum = 5
head-bytes = "8KiB"
headers = 10
head-time = "1s"
body-bytes = "2MiB"
document-bytes = "3MiB"
all-bodies-bytes = "4MiB"
body-time = "2s"
answer-time = "3s"
idle-time = "4s"
streams = 2000
ping-interval = "5s"
ping-time = "6s"
age = "7s"
age-grace = "8s"
batch = 7

[drain]
notice = "0s"
time = "1min"

[host]
memory = "1GiB"
processors = 3
tick = "1ms"

[host.limits]
instances = 8
memory-bytes = "16MiB"
compiler-time = "5s"

[decision-log]
destination = "decisions.log"
when-full = "wait"
wait = "50ms"
queue-bytes = "1MiB"
line-bytes = "8KiB"

[health]
without-policy-percent = 10

[tenants.default]
deadline = "500ms"

[tenants.acme]
deadline = "50ms"

[tenants.other]
"#;

fn read(text: &str) -> ServerConfig {
    ServerConfig::read(text.as_bytes(), Path::new("/etc/guardhouse")).unwrap()
}

/// The errors as text, without the name of the file.
fn errors(text: &str) -> Vec<String> {
    let problems = ServerConfig::read(text.as_bytes(), Path::new("/etc/guardhouse")).unwrap_err();
    problems.iter().map(|problem| problem.to_string().replacen("guardhouse.toml:", "", 1)).collect()
}

#[test]
fn a_configuration_is_read_as_it_is_written() {
    let config = read(WHOLE);
    assert_eq!(config.policies, Path::new("/srv/policies"));
    assert_eq!(config.state, Path::new("/etc/guardhouse/../state"));
    assert_eq!(config.cache.as_deref(), Some(Path::new("/var/cache/guardhouse")));
    assert_eq!(config.status, StatusConfig::Path("/etc/guardhouse/status.sock".into()));
    assert_eq!(config.health.without_policy_percent, 10);
    assert_eq!(config.public_url.as_deref(), Some("https://pdp.example/guardhouse"));
    let [tcp, unix] = &config.listeners[..] else { panic!("{:?}", config.listeners) };
    assert_eq!((&tcp.address, tcp.anonymous), (&"0.0.0.0:8180".parse().unwrap(), false));
    assert_eq!((&unix.address, unix.anonymous), (&Address::Unix("/run/guardhouse.sock".into()), true));
    assert_eq!(unix.doors.doors().collect::<Vec<_>>(), [Door::Health, Door::Metrics, Door::TenantMetrics]);
    let [gateway, all] = &config.credentials[..] else { panic!("{:?}", config.credentials) };
    assert_eq!(gateway.token_file.as_deref(), Some(Path::new("/etc/guardhouse/secrets/gateway")));
    assert_eq!(gateway.tenants.as_deref(), Some(&["acme".to_owned(), "default".to_owned()][..]));
    assert_eq!(gateway.doors.doors().collect::<Vec<_>>(), [Door::Native]);
    assert_eq!((all.tenants.as_ref(), all.doors.doors().count()), (None, 4));
    let limits = &config.connections;
    assert_eq!((limits.maximum, limits.head_bytes, limits.headers, limits.batch), (5, 8 << 10, 10, 7));
    let bytes = [limits.body_bytes, limits.document_bytes, limits.all_bodies_bytes];
    assert_eq!(bytes, [2 << 20, 3 << 20, 4 << 20]);
    let times = [limits.head_time, limits.body_time, limits.answer_time, limits.idle_time];
    assert_eq!(times, [1, 2, 3, 4].map(Duration::from_secs));
    let times = [limits.ping_interval, limits.ping_time, limits.age, limits.age_grace];
    assert_eq!((limits.streams, times), (2_000, [5, 6, 7, 8].map(Duration::from_secs)));
    assert_eq!((config.drain.notice, config.drain.time), (Duration::ZERO, Duration::from_secs(60)));
    assert_eq!((config.host.memory_bytes, config.host.processors), (1 << 30, 3));
    assert_eq!(config.host.tick, Duration::from_millis(1));
    let limits = config.host.host_limits();
    assert_eq!((limits.instances, limits.memory_bytes), (8, 16 << 20));
    assert_eq!(limits.compiler_time, Duration::from_secs(5));
    assert_eq!(config.decision_log.destination, LogDestination::File("/etc/guardhouse/decisions.log".into()));
    assert_eq!(config.decision_log.limits.when_full, WhenFull::Wait(Duration::from_millis(50)));
    assert_eq!((config.decision_log.limits.queue_bytes, config.decision_log.limits.line_bytes), (1 << 20, 8 << 10));
    let deadlines = ["acme", "other", "third", "A"].map(|tenant| config.tenants.of(tenant).deadline.as_millis());
    assert_eq!(deadlines, [50, 500, 500, 500]);
}

#[test]
fn a_configuration_without_anything_has_the_defaults() {
    assert_eq!(read("version = 1"), ServerConfig::in_folder(Path::new("/etc/guardhouse")));
}

#[test]
fn every_problem_is_found_at_once_in_the_order_of_the_file() {
    let text = r#"version = 1
polices = "x"
public-url = "pdp.example"
[[listeners]]
address = "localhost:80"
doors = ["natives"]
[[listeners]]
[[credentials]]
name = "a"
tenants = ["A"]
[connections]
maximum = 0
head-bytes = "1KiB"
head-time = 5
batch = "many"
[drain]
time = "2h"
[host.limits]
instances = 0
instance = 1
memory-bytes = 64
[tenants.ACME]
[tenants.acme]
deadline = "0s"
"#;
    let errors = errors(text);
    let expected = [
        "2:1: polices: the key `polices` does not exist\n  help: write `policies`",
        "3:14: public-url: it is not a URL of this server",
        "5:11: listeners[0].address: not an address",
        "6:10: listeners[0].doors[0]: the door `natives` does not exist\n  help: write `native`",
        "7:1: listeners[1]: `doors` is missing",
        "7:1: listeners[1]: `address` is missing",
        "8:1: credentials[0]: `token-file` is missing",
        "10:12: credentials[0].tenants[0]: the name of a tenant",
        "12:11: connections.maximum: the value must be from `1` to `1000000`",
        "13:14: connections.head-bytes: the value must be from `8KiB` to `1MiB`",
        "14:13: connections.head-time: it is an integer, and must be a string",
        "15:9: connections.batch: it is a string, and must be a whole number",
        "17:8: drain.time: the value must be from `0s` to `1h`",
        "19:13: host.limits.instances: the limit must be more than zero",
        "20:1: host.limits.instance: the limit `instance` does not exist\n  help: write `instances`",
        "21:16: host.limits.memory-bytes:",
        "22:10: tenants.ACME: the name of a tenant",
        "24:12: tenants.acme.deadline: the value must be from `1ms` to `1h`",
    ];
    for (error, expected) in errors.iter().zip(expected) {
        assert!(error.starts_with(expected), "expected {expected:?}, found {error:?}");
    }
    assert_eq!(errors.len(), expected.len(), "{errors:#?}");
}

#[test]
fn a_door_that_others_reach_needs_a_credential() {
    let listener = |address: &str, more: &str| {
        format!("version = 1\n[[listeners]]\naddress = \"{address}\"\ndoors = [\"native\"]\n{more}\n")
    };
    let credential = "[[credentials]]\nname = \"a\"\ntoken-file = \"a\"";
    let found = errors(&listener("0.0.0.0:8180", ""));
    assert!(found[0].contains("everybody who reaches `0.0.0.0:8180`"), "{found:?}");
    assert!(!errors(&listener("systemd:0", "")).is_empty());
    for (address, more) in [
        ("127.0.0.1:8180", ""),
        ("unix:/run/x", ""),
        ("0.0.0.0:8180", "anonymous = true"),
        ("0.0.0.0:8180", credential),
    ] {
        read(&listener(address, more));
    }
}

#[test]
fn a_listener_with_tls_has_all_of_its_files_or_none() {
    let listener =
        |more: &str| format!("version = 1\n[[listeners]]\naddress = \"127.0.0.1:1\"\ndoors = [\"native\"]\n{more}\n");
    let files = r#"certificate = "a.pem", key = "/k.pem""#;
    let tls = |more: &str| read(&listener(&format!("tls = {{ {files}{more} }}"))).listeners.remove(0).tls.unwrap();
    let plain = tls("");
    assert_eq!(plain.certificate, Path::new("/etc/guardhouse/a.pem"));
    assert_eq!((plain.key.as_path(), plain.clients), (Path::new("/k.pem"), None));
    for (more, are_required) in [("", true), (", client = \"required\"", true), (", client = \"optional\"", false)] {
        let clients = tls(&format!(", client-ca = \"c.pem\"{more}")).clients.unwrap();
        assert_eq!(
            (clients.authorities.as_path(), clients.are_required),
            (Path::new("/etc/guardhouse/c.pem"), are_required)
        );
    }
    for (more, expected) in [
        ("tls = {}", "`certificate` is missing"),
        ("tls = { certificate = \"a\" }", "`key` is missing"),
        ("tls = { certificate = \"a\", key = \"b\", client = \"required\" }", "no client certificate can be verified"),
        ("tls = { certificate = \"a\", key = \"b\", client-ca = \"c\", client = \"none\" }", "the word `none`"),
        ("tls = { certificate = \"a\", keys = \"b\" }", "the key `keys` does not exist"),
        ("tls = true", "must be a table"),
        ("tenant = \"acme\"", "no door that takes a tenant"),
    ] {
        let found = errors(&listener(more));
        assert!(found.iter().any(|error| error.contains(expected)), "{found:?}");
    }
}

#[test]
fn a_credential_asks_for_a_token_or_a_certificate_or_both() {
    let credential = |more: &str| format!("version = 1\n[[credentials]]\nname = \"a\"\n{more}\n");
    for (more, asks) in [
        ("token-file = \"t\"", (true, false)),
        ("certificate = \"spiffe://a/b\"", (false, true)),
        ("token-file = \"t\"\ncertificate = \"a.example\"", (true, true)),
    ] {
        let credential = read(&credential(more)).credentials.remove(0);
        assert_eq!((credential.token_file.is_some(), credential.certificate.is_some()), asks, "{more}");
    }
    for more in ["", "certificate = \"*.example\"", "token-file = \"t\"\ncertificate = \"a b\"", "certificate = 5"] {
        assert_eq!(errors(&credential(more)).len(), 1, "{more}");
    }
}

#[test]
fn metrics_of_tenants_are_reached_by_others_only_if_the_operator_says_so() {
    let credential = "[[credentials]]\nname = \"a\"\ntoken-file = \"a\"";
    let listener = |address: &str, door: &str, more: &str| {
        format!("version = 1\n[[listeners]]\naddress = \"{address}\"\ndoors = [\"{door}\"]\n{more}\n")
    };
    for (address, more) in [("0.0.0.0:8181", ""), ("systemd:0", ""), ("0.0.0.0:8181", credential)] {
        let found = errors(&listener(address, "tenant-metrics", more));
        assert!(found[0].contains(&format!("everybody who reaches `{address}` could read the names")), "{found:?}");
        read(&listener(address, "metrics", more));
    }
    for (address, more) in [("127.0.0.1:8181", ""), ("unix:/run/x", credential), ("0.0.0.0:8181", "anonymous = true")] {
        read(&listener(address, "tenant-metrics", more));
    }
}

#[test]
fn the_version_and_the_text_are_checked_before_anything_else() {
    for (text, expected) in [
        (&b"policies = \"a\""[..], "`version` is missing"),
        (b"version = 2\nunknown = 1", "this release reads `version = 1` only"),
        (b"version = \"1\"", "this release reads `version = 1` only"),
        (b"version = ", "invalid TOML"),
        (b"version = 1 # \xff", "the file is not UTF-8"),
    ] {
        let problems = ServerConfig::read(text, Path::new("")).unwrap_err();
        assert!(problems[0].message.contains(expected), "{problems:?}");
    }
}

#[test]
fn the_schema_has_exactly_the_keys_that_are_read() {
    let schema = ServerConfig::json_schema();
    let keys = |pointer: &str| {
        let properties = schema.pointer(pointer).unwrap()["properties"].as_object().unwrap();
        properties.keys().cloned().collect::<std::collections::BTreeSet<_>>()
    };
    let of = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<std::collections::BTreeSet<_>>();
    assert_eq!(keys(""), of(read::KEYS));
    assert_eq!(keys("/properties/listeners/items"), of(read_listener::LISTENER_KEYS));
    assert_eq!(keys("/properties/listeners/items/properties/tls"), of(read_listener::TLS_KEYS));
    assert_eq!(keys("/properties/credentials/items"), of(read_credential::CREDENTIAL_KEYS));
    assert_eq!(keys("/properties/issuers/items"), of(issuer::ISSUER_KEYS));
    let introspection = "/properties/issuers/items/properties/introspection";
    assert_eq!(keys(introspection), of(issuer::INTROSPECTION_KEYS));
    assert_eq!(keys("/properties/connections"), of(read::CONNECTION_KEYS));
    assert_eq!(keys("/properties/drain"), of(read::DRAIN_KEYS));
    assert_eq!(keys("/properties/host"), of(host::HOST_KEYS));
    assert_eq!(keys("/properties/decision-log"), of(log::LOG_KEYS));
    assert_eq!(keys("/properties/health"), of(read::HEALTH_KEYS));
    assert_eq!(keys("/properties/tenants/additionalProperties"), of(read::TENANT_KEYS));
}

#[test]
fn a_limit_or_a_bound_of_another_type_is_an_error_also_if_it_may_be_absent() {
    for text in ["[host.limits]\nturns = true", "[host.limits]\nqueue-time = []", "[tenants.acme.budget]\nchecks = 1.5"]
    {
        let text = format!("version = 1\n{text}\n");
        let problems = ServerConfig::read(text.as_bytes(), Path::new("/")).unwrap_err();
        assert_eq!(problems.len(), 1, "{text}");
        assert_eq!(problems[0].position.map(|position| position.line), Some(3), "{text}");
    }
}

#[test]
fn the_operator_changes_the_caps_of_policies_for_all_tenants_or_for_one() {
    let config = read(
        "version = 1\n[tenants.default.policy-limits]\nqueue = 100\n[tenants.acme.policy-limits]\n\
         queue = 8192\nconfigure-deadline = \"5min\"\nstandby = 0\n",
    );
    let allowances = config.tenants.allowances();
    let problems = |tenant: &str, limits: &str| {
        let policy = format!(
            "version = 1\n[checks.a]\nplugin = \"builtin:require-auth\"\nlimits = {{ {limits} }}\n[[rules]]\n\
             when = {{}}\ncheck = \"a\"\n"
        );
        let folder = Folder::new([(Folder::POLICY.to_owned(), Bytes::from(policy))].into());
        let tenant: TenantName = tenant.parse().unwrap();
        let read = Policy::read_within(&folder, &allowances.of(&tenant).limit_caps);
        read.map(|(policy, _)| policy.checks[0].limits.clone())
            .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    };
    // The policy of one tenant may ask for more than before, and that of its neighbor for less.
    assert_eq!(problems("acme", "queue = 8192, configure-deadline = \"5min\"").unwrap().queue, 8_192);
    for (tenant, limit, asked, cap) in [
        ("acme", "queue = 8193", "8193", "8192"),
        ("acme", "configure-deadline = \"6min\"", "6min", "5min"),
        ("acme", "standby = 1", "1", "0"),
        ("acme", "handles = 20000", "20000", "10000"),
        ("other", "queue = 101", "101", "100"),
        ("other", "configure-deadline = \"61s\"", "61s", "1min"),
    ] {
        let refused = problems(tenant, limit).unwrap_err();
        let name = limit.split(' ').next().unwrap();
        let message = format!("the limit `{name}` is `{asked}`, and a policy can set it to at most `{cap}`");
        assert!(refused.contains(&message), "{refused}");
        assert!(
            refused.contains("`guardhouse.toml`, for all tenants with `[tenants.default.policy-limits]`"),
            "{refused}"
        );
    }
    // A limit that the policy does not set is its default, or the cap if that is lower.
    let (acme, other) = (problems("acme", "").unwrap(), problems("other", "").unwrap());
    assert_eq!((acme.queue, acme.standby, other.queue, other.standby), (1_024, Some(0), 100, None));
    for (text, expected) in [
        ("queues = 5", "the limit with a cap `queues` does not exist\n  help: write `queue`"),
        ("memory = \"1GiB\"", "the limit with a cap `memory` does not exist"),
        ("standby = \"none\"", "a cap cannot be `none`"),
        ("configure-deadline = \"2h\"", "the limit must be from `1ms` to `1h`"),
        ("context-bytes = 5", "write a whole number and a unit"),
    ] {
        let found = errors(&format!("version = 1\n[tenants.acme.policy-limits]\n{text}\n"));
        assert!(found.len() == 1 && found[0].contains(expected), "{found:?}");
    }
}

#[test]
fn a_tenant_has_a_weight_and_a_budget_of_its_own_or_the_default_ones() {
    let config = read(
        "version = 1\n[tenants.default]\nweight = 8\nbudget = { checks = 5, memory-bytes = \"1GiB\" }\n\
         [tenants.acme]\nbudget = { evaluations-per-second = 7, memory-bytes = \"none\", queue = 9, queue-time = \"5ms\" }\n[tenants.small]\nweight = 1\n",
    );
    let allowances = config.tenants.allowances();
    let of = |name: &str| allowances.tenants[&name.parse::<TenantName>().unwrap()].clone();
    assert_eq!((allowances.default.weight, allowances.default.budget.checks), (8, Some(5)));
    let acme = of("acme");
    assert_eq!((acme.weight, acme.budget.checks, acme.budget.memory_bytes), (8, Some(5), None));
    assert_eq!(acme.budget.evaluations_per_second.map(u32::from), Some(7));
    assert_eq!((acme.budget.queue, acme.budget.queue_time), (Some(9), Some(Duration::from_millis(5))));
    assert_eq!((of("small").weight, of("small").budget.memory_bytes), (1, Some(1 << 30)));
}

#[test]
fn a_tenant_has_headers_of_its_own_or_the_default_ones() {
    let config = read(
        "version = 1\n[tenants.default]\nheaders = [\"Accept\", \"x-team\"]\nidentity-headers = { x-user = \"subject\" }\n\
         [tenants.acme]\nheaders = []\n[tenants.acme.identity-headers]\nX-Mail = \"/email\"\nx-scopes = \"scopes\"\n\
         [tenants.other]\nweight = 1\n",
    );
    let names = |tenant: &str| {
        let settings = config.tenants.of(tenant);
        let passed = settings.headers.iter().map(|name| name.as_str().to_owned()).collect::<Vec<_>>();
        (passed, settings.identity_headers.iter().map(|header| header.name.as_str().to_owned()).collect::<Vec<_>>())
    };
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(names("acme"), (owned(&[]), owned(&["x-mail", "x-scopes"])));
    for tenant in ["other", "third"] {
        assert_eq!(names(tenant), (owned(&["accept", "x-team"]), owned(&["x-user"])));
    }
    for (text, expected) in [
        ("headers = [\"Authorization\"]", "checks never see this header"),
        ("headers = [\"guardhouse-credential\"]", "checks never see this header"),
        ("headers = [\"host\"]", "`/http/host`"),
        ("headers = [\"a\", \"A\"]", "the header is there twice"),
        ("headers = [\"a b\"]", "it is not the name of a header"),
        ("headers = \"a\"", "must be a list"),
        ("identity-headers = { cookie = \"subject\" }", "has a meaning of its own"),
        ("identity-headers = { x-forwarded-user = \"subject\" }", "have a meaning of their own"),
        ("identity-headers = { x_user = \"subject\" }", "expected letters, digits and `-`"),
        ("identity-headers = { x-user = \"subject\", X-User = \"subject\" }", "the header is there twice"),
        ("identity-headers = { x-user = \"email\" }", "a JSON pointer into the claims"),
        ("identity-headers = { x-user = 1 }", "must be a string"),
    ] {
        let found = errors(&format!("version = 1\n[tenants.acme]\n{text}\n"));
        assert!(found.len() == 1 && found[0].contains(expected), "{text}: {found:?}");
    }
    let many: Vec<String> = (0..65).map(|index| format!("\"a{index}\"")).collect();
    let found = errors(&format!("version = 1\n[tenants.acme]\nheaders = [{}]\n", many.join(", ")));
    assert!(found.len() == 1 && found[0].contains("at most 64"), "{found:?}");
}

#[test]
fn the_pools_are_sized_from_the_memory() {
    let sized = |mebibytes: u64, processors| {
        let machine = Machine { memory_bytes: Some(mebibytes << 20), processors };
        let limits = host::HostConfig::of(machine).host_limits();
        (limits.instances, limits.large_instances, limits.resident_plugins, limits.compilers)
    };
    assert_eq!(sized(64, 1), (4, 1, 32, 1));
    assert_eq!(sized(2_048, 2), (8, 2, 192, 1));
    assert_eq!(sized(16_384, 8), (58, 19, 1_536, 4));
    assert_eq!(sized(1 << 20, 64), (256, 32, 4_096, 8));
    // All instances of the three pools take half of the memory at most, unless they are as few as they can be.
    for mebibytes in (1_024..100_000).step_by(77) {
        let (small, large, ..) = sized(mebibytes, 2);
        let most = u64::from(small + 2 * large) * 64;
        assert!(8 * most <= 3 * mebibytes, "{mebibytes} MiB: {small} and twice {large}");
    }
    let machine = Machine { memory_bytes: None, processors: 1 };
    assert_eq!(host::HostConfig::of(machine).memory_bytes, 3 << 29);
    let unchanged: Value = json!(guardhouse::HostLimits::default().stack_bytes);
    assert_eq!(json!(host::HostConfig::of(machine).host_limits().stack_bytes), unchanged);
}

/// The file in the documentation, whose values are the defaults but for those that it names.
#[test]
fn the_documented_values_are_the_defaults() {
    let page = include_str!("../../../docs/serve.md");
    let text = page.split("```toml").nth(1).unwrap().split("```").next().unwrap();
    let mut config = read(text);
    let defaults = ServerConfig::in_folder(Path::new("/etc/guardhouse"));
    assert_eq!(config.public_url.take().as_deref(), Some("https://pdp.example"));
    assert_eq!(config.cache.take().as_deref(), Some(Path::new("/etc/guardhouse/cache")));
    assert_eq!(std::mem::take(&mut config.credentials).len(), 1);
    let added = config.listeners.pop().unwrap();
    assert!(added.tls.unwrap().clients.unwrap().are_required && added.tenant.is_some());
    assert_eq!(std::mem::take(&mut config.tenants.tenants).len(), 1);
    let source = IssuerSource::JwksUrl("https://id.example/keys".parse().unwrap());
    let mut issuer = IssuerConfig::new("id", "https://id.example", source);
    issuer.audiences = vec!["https://shop.example".into()];
    assert_eq!(std::mem::take(&mut config.issuers), [issuer]);
    for key in issuer::ISSUER_KEYS.iter().chain(issuer::INTROSPECTION_KEYS) {
        assert!(text.contains(&format!("{key} = ")), "{key}");
    }
    assert_eq!(std::mem::take(&mut config.status), StatusConfig::Path("/run/guardhouse/status.sock".into()));
    assert_eq!(config.host.tick, defaults.host.tick);
    config.host = defaults.host.clone();
    assert_eq!(config, defaults);
    let keys = [
        read::KEYS,
        read_listener::LISTENER_KEYS,
        read_credential::CREDENTIAL_KEYS,
        read::CONNECTION_KEYS,
        read::DRAIN_KEYS,
    ];
    for key in keys.concat().into_iter().chain(host::HOST_KEYS.iter().chain(log::LOG_KEYS).copied()) {
        let is_section = ["[[KEY]]", "[KEY]", "[KEY.", "[host.KEY]", "\nKEY = "].map(|form| form.replace("KEY", key));
        assert!(is_section.iter().any(|form| text.contains(form)), "{key}");
    }
}
