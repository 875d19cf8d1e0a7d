//! Requests of the Authorization API 1.0, and the contexts that they become (`docs/request.md`).

use guardhouse::{AuthContext, Component};
use serde_json::{Map, Value};

use crate::door::answer::{Kind, Refusal};

/// The members of a request for a decision, as they arrived. Other members are ignored.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Members<'a> {
    subject: Option<&'a Value>,
    action: Option<&'a Value>,
    resource: Option<&'a Value>,
    context: Option<&'a Value>,
}

/// A subject, a resource or an action: an object with one or two texts, and maybe properties.
type Entity<'a> = &'a Map<String, Value>;

impl<'a> Members<'a> {
    pub(super) fn of(object: &'a Map<String, Value>) -> Self {
        Self {
            subject: object.get("subject"),
            action: object.get("action"),
            resource: object.get("resource"),
            context: object.get("context"),
        }
    }

    /// The same members, and those of `defaults` where there are none. A member replaces another one as a whole.
    pub(super) fn or(self, defaults: Self) -> Self {
        Self {
            subject: self.subject.or(defaults.subject),
            action: self.action.or(defaults.action),
            resource: self.resource.or(defaults.resource),
            context: self.context.or(defaults.context),
        }
    }

    /// Checks the members that are there.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        for (member, name, texts) in [
            (self.subject, "subject", &["type", "id"][..]),
            (self.action, "action", &["name"]),
            (self.resource, "resource", &["type", "id"]),
        ] {
            if let Some(member) = member {
                attribute(object(member, name)?, name, texts)?;
            }
        }
        self.context.map_or(Ok(()), |context| object(context, "context").map(drop))
    }

    /// The context for the checks. The subject does not become a token: nobody says that one was verified.
    pub(super) fn context(&self) -> Result<AuthContext, Refusal> {
        let subject = required(self.subject, "subject")?;
        let action = required(self.action, "action")?;
        let resource = required(self.resource, "resource")?;
        let component = Component::new(text(resource, "resource", "type")?, text(resource, "resource", "id")?);
        let mut attributes = Map::new();
        attributes.insert("subject".to_owned(), attribute(subject, "subject", &["type", "id"])?.into());
        for (entity, name) in [(action, "action"), (resource, "resource")] {
            let attribute = attribute(entity, name, &[])?;
            if !attribute.is_empty() {
                attributes.insert(name.to_owned(), attribute.into());
            }
        }
        if let Some(context) = self.context {
            attributes.insert("context".to_owned(), object(context, "context")?.clone().into());
        }
        let action = text(action, "action", "name")?;
        Ok(AuthContext::new(component).with_action(action).with_attributes(Value::Object(attributes)))
    }
}

/// The attribute of an entity: some of its texts, and its properties if it has any.
fn attribute(entity: Entity<'_>, name: &str, texts: &[&str]) -> Result<Map<String, Value>, Refusal> {
    let mut attribute = Map::new();
    for member in texts {
        attribute.insert((*member).to_owned(), text(entity, name, member)?.into());
    }
    if let Some(properties) = entity.get("properties") {
        let properties = object(properties, &format!("{name}.properties"))?;
        attribute.insert("properties".to_owned(), properties.clone().into());
    }
    Ok(attribute)
}

fn required<'a>(member: Option<&'a Value>, name: &str) -> Result<Entity<'a>, Refusal> {
    object(member.ok_or_else(|| invalid(name, "it is missing"))?, name)
}

fn object<'a>(value: &'a Value, path: &str) -> Result<Entity<'a>, Refusal> {
    value.as_object().ok_or_else(|| invalid(path, "it must be an object"))
}

fn text<'a>(entity: Entity<'a>, name: &str, member: &str) -> Result<&'a str, Refusal> {
    let path = || format!("{name}.{member}");
    let value = entity.get(member).ok_or_else(|| invalid(&path(), "it is missing"))?;
    value.as_str().ok_or_else(|| invalid(&path(), "it must be a string"))
}

pub(super) fn invalid(path: &str, reason: &str) -> Refusal {
    Refusal { path: Some(path.to_owned()), ..Refusal::new(Kind::InvalidRequest, reason) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn context(request: &Value) -> Result<AuthContext, Refusal> {
        Members::of(request.as_object().unwrap()).context()
    }

    fn good() -> Value {
        json!({
            "subject": { "type": "user", "id": "alice", "properties": { "department": "Sales" }, "other": 1 },
            "action": { "name": "delete", "properties": { "soft": true } },
            "resource": { "type": "record", "id": "record-1", "properties": { "owner": "bob" } },
            "context": { "time": "2026-08-24T09:30:00Z" },
            "futureField": null,
        })
    }

    #[test]
    fn a_request_becomes_the_context_of_the_documentation() {
        let found = context(&good()).unwrap();
        let document = include_str!("../../../../docs/request.md");
        let example = document.split("A request of an AuthZEN client:").nth(1).unwrap();
        let example = example.split("```json").nth(1).unwrap().split("```").next().unwrap();
        assert_eq!(found, example.parse::<AuthContext>().unwrap().at(found.now));
    }

    #[test]
    fn what_is_absent_is_no_attribute() {
        let request = json!({
            "subject": { "type": "user", "id": "alice" },
            "action": { "name": "read" },
            "resource": { "type": "record", "id": "record-1" },
        });
        let context = context(&request).unwrap();
        assert_eq!(context.token, None);
        assert_eq!(*context.attributes, json!({ "subject": { "type": "user", "id": "alice" } }));
    }

    #[test]
    fn each_mistake_names_its_place() {
        for (pointer, value, path) in [
            ("/subject", json!("alice"), "subject"),
            ("/subject", json!({ "id": "a" }), "subject.type"),
            ("/subject/id", json!(1), "subject.id"),
            ("/subject/properties", json!(null), "subject.properties"),
            ("/action", json!({}), "action.name"),
            ("/action/name", json!(123), "action.name"),
            ("/resource", json!([]), "resource"),
            ("/resource/properties", json!([]), "resource.properties"),
            ("/context", json!("x"), "context"),
        ] {
            let mut request = good();
            *request.pointer_mut(pointer).unwrap() = value;
            assert_eq!(context(&request).unwrap_err().path.as_deref(), Some(path), "{pointer}");
            let as_defaults = Members::of(request.as_object().unwrap()).check();
            assert_eq!(as_defaults.unwrap_err().path.as_deref(), Some(path), "{pointer}");
        }
        for name in ["subject", "action", "resource"] {
            let mut request = good();
            request.as_object_mut().unwrap().remove(name);
            assert_eq!(context(&request).unwrap_err().path.as_deref(), Some(name));
            assert_eq!(Members::of(request.as_object().unwrap()).check(), Ok(()));
        }
    }
}
