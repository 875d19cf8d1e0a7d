//! cedar-policy: the policy language Cedar.

use anyhow::Result;
use cedar_policy::{Authorizer, Context, Decision, Entities, EntityId, EntityTypeName, EntityUid, PolicySet, Request};
use serde_json::Value;

use crate::context::text;
use crate::meter::Meter;

const POLICY: &str = r#"
permit(principal, action == Action::"call", resource)
when { context.token.scopes.containsAll(["read", "scope-17"]) };
"#;

/// A request before it is converted to Cedar's types.
struct Input {
    client: String,
    component: String,
    json: String,
}

/// The names of the types, parsed once.
struct Types {
    client: EntityTypeName,
    action: EntityTypeName,
    component: EntityTypeName,
}

pub(crate) fn measure(meter: &Meter) -> Result<()> {
    let authorizer = Authorizer::new();
    let policies: PolicySet = POLICY.parse()?;
    let entities = Entities::empty();
    let types = Types { client: "Client".parse()?, action: "Action".parse()?, component: "Component".parse()? };
    let allows =
        |request: &Request| authorizer.is_authorized(request, &policies, &entities).decision() == Decision::Allow;
    meter.measure("cedar_json", input, |input| Ok(allows(&request(&types, input)?)))?;
    meter.measure("cedar_prebuilt", |context| request(&types, &input(context)?), |request| Ok(allows(request)))
}

fn input(context: &Value) -> Result<Input> {
    Ok(Input {
        client: text(context, "/token/client_id")?.to_owned(),
        component: text(context, "/component/name")?.to_owned(),
        json: context.to_string(),
    })
}

fn request(types: &Types, input: &Input) -> Result<Request> {
    let uid = |name: &EntityTypeName, id: &str| EntityUid::from_type_name_and_id(name.clone(), EntityId::new(id));
    let context = Context::from_json_str(&input.json, None)?;
    let principal = uid(&types.client, &input.client);
    let resource = uid(&types.component, &input.component);
    Ok(Request::new(principal, uid(&types.action, "call"), resource, context, None)?)
}
