//! The smallest host: one plugin, one check, one decision, and what the operator sees of it.
//!
//! ```console
//! $ cargo run --example embed
//! ```

use std::error::Error;

use guardhouse::{AccessToken, AuthChecks, AuthContext, Check, Component, Decision, Host, Plugin, builtin};
use serde_json::json;

fn main() -> Result<(), Box<dyn Error>> {
    // Once for each process.
    let host = Host::new()?;

    // Once for each plugin: this compiles it. `Plugin::load_file` loads a plugin of your own.
    let plugin = Plugin::load(&host, builtin::REQUIRE_SCOPES)?;

    // Once for each configuration.
    let check = Check::new(&plugin, json!({ "scopes": ["read"] }))?;

    // For each request.
    let checks = [check];
    for scopes in [&["read", "write"][..], &["write"]] {
        let context = AuthContext::new(Component::tool("search"))
            .with_token(AccessToken::new("alice-laptop", scopes.iter().copied()))
            .with_action("tools/call");
        let report = AuthChecks::new(&checks).explain_blocking(&context);
        match &report.decision {
            Decision::Allow => println!("the caller gets: allowed"),
            Decision::Deny(denial) => println!("the caller gets: denied, decision {}", denial.id),
        }
        println!("the operator gets: {}\n", serde_json::to_string_pretty(&report)?);
    }
    Ok(())
}

#[test]
fn it_runs() {
    main().unwrap();
}
