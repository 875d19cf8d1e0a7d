use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::bindings::guardhouse::auth;
use crate::fault::fault;
#[cfg(not(target_family = "wasm"))]
use crate::testing::Documents;
use crate::{AccessToken, Component};

/// One request, as a check sees it. It is the same for every check of one decision.
///
/// The methods that take a JSON pointer ([RFC 6901](https://www.rfc-editor.org/rfc/rfc6901)) fetch
/// a part of the request from the host; `""` is the whole document. A plugin that does not call them
/// does not import them, and they cost nothing. Each exists twice: it returns a [`Value`] or, with
/// the suffix `_as`, a type of your own.
#[derive(Debug)]
pub struct AuthContext {
    record: auth::types::AuthContext,
    source: Source,
}

/// The source of the documents of a request.
#[derive(Debug)]
enum Source {
    Host,
    #[cfg(not(target_family = "wasm"))]
    Test(Box<Documents>),
}

impl AuthContext {
    /// The verified access token; `None` if the caller did not authenticate.
    pub fn token(&self) -> Option<&AccessToken> {
        self.record.token.as_ref()
    }

    /// The component being accessed.
    pub fn component(&self) -> &Component {
        &self.record.component
    }

    /// The component being accessed, if it is a tool.
    pub fn tool(&self) -> Option<&Component> {
        Some(self.component()).filter(|component| component.kind == "tool")
    }

    /// The action on the component, for example `tools/call` or `tools/list`.
    pub fn action(&self) -> &str {
        &self.record.action
    }

    /// Seconds since the Unix epoch, the same for every check of one decision.
    pub fn now(&self) -> i64 {
        self.record.now
    }

    /// The bearer secret, which needs the grant `raw-token`; `None` if the caller did not authenticate
    /// or the enforcement point did not pass it on.
    pub fn raw_token(&self) -> Option<String> {
        match &self.source {
            Source::Host => auth::raw_token::get(),
            #[cfg(not(target_family = "wasm"))]
            Source::Test(documents) => documents.raw_token.clone(),
        }
    }

    /// The context that the host passed to an export.
    pub(crate) fn from_host(record: auth::types::AuthContext) -> Self {
        Self { record, source: Source::Host }
    }

    /// The context of a unit test.
    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn from_test(record: auth::types::AuthContext, documents: Documents) -> Self {
        Self { record, source: Source::Test(Box::new(documents)) }
    }
}

/// The functions of the `request` interface, each as a pair of methods.
macro_rules! request {
    ($($(#[$doc:meta])* $name:ident $name_as:ident $document:ident)*) => {
        impl AuthContext {
            $(
                $(#[$doc])*
                pub fn $name(&self, pointer: &str) -> Option<Value> {
                    match &self.source {
                        Source::Host => auth::request::$name(pointer).map(|json| parse(&json)),
                        #[cfg(not(target_family = "wasm"))]
                        Source::Test(documents) => {
                            let pointer = well_formed(pointer);
                            documents.$document.as_ref()?.pointer(pointer).cloned()
                        }
                    }
                }

                $(#[$doc])*
                ///
                /// # Errors
                ///
                /// The value exists, but is not a `T`.
                pub fn $name_as<T: DeserializeOwned>(&self, pointer: &str) -> Result<Option<T>, serde_json::Error> {
                    match &self.source {
                        Source::Host => auth::request::$name(pointer).map(|json| serde_json::from_str(&json)).transpose(),
                        #[cfg(not(target_family = "wasm"))]
                        Source::Test(_) => self.$name(pointer).map(serde_json::from_value).transpose(),
                    }
                }
            )*
        }
    };
}

/// Panics if `pointer` is not a JSON pointer. In a plugin, it is a fault.
#[cfg(not(target_family = "wasm"))]
fn well_formed(pointer: &str) -> &str {
    let is_escaped = pointer.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    assert!(
        pointer.is_empty() || (pointer.starts_with('/') && is_escaped),
        "`{pointer}` is no JSON pointer: those begin with `/`, and have 0 or 1 after `~`"
    );
    pointer
}

request! {
    /// A claim of the token; `None` without a token or without the claim.
    claim claim_as claims

    /// A detail of the component: its title, description, input schema, annotations, meta and
    /// anything else that the enforcement point knows of it.
    detail detail_as details

    /// An argument of the call; `None` if the action is not a call, for example a list.
    argument argument_as arguments

    /// An attribute that the enforcement point sent: a header, the peer address, AuthZEN context.
    attribute attribute_as attributes
}

/// Parses a document. Invalid JSON, for example nested too deep, is a fault, and not an absent
/// document.
fn parse(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_else(|_| fault("the host sent a document that cannot be parsed"))
}
