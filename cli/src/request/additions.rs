//! What an enforcement point knows of a request, and the request does not say.

use anyhow::{Context, Result, bail};
use clap::Args;
use guardhouse::{AuthContext, Json};
use serde_json::{Map, Value, json};

use crate::input::Document;

/// Parts of the context that are given on the command line.
#[derive(Debug, Args)]
pub(crate) struct Additions {
    /// Members of the component that the request does not say, such as `{"tags": ["payments"]}`; they replace those
    /// that it says
    #[arg(long, value_name = "JSON|@FILE")]
    component: Option<Document>,

    /// Members of the attributes, such as `{"peer": {"address": "192.0.2.7"}}`; they replace those of the request
    #[arg(long, value_name = "JSON|@FILE")]
    attributes: Option<Document>,

    /// The time of the request, in seconds since the Unix epoch [default: now]
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    now: Option<i64>,

    /// The client of a token that has no claim with one
    #[arg(long, value_name = "ID")]
    pub(crate) client_id: Option<String>,

    /// Write the secret of the token into the context too, for plugins with the grant `raw-token`
    #[arg(long)]
    raw_token: bool,
}

impl Additions {
    /// Whether members of the component are given.
    pub(crate) fn has_component(&self) -> bool {
        self.component.is_some()
    }

    /// The members of the component that are given.
    pub(crate) fn component(&self) -> Result<Map<String, Value>> {
        members(self.component.as_ref(), "--component")
    }

    /// The JSON form of a context with these parts, without what is empty.
    pub(crate) fn complete(&self, context: &AuthContext, secret: Option<&str>) -> Result<Value> {
        let mut value = serde_json::to_value(context).context("cannot write the context as JSON")?;
        merge(&mut value, "component", self.component()?);
        merge(&mut value, "attributes", members(self.attributes.as_ref(), "--attributes")?);
        if let Some(now) = self.now {
            set(&mut value, "now", now.into());
        }
        if let (true, Some(secret), Some(token)) = (self.raw_token, secret, value.get_mut("token")) {
            set(token, "raw", secret.into());
        }
        for (part, name) in [
            ("", "token"),
            ("", "action"),
            ("", "attributes"),
            ("/token", "scopes"),
            ("/token", "raw"),
            ("/token", "claims"),
            ("/component", "tags"),
            ("/component", "detail"),
        ] {
            remove_empty(value.pointer_mut(part), name);
        }
        // What is printed is what `check` reads.
        let text = value.to_string();
        let read = AuthContext::from_slice(text.as_bytes()).context("the context is invalid with the given parts")?;
        if read.component.name.is_empty() {
            bail!("the request does not say the name of the component: give it by `--component '{{\"name\": \"…\"}}'`");
        }
        Ok(value)
    }
}

/// The members of an object that is an option.
fn members(document: Option<&Document>, option: &str) -> Result<Map<String, Value>> {
    let Some(document) = document else { return Ok(Map::new()) };
    let json = document.parse(&format!("`{option}`"), AuthContext::MAX_BYTES, Json::from_slice)?;
    json.as_object().cloned().with_context(|| format!("`{option}` is not a JSON object"))
}

fn merge(value: &mut Value, name: &str, members: Map<String, Value>) {
    if let Some(Value::Object(object)) = value.get_mut(name) {
        object.extend(members);
    }
}

fn set(object: &mut Value, name: &str, value: Value) {
    if let Some(members) = object.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}

fn remove_empty(object: Option<&mut Value>, name: &str) {
    let Some(Value::Object(members)) = object else { return };
    if members.get(name).is_some_and(|value| [Value::Null, json!(""), json!([]), json!({})].contains(value)) {
        members.remove(name);
    }
}
