//! The JSON Schema of `guardhouse.toml`. Tests compare it with the reader.

use guardhouse::{HostLimits, TenantBudget};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::ServerConfig;
use super::identity::MAX_HEADERS;
use super::issuer::{ALGORITHMS, IssuerConfig};
use super::listener::Door;
use crate::policy::caps::CAPPED;
use crate::policy::fields::field_names;
use crate::tenant_name::TenantName;

impl ServerConfig {
    /// The JSON Schema (2020-12) of `guardhouse.toml`.
    #[must_use]
    pub fn json_schema() -> Value {
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": Self::FILE,
            "description": "The configuration of `guardhouse serve`. Paths are relative to the folder of the file.",
            "type": "object",
            "required": ["version"],
            "additionalProperties": false,
            "properties": {
                "version": { "description": "The version of this format.", "const": 1 },
                "policies": path("The folder of the policies, with a folder for each tenant. Default: `policies`."),
                "state": path("The folder of the last good policies. Default: `state`."),
                "cache": path("The folder of the cache of machine code. Default: the one of the commands."),
                "status": path("The Unix socket of `guardhouse status`, or `off`. Default: see docs/operating.md."),
                "public-url": {
                    "description": "The URL under which callers reach the server. Default: that of the first listener.",
                    "type": "string", "pattern": "^https?://[^?#]*[^?#/]$",
                },
                "listeners": {
                    "description": "The listeners. Default: 127.0.0.1:8180 for decisions, 127.0.0.1:8181 for the operator.",
                    "type": "array", "minItems": 1, "items": listener(),
                },
                "credentials": {
                    "description": "The credentials of enforcement points. With one of them, each request needs one.",
                    "type": "array", "items": credential(),
                },
                "issuers": {
                    "description": "The issuers of the tokens of end users.",
                    "type": "array", "maxItems": IssuerConfig::MAXIMUM, "items": issuer(),
                },
                "connections": connections(),
                "drain": section("How the server ends.", json!({
                    "notice": duration("Not ready, and still taking connections. Default: 5s."),
                    "time": duration("Then requests are answered for this long at most. Default: 10s."),
                })),
                "host": host(),
                "decision-log": section("Where decisions are written down.", json!({
                    "destination": text("`stdout`, `off`, or the path of a file. Default: `stdout`."),
                    "when-full": {
                        "description": "What becomes of a line without room. Default: `drop`.",
                        "enum": ["drop", "wait"],
                    },
                    "wait": duration("The longest wait of a decision for room, with `wait`. Default: 100ms."),
                    "queue-bytes": size("The queue of lines. Default: 8MiB."),
                    "line-bytes": size("The longest line. Default: 64KiB."),
                })),
                "health": section("When the server is ready.", json!({
                    "without-policy-percent": {
                        "description": "The share of tenants that may be without a policy. Default: 50.",
                        "type": "integer", "minimum": 0, "maximum": 100,
                    },
                })),
                "tenants": {
                    "description": "The settings of tenants: `default`, and by name.",
                    "type": "object",
                    "propertyNames": {
                        "pattern": format!("^[a-z0-9][a-z0-9._-]{{0,{}}}$", TenantName::MAX_BYTES - 1),
                    },
                    "additionalProperties": section("The settings of a tenant.", json!({
                        "deadline": duration("The longest time of one decision. Default: 1s."),
                        "weight": {
                            "description": "The share of what several tenants want at the same time. Default: 16.",
                            "type": "integer", "minimum": 1, "maximum": 1_000,
                        },
                        "budget": section("The bounds of what it may use. Default: none.", texts_or_numbers::<TenantBudget>()),
                        "policy-limits": section("The caps of the limits that its policy may set.", caps()),
                        "headers": {
                            "description": "The headers of requests behind proxies that checks see. Default: none.",
                            "type": "array", "maxItems": MAX_HEADERS, "items": { "type": "string" },
                        },
                        "identity-headers": {
                            "description": "The headers that proxies set for the servers behind them. Default: none.",
                            "type": "object", "maxProperties": MAX_HEADERS,
                            "additionalProperties": text("`subject`, `client-id`, `scopes`, or a JSON pointer into the claims."),
                        },
                        "issuers": {
                            "description": "The names of the issuers of its end users' tokens. Default: none.",
                            "type": "array", "items": { "type": "string" },
                        },
                        "resource-metadata": {
                            "description": "The URL of the metadata of the protected resource (RFC 9728). Default: none.",
                            "type": "string", "pattern": "^https?://[^?#]*[^?#/]$",
                        },
                    })),
                },
            },
        })
    }
}

/// A property for each limit that has a cap.
fn caps() -> Value {
    let property = |name: &&str| ((*name).to_owned(), json!({ "type": ["string", "integer"] }));
    CAPPED.iter().map(property).collect::<Map<_, _>>().into()
}

/// A property for each field of `T`.
fn texts_or_numbers<T: Default + Serialize>() -> Value {
    let property = |(name, _)| (name, json!({ "type": ["string", "integer"] }));
    field_names::<T>().into_iter().map(property).collect::<Map<_, _>>().into()
}

fn listener() -> Value {
    section_with(
        &["address", "doors"],
        "A listener.",
        json!({
            "address": text("`127.0.0.1:8180`, `unix:/run/guardhouse.sock`, or `systemd:0`."),
            "doors": doors("The doors behind it."),
            "anonymous": {
                "description": "Whether everybody who reaches it may ask for decisions. Default: false.",
                "type": "boolean",
            },
            "tls": section_with(&["certificate", "key"], "TLS 1.2 and 1.3. Default: none.", json!({
                "certificate": path("The server's certificate, and then those of authorities up to the root, in PEM."),
                "key": path("Its private key, in PEM."),
                "client-ca": path("The authorities that sign the certificates of clients, in PEM."),
                "client": {
                    "description": "Whether a client must have a certificate. Default: `required`, with `client-ca`.",
                    "enum": ["required", "optional"],
                },
            })),
            "tenant": text("The tenant of requests at the door `ext-authz` whose route names none."),
        }),
    )
}

fn credential() -> Value {
    section_with(
        &["name"],
        "The credential of an enforcement point.",
        json!({
            "name": text("Its name, for the operator."),
            "token-file": path("The file with its tokens, one in a line. It is read again while the server runs."),
            "certificate": text("A URI or DNS name in the client's certificate, or `sha256:` and its digest."),
            "tenants": {
                "description": "The tenants that it may ask about. Default: all.",
                "type": "array", "minItems": 1, "items": { "type": "string" },
            },
            "doors": doors("The doors that it may use. Default: all that decide."),
        }),
    )
}

fn issuer() -> Value {
    let source = |key: &str| json!({ "required": [key] });
    let mut issuer = section_with(
        &["name", "issuer"],
        "An issuer of tokens.",
        json!({
            "name": text("Its name, for `[tenants.NAME] issuers`, the operator and the metrics."),
            "issuer": { "description": "The claim `iss` of its tokens.", "type": "string", "minLength": 1 },
            "audiences": texts("The audiences of which a token must have one."),
            "jwks-url": url("The URL of the key set."),
            "jwks-file": path("The file of the key set, which is read again when it changes."),
            "introspection": section_with(
                &["url", "client-id", "client-secret-file"],
                "The introspection endpoint (RFC 7662).",
                json!({
                    "url": url("Its URL."),
                    "client-id": text("The client as which this server asks."),
                    "client-secret-file": path("The file with the secret of the client."),
                    "cache": duration("The time for which an answer is used again. Default: 10s."),
                }),
            ),
            "algorithms": {
                "description": "The algorithms of signatures. Default: `RS256` and `ES256`.",
                "type": "array", "minItems": 1, "items": { "enum": ALGORITHMS },
            },
            "ca-file": path("The certificates that are trusted instead of those of the system."),
            "leeway": duration("How far the clock of the issuer may differ. Default: 30s."),
            "client-id": pointers("The client. Default: `/client_id` and `/azp`."),
            "subject": pointers("The subject. Default: `/sub`."),
            "scopes": pointers("The scopes. Default: `/scope` and `/scp`."),
            "refresh": duration("The time after which the key set is read again. Default: 10min."),
            "outage": duration("The time for which keys are used that cannot be read again. Default: 1h."),
            "types": texts("The types of tokens. Default: `at+jwt` and `JWT`."),
        }),
    );
    if let Some(issuer) = issuer.as_object_mut() {
        issuer.insert("oneOf".to_owned(), ["jwks-url", "jwks-file", "introspection"].map(source).into_iter().collect());
    }
    issuer
}

fn connections() -> Value {
    section(
        "What a client may do before it is let go.",
        json!({
            "maximum": count("Connections at the same time. Default: 10,000."),
            "head-bytes": size("The head of a request. Default: 16KiB."),
            "headers": count("The headers of a request. Default: 100."),
            "head-time": duration("From the first byte of a head to its last. Default: 10s."),
            "body-bytes": size("The body of a request. Default: 1MiB."),
            "document-bytes": size("The memory of one body as JSON. Default: 16MiB."),
            "all-bodies-bytes": size("The memory of the bodies of all requests together. Default: 64MiB."),
            "body-time": duration("From the end of a head to the last byte of its body. Default: 10s."),
            "answer-time": duration("In which a caller takes its answer. Default: 10s."),
            "idle-time": duration("In which a connection may wait for its next request. Default: 60s."),
            "streams": count("Requests at the same time on one connection of HTTP/2. Default: 1,024."),
            "ping-interval": duration("After which a silent connection of HTTP/2 is pinged. Default: 20s."),
            "ping-time": duration("In which a client answers a ping. Default: 10s."),
            "age": duration("After which a connection of HTTP/2 takes no more requests. Default: 30min."),
            "age-grace": duration("Then requests are answered for this long. Default: 30s."),
            "batch": count("The decisions of one request. Default: 100."),
        }),
    )
}

fn host() -> Value {
    section(
        "What plugins may use of this machine together.",
        json!({
            "memory": size("The memory of the process. Default: three quarters of what the machine allows."),
            "processors": count("The processors that decisions may use. Default: all that the machine allows."),
            "tick": duration("The interval at which deadlines are enforced. Default: 200us."),
            "limits": section("The limits of all plugins together, where they are not sized from the memory.", texts_or_numbers::<HostLimits>()),
        }),
    )
}

fn section(description: &str, properties: Value) -> Value {
    section_with(&[], description, properties)
}

fn section_with(required: &[&str], description: &str, properties: Value) -> Value {
    json!({
        "description": description, "type": "object", "required": required, "additionalProperties": false,
        "properties": properties,
    })
}

fn text(description: &str) -> Value {
    json!({ "description": description, "type": "string" })
}

fn path(description: &str) -> Value {
    json!({ "description": description, "type": "string", "minLength": 1 })
}

fn url(description: &str) -> Value {
    json!({ "description": description, "type": "string", "pattern": "^https?://[^#@]+$" })
}

fn texts(description: &str) -> Value {
    json!({
        "description": description, "type": "array", "minItems": 1, "items": { "type": "string", "minLength": 1 },
    })
}

fn pointers(description: &str) -> Value {
    let item = json!({ "type": "string", "pattern": "^/([^~]|~[01])*$" });
    json!({ "description": description, "type": "array", "minItems": 1, "items": item })
}

fn count(description: &str) -> Value {
    json!({ "description": description, "type": "integer", "minimum": 1 })
}

fn duration(description: &str) -> Value {
    json!({ "description": description, "type": "string", "pattern": "^[0-9]+(ns|us|ms|s|min|h)$" })
}

fn size(description: &str) -> Value {
    json!({ "description": description, "type": "string", "pattern": "^[0-9]+(B|KiB|MiB|GiB)$" })
}

fn doors(description: &str) -> Value {
    let words = Door::ALL.map(Door::as_str);
    json!({ "description": description, "type": "array", "minItems": 1, "items": { "enum": words } })
}
