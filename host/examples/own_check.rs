//! A check of your own in Rust, beside one that runs in a sandbox.
//!
//! A closure is enough for most native checks (`native::from_fn`). A type of your own can await, and can name missing
//! scopes.
//!
//! ```console
//! $ cargo run --example own_check
//! ```

use std::collections::HashSet;
use std::error::Error;

use guardhouse::{
    AuthCheck, AuthChecks, AuthContext, Check, Component, EvaluationFuture, EvaluationRequest, Host, Outcome, Plugin,
    builtin, native,
};
use serde_json::json;

/// Denies clients that were blocked.
struct NotBlocked {
    blocked: HashSet<String>,
}

impl NotBlocked {
    /// A lookup that might need the network.
    async fn is_blocked(&self, client: &str) -> Result<bool, Box<dyn Error + Send + Sync>> {
        Ok(self.blocked.contains(client))
    }
}

impl AuthCheck for NotBlocked {
    fn id(&self) -> &str {
        "not-blocked"
    }

    fn evaluate<'a>(&'a self, request: EvaluationRequest<'a>) -> EvaluationFuture<'a> {
        Box::pin(async move {
            let Some(token) = &request.context.token else { return Outcome::Denied.into() };
            match self.is_blocked(&token.client_id).await {
                Ok(is_blocked) => Outcome::from(!is_blocked).into(),
                // A check that cannot answer must not allow. The caller sees a denial, and the operator the reason.
                Err(error) => Outcome::native_fault(error).into(),
            }
        })
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let host = Host::new()?;
    let plugin = Plugin::load(&host, builtin::REQUIRE_SCOPES)?;
    let needs_read = Check::new(&plugin, json!({ "scopes": ["read"] }))?;
    let not_blocked = NotBlocked { blocked: HashSet::from(["mallory".to_owned()]) };
    let no_secrets = native::from_fn("no-secrets", |context: &AuthContext| !context.component.has_tag("secret"));

    // All must allow; the first that does not ends the run.
    let checks: [&dyn AuthCheck; 3] = [&not_blocked, &no_secrets, &needs_read];
    let checks = AuthChecks::new(&checks);
    for (client, expected) in [("alice", true), ("mallory", false)] {
        let token = guardhouse::AccessToken::new(client, ["read"]);
        let context = AuthContext::new(Component::tool("search")).with_token(token);
        let decision = checks.run_blocking(&context);
        println!("{client}: {}", decision.kind());
        assert_eq!(decision.is_allow(), expected);
    }
    Ok(())
}

#[test]
fn it_runs() {
    main().unwrap();
}
