//! casbin: access control by a model and a table of policies.

use anyhow::Result;
use casbin::{CoreApi, DefaultModel, Enforcer, MemoryAdapter, MgmtApi};
use serde_json::Value;

use crate::REQUIRED;
use crate::context::{scopes, text};
use crate::meter::Meter;

/// Casbin's usual form. A scope is the subject, so one decision needs a call for each required scope. Casbin does not
/// see the token: the caller looks up whether the token has the scope.
const SCOPE_AS_SUBJECT: &str = "
[request_definition]
r = sub, obj, act
[policy_definition]
p = sub, obj, act
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.sub == p.sub && r.obj == p.obj && r.act == p.act
";

/// The whole rule in the matcher, which gets the scopes of the token and uses no table.
const SCOPES_OF_TOKEN: &str = r#"
[request_definition]
r = scopes
[policy_definition]
p = unused
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = "read" in r.scopes && "scope-17" in r.scopes
"#;

struct Question {
    scopes: Vec<String>,
    component: String,
}

pub(crate) fn measure(meter: &Meter) -> Result<()> {
    let mut enforcer = enforcer(SCOPE_AS_SUBJECT)?;
    let policies = REQUIRED.map(|scope| [scope, "get_invoice", "call"].map(str::to_owned).to_vec()).to_vec();
    pollster::block_on(enforcer.add_policies(policies))?;
    meter.measure("casbin", question, |Question { scopes, component }| {
        for required in REQUIRED {
            if !scopes.iter().any(|scope| scope == required) || !enforcer.enforce((required, component, "call"))? {
                return Ok(false);
            }
        }
        Ok(true)
    })?;

    let enforcer = self::enforcer(SCOPES_OF_TOKEN)?;
    meter.measure("casbin_token", scopes, |scopes| Ok(enforcer.enforce((scopes,))?))
}

fn enforcer(model: &str) -> Result<Enforcer> {
    Ok(pollster::block_on(async {
        let model = DefaultModel::from_str(model).await?;
        Enforcer::new(model, MemoryAdapter::default()).await
    })?)
}

fn question(context: &Value) -> Result<Question> {
    Ok(Question { scopes: scopes(context)?, component: text(context, "/component/name")?.to_owned() })
}
