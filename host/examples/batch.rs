//! A batch: which of several tools may this caller see?
//!
//! The requests of one caller are decided together, which is faster than one by one because a check may keep its instance
//! from one to the next. Requests of different callers never belong into one batch.
//!
//! ```console
//! $ cargo run --example batch
//! ```

use std::error::Error;
use std::time::Duration;

use guardhouse::{AccessToken, AuthChecks, AuthContext, Check, Component, Host, Plugin, builtin};
use serde_json::json;

fn main() -> Result<(), Box<dyn Error>> {
    let host = Host::new()?;
    let plugin = Plugin::load(&host, builtin::RESTRICT_TAG)?;
    let checks = [Check::new(&plugin, json!({ "tag": "admin", "scopes": ["admin"] }))?];

    let token = AccessToken::new("alice-laptop", ["read"]);
    let tools = [Component::tool("search"), Component::tool("drop-table").with_tags(["admin"])];
    let contexts = tools.map(|tool| AuthContext::new(tool).with_token(token.clone()).with_action("tools/list"));

    // One deadline for the whole list. What is not decided by then is denied, which hides it.
    let decisions = AuthChecks::new(&checks).deadline(Duration::from_millis(500))?.run_batch_blocking(&contexts);
    let visible: Vec<&str> = contexts
        .iter()
        .zip(&decisions)
        .filter(|(_, decision)| decision.is_allow())
        .map(|(context, _)| context.component.name.as_str())
        .collect();
    println!("visible: {visible:?}");
    assert_eq!(visible, ["search"]);
    Ok(())
}

#[test]
fn it_runs() {
    main().unwrap();
}
