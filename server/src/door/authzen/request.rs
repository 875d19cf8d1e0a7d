//! Requests of the Authorization API 1.0, and the contexts that they become (`docs/request.md`).

use std::io;

use guardhouse::{AuthContext, Component, Json};
use serde_json::{Map, Value, json};

use crate::door::answer::{Kind, Refusal};
use crate::door::document::memory_of;

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
                let entity = object(member, name)?;
                for member in texts {
                    text(entity, name, member)?;
                }
                properties(entity, name)?;
            }
        }
        self.context.map_or(Ok(()), |context| object(context, "context").map(drop))
    }

    /// What of the request reaches the checks.
    pub(super) fn parts(&self) -> Result<Parts<'a>, Refusal> {
        let subject = required(self.subject, "subject")?;
        let action = required(self.action, "action")?;
        let resource = required(self.resource, "resource")?;
        text(subject, "subject", "type")?;
        text(subject, "subject", "id")?;
        properties(subject, "subject")?;
        Ok(Parts {
            kind: text(resource, "resource", "type")?,
            name: text(resource, "resource", "id")?,
            action: text(action, "action", "name")?,
            attributes: Attributes {
                subject,
                action: properties(action, "action")?,
                resource: properties(resource, "resource")?,
                context: self.context.map(|context| object(context, "context")).transpose()?,
            },
        })
    }
}

/// What of a valid request reaches the checks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parts<'a> {
    kind: &'a str,
    name: &'a str,
    action: &'a str,
    attributes: Attributes<'a>,
}

impl Parts<'_> {
    /// The context for the checks. The subject does not become a token: nobody says that one was verified.
    pub(super) fn context(&self) -> Result<AuthContext, Refusal> {
        Ok(self.with(self.attributes.document()?))
    }

    fn with(&self, attributes: Json) -> AuthContext {
        AuthContext::new(Component::new(self.kind, self.name)).with_action(self.action).with_attributes(attributes)
    }
}

/// What becomes the attributes of a context.
#[derive(Debug, Clone, Copy)]
struct Attributes<'a> {
    subject: Entity<'a>,
    /// The properties of the action.
    action: Option<Entity<'a>>,
    /// The properties of the resource.
    resource: Option<Entity<'a>>,
    context: Option<Entity<'a>>,
}

impl Attributes<'_> {
    fn document(&self) -> Result<Json, Refusal> {
        let mut attributes = Map::new();
        attributes.insert("subject".to_owned(), attribute(self.subject, "subject", &["type", "id"])?.into());
        for (properties, name) in [(self.action, "action"), (self.resource, "resource")] {
            if let Some(properties) = properties {
                attributes.insert(name.to_owned(), json!({ "properties": properties }));
            }
        }
        if let Some(context) = self.context {
            attributes.insert("context".to_owned(), context.clone().into());
        }
        Ok(Value::Object(attributes).into())
    }

    /// Whether both are the same places of a document.
    fn are(&self, other: &Self) -> bool {
        let are = |one: Option<Entity<'_>>, other: Option<Entity<'_>>| match (one, other) {
            (Some(one), Some(other)) => std::ptr::eq(one, other),
            (one, other) => one.is_none() && other.is_none(),
        };
        std::ptr::eq(self.subject, other.subject)
            && are(self.action, other.action)
            && are(self.resource, other.resource)
            && are(self.context, other.context)
    }
}

/// The contexts of several requests, made one after the other. Requests in a row with the same attributes share them.
#[derive(Debug, Default)]
pub(super) struct Contexts<'a> {
    last: Option<(Attributes<'a>, Json)>,
}

impl<'a> Contexts<'a> {
    /// The context of the next request.
    pub(super) fn next(&mut self, parts: &Parts<'a>) -> Result<AuthContext, Refusal> {
        let attributes = match &self.last {
            Some((attributes, document)) if attributes.are(&parts.attributes) => document.clone(),
            _ => parts.attributes.document()?,
        };
        self.last = Some((parts.attributes, attributes.clone()));
        Ok(parts.with(attributes))
    }
}

/// The members that stand for all of several requests, and their sizes.
#[derive(Debug)]
pub(super) struct Defaults<'a> {
    members: Members<'a>,
    subject: Size,
    action: Size,
    resource: Size,
    context: Size,
    /// The size of what requests copied of them.
    copied: Size,
    last: Option<Attributes<'a>>,
}

/// The size of values, in bytes.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    /// As JSON text.
    text: usize,
    /// Of a copy in memory.
    memory: usize,
}

impl Size {
    fn of(value: Option<&Value>) -> Self {
        value.map_or_else(Self::default, |value| Self { text: text_bytes(value), memory: memory_of(value) })
    }

    fn of_texts(bytes: usize) -> Self {
        Self { text: bytes, memory: bytes }
    }

    fn add(&mut self, other: Self) {
        self.text = self.text.saturating_add(other.text);
        self.memory = self.memory.saturating_add(other.memory);
    }
}

impl<'a> Defaults<'a> {
    pub(super) fn of(root: &'a Map<String, Value>) -> Result<Self, Refusal> {
        let members = Members::of(root);
        members.check()?;
        let Members { subject, action, resource, context } = members;
        Ok(Self {
            members,
            subject: Size::of(subject),
            action: Size::of(action),
            resource: Size::of(resource),
            context: Size::of(context),
            copied: Size::default(),
            last: None,
        })
    }

    /// What of a request reaches the checks, with the defaults that it has no members for.
    pub(super) fn parts(&mut self, item: &'a Value) -> Result<Parts<'a>, Refusal> {
        let item = item.as_object().ok_or_else(|| Refusal::new(Kind::InvalidRequest, "it must be an object"))?;
        let own = Members::of(item);
        let parts = own.or(self.members).parts()?;
        let is_shared = self.last.as_ref().is_some_and(|last| last.are(&parts.attributes));
        let texts = |member: Option<&Value>, bytes: usize| if member.is_none() { bytes } else { 0 };
        let texts = texts(own.resource, parts.kind.len() + parts.name.len()) + texts(own.action, parts.action.len());
        self.copied.add(Size::of_texts(texts));
        if !is_shared {
            for (member, size) in [
                (own.subject, self.subject),
                (own.action, self.action),
                (own.resource, self.resource),
                (own.context, self.context),
            ] {
                if member.is_none() {
                    self.copied.add(size);
                }
            }
        }
        self.last = Some(parts.attributes);
        Ok(parts)
    }

    /// The bytes of JSON text that the requests so far copied.
    pub(super) fn copied(&self) -> usize {
        self.copied.text
    }

    /// The memory of those copies, in bytes.
    pub(super) fn copied_memory(&self) -> usize {
        self.copied.memory
    }
}

/// The size of a value as JSON text, in bytes.
fn text_bytes(value: &Value) -> usize {
    struct Count(usize);
    impl io::Write for Count {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0 = self.0.saturating_add(text.len());
            Ok(text.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    serde_json::to_writer(&mut count, value).map_or(usize::MAX, |()| count.0)
}

/// The attribute of an entity: some of its texts, and its properties if it has any.
fn attribute(entity: Entity<'_>, name: &str, texts: &[&str]) -> Result<Map<String, Value>, Refusal> {
    let mut attribute = Map::new();
    for member in texts {
        attribute.insert((*member).to_owned(), text(entity, name, member)?.into());
    }
    if let Some(properties) = properties(entity, name)? {
        attribute.insert("properties".to_owned(), properties.clone().into());
    }
    Ok(attribute)
}

fn properties<'a>(entity: Entity<'a>, name: &str) -> Result<Option<Entity<'a>>, Refusal> {
    entity.get("properties").map(|properties| object(properties, &format!("{name}.properties"))).transpose()
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
        Members::of(request.as_object().unwrap()).parts()?.context()
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

    #[test]
    fn defaults_are_counted_as_often_as_they_are_copied() {
        let mut request = good();
        let bytes = |name: &str| good()[name].to_string().len();
        let texts = "recordrecord-1delete".len();
        request["evaluations"] = json!([
            {},
            {},
            { "resource": { "type": "record", "id": "record-2" } },
            { "resource": { "type": "record", "id": "record-3" } },
            { "subject": { "type": "user", "id": "bob" }, "context": {} },
            { "subject": [] },
        ]);
        let all = bytes("subject") + bytes("action") + bytes("resource") + bytes("context");
        let mut expected = [
            all + texts,
            // The attributes are those of the first.
            texts,
            bytes("subject") + bytes("action") + bytes("context") + "delete".len(),
            "delete".len(),
            bytes("action") + bytes("resource") + texts,
            0,
        ]
        .into_iter();
        let mut defaults = Defaults::of(request.as_object().unwrap()).unwrap();
        let mut contexts = Contexts::default();
        let mut made = Vec::new();
        for item in request["evaluations"].as_array().unwrap() {
            let before = defaults.copied();
            let parts = defaults.parts(item);
            assert_eq!(defaults.copied() - before, expected.next().unwrap(), "{item}");
            made.extend(parts.map(|parts| contexts.next(&parts).unwrap()));
        }
        let [first, second, third, _, fifth] = &made[..] else { panic!("{}", made.len()) };
        assert!(std::ptr::eq(&raw const *first.attributes, &raw const *second.attributes));
        assert_eq!(first.attributes["resource"]["properties"]["owner"], "bob");
        assert_eq!((&*third.component.name, third.attributes.get("resource")), ("record-2", None));
        assert_eq!((&fifth.attributes["subject"]["id"], &fifth.attributes["context"]), (&json!("bob"), &json!({})));
    }
}
