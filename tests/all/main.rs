//! All tests of Guardhouse in one binary. Rules are cited by their numbers: S (the engine), B (the built-in checks), U
//! (missing scopes).

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "helpers of tests are tests")]

mod harness;
mod imports;

// The source tree itself.
mod layers;

// Decisions of a list of checks, and their reports.
mod batch;
mod builtins;
mod compose;
mod compose_members;
mod corpus;
mod engine;
mod faults;
mod missing_scopes;
mod properties;
mod records;
mod report_json;
mod runtimes;

// Requests: the data that a check gets.
mod context_schema;
mod grants;
mod json;

// Loading a plugin, and the reasons why one does not load.
mod bombs;
mod files;
mod isolated;
mod loading;
mod merge;
mod merge_cases;
mod merge_programs;
mod too_large;
mod versions;
mod wasi;

// Compiling a plugin, and keeping its machine code.
mod async_forms;
mod baseline;
mod cache;
mod cache_damage;
mod cache_eviction;
mod cache_folder;
mod cache_processes;
mod compiler;
mod compiler_bombs;
mod compiler_rights;
mod shared_code;
mod shared_code_faults;

// Configuring a plugin, and images of configured plugins.
mod failing_output;
mod image_parts;
mod image_state;
mod images;
mod settings;

// Evaluating a plugin: its faults and its limits.
mod answers;
mod deadlines;
mod determinism;
mod exceeded;
mod memory;
mod output;
mod time;
mod traps;
mod unread;

// Many evaluations on one host: capacity, and isolation from each other.
mod address_space;
mod admission;
mod breaker;
mod busy;
mod interleaved;
mod measured;
mod pools;
mod prepare;
mod shares;
mod standby;
mod state;
mod storm;
mod tenant_budgets;
mod tenant_instances;
mod tenant_shares;
mod tenants;
mod turns;

// The server: policies of many tenants, and their activation.
mod server_activation;
mod server_batch;
mod server_start;
// The server: its doors, its connections, and its end.
mod server_authzen;
mod server_clients;
mod server_credentials;
mod server_drain;
mod server_ext_authz;
mod server_forward_auth;
mod server_grpc;
mod server_hang_up;
mod server_http2;
mod server_native;
mod server_tls;
// The server: what it tells of its decisions.
mod server_observe_destination;
mod server_observe_files;
mod server_observe_log;
mod server_observe_metrics;
mod server_observe_rules;
mod server_observe_status;
mod server_observe_trace;

// The repository: its documents, the plugins of the demo, and the inputs that fuzzing kept.
mod demo;
mod documents;
mod fuzz;
mod limit_docs;
mod package_names;
mod security;
