//! Contexts for a plugin's unit tests. They run natively, without a host.
//!
//! ```
//! use guardhouse_sdk::testing::ContextBuilder;
//!
//! let ctx = ContextBuilder::tool("transfer").scopes(["pay"]).argument("amount", 250).build();
//! assert!(ctx.token().is_some_and(|token| token.has_scope("pay")));
//! assert_eq!(ctx.argument_as::<u64>("/amount").unwrap(), Some(250));
//! ```

use schemars::JsonSchema;
use serde_json::{Map, Value, json};

use crate::bindings::guardhouse::auth::types;
use crate::{AccessToken, AuthContext, Component};

/// Builds an [`AuthContext`].
///
/// By default there are no token, no tags and no arguments, details and attributes are empty, and the
/// time is 0. The methods that set a property of the token create one, with empty claims.
#[derive(Debug, Clone)]
pub struct ContextBuilder {
    record: types::AuthContext,
    documents: Documents,
}

/// The documents of a request in a unit test.
#[derive(Debug, Clone, Default)]
pub(crate) struct Documents {
    pub(crate) claims: Option<Value>,
    pub(crate) details: Option<Value>,
    pub(crate) arguments: Option<Value>,
    pub(crate) attributes: Option<Value>,
    pub(crate) raw_token: Option<String>,
}

impl ContextBuilder {
    /// Starts a call of the tool `name`. The action is `tools/call`.
    pub fn tool(name: &str) -> Self {
        Self::component("tool", name).action("tools/call")
    }

    /// Starts a read of the resource `name` at `uri`. The action is `resources/read`.
    pub fn resource(name: &str, uri: &str) -> Self {
        Self::component("resource", name).uri(uri).action("resources/read")
    }

    /// Starts a use of the prompt `name`. The action is `prompts/get`.
    pub fn prompt(name: &str) -> Self {
        Self::component("prompt", name).action("prompts/get")
    }

    /// Starts an access to a component of any kind. The action is empty.
    pub fn component(kind: &str, name: &str) -> Self {
        let component =
            Component { kind: kind.to_owned(), name: name.to_owned(), uri: None, version: None, tags: Vec::new() };
        Self {
            record: types::AuthContext { token: None, component, action: String::new(), now: 0 },
            documents: Documents { details: Some(json!({})), attributes: Some(json!({})), ..Documents::default() },
        }
    }

    /// The finished context.
    pub fn build(self) -> AuthContext {
        AuthContext::from_test(self.record, self.documents)
    }

    /// Sets the action on the component.
    pub fn action(mut self, action: &str) -> Self {
        self.record.action = action.to_owned();
        self
    }

    /// Sets the time, in seconds since the Unix epoch.
    pub fn now(mut self, now: i64) -> Self {
        self.record.now = now;
        self
    }

    /// Sets the component's URI.
    pub fn uri(mut self, uri: &str) -> Self {
        self.record.component.uri = Some(uri.to_owned());
        self
    }

    /// Sets the component's version.
    pub fn version(mut self, version: &str) -> Self {
        self.record.component.version = Some(version.to_owned());
        self
    }

    /// Sets the component's tags.
    pub fn tags<S: Into<String>>(mut self, tags: impl IntoIterator<Item = S>) -> Self {
        self.record.component.tags = tags.into_iter().map(Into::into).collect();
        self
    }

    /// Adds a token with only defaults, unless there is one.
    pub fn token(self) -> Self {
        self.with_token(|_| {})
    }

    /// Sets the token's client, which is `client` by default.
    pub fn client_id(self, client_id: &str) -> Self {
        self.with_token(|token| token.client_id = client_id.to_owned())
    }

    /// Sets the token's subject.
    pub fn subject(self, subject: &str) -> Self {
        self.with_token(|token| token.subject = Some(subject.to_owned()))
    }

    /// Sets the token's scopes.
    pub fn scopes<S: Into<String>>(self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.with_token(|token| token.scopes = scopes.into_iter().map(Into::into).collect())
    }

    /// Sets the token's expiry, in seconds since the Unix epoch.
    pub fn expires_at(self, expires_at: i64) -> Self {
        self.with_token(|token| token.expires_at = Some(expires_at))
    }

    /// Sets the resource that the token was issued for.
    pub fn resource_indicator(self, resource_indicator: &str) -> Self {
        self.with_token(|token| token.resource_indicator = Some(resource_indicator.to_owned()))
    }

    /// Sets the bearer secret.
    pub fn raw_token(self, raw_token: &str) -> Self {
        let mut builder = self.token();
        builder.documents.raw_token = Some(raw_token.to_owned());
        builder
    }

    /// Sets one claim of the token.
    pub fn claim(self, name: &str, value: impl Into<Value>) -> Self {
        let mut builder = self.token();
        insert(&mut builder.documents.claims, name, value.into());
        builder
    }

    /// Sets all claims of the token.
    pub fn claims(self, claims: Value) -> Self {
        let mut builder = self.token();
        builder.documents.claims = Some(claims);
        builder
    }

    /// Sets one argument of the call.
    pub fn argument(mut self, name: &str, value: impl Into<Value>) -> Self {
        insert(&mut self.documents.arguments, name, value.into());
        self
    }

    /// Sets all arguments of the call.
    pub fn arguments(mut self, arguments: Value) -> Self {
        self.documents.arguments = Some(arguments);
        self
    }

    /// Sets one detail of the component.
    pub fn detail(mut self, name: &str, value: impl Into<Value>) -> Self {
        insert(&mut self.documents.details, name, value.into());
        self
    }

    /// Sets all details of the component.
    pub fn details(mut self, details: Value) -> Self {
        self.documents.details = Some(details);
        self
    }

    /// Sets one attribute of the request.
    pub fn attribute(mut self, name: &str, value: impl Into<Value>) -> Self {
        insert(&mut self.documents.attributes, name, value.into());
        self
    }

    /// Sets all attributes of the request.
    pub fn attributes(mut self, attributes: Value) -> Self {
        self.documents.attributes = Some(attributes);
        self
    }

    fn with_token(mut self, change: impl FnOnce(&mut AccessToken)) -> Self {
        self.documents.claims.get_or_insert_with(|| json!({}));
        change(self.record.token.get_or_insert_with(|| AccessToken {
            client_id: "client".to_owned(),
            subject: None,
            scopes: Vec::new(),
            expires_at: None,
            resource_indicator: None,
        }));
        self
    }
}

/// Compares a schema file, as [`export!`](crate::export) takes one, with the schema that is derived
/// from the type.
///
/// # Panics
///
/// The two differ. The message shows the derived schema.
pub fn assert_schema<T: JsonSchema>(file: &str) {
    let derived = schemars::schema_for!(T).to_value();
    let same = serde_json::from_str::<Value>(file).is_ok_and(|written| written == derived);
    assert!(same, "the schema file should hold:\n{derived:#}");
}

/// Adds a member to a document, and replaces a document that is not an object.
fn insert(document: &mut Option<Value>, name: &str, value: Value) {
    match document {
        Some(Value::Object(members)) => {
            members.insert(name.to_owned(), value);
        }
        _ => *document = Some(Value::Object(Map::from_iter([(name.to_owned(), value)]))),
    }
}
