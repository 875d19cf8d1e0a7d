use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::bindings::guardhouse::auth;
use crate::fault::fault;
#[cfg(not(target_family = "wasm"))]
use crate::testing::Documents;
use crate::{AccessToken, Component};

/// One request, as a check sees it. Every check of one decision sees the same.
///
/// The methods that take a JSON pointer ([RFC 6901](https://www.rfc-editor.org/rfc/rfc6901)) fetch
/// the rest of the request from the host; `""` is the whole document. A plugin that calls none of
/// them does not import them and pays nothing. Each comes twice: as a [`Value`] and, named `_as`, as
/// a type of your own.
#[derive(Debug)]
pub struct AuthContext {
    record: auth::types::AuthContext,
    source: Source,
}

/// Where the rest of the request comes from.
#[derive(Debug)]
enum Source {
    Host,
    #[cfg(not(target_family = "wasm"))]
    Test(Box<Documents>),
}

impl AuthContext {
    /// The verified access token; none if the caller did not authenticate.
    pub fn token(&self) -> Option<&AccessToken> {
        self.record.token.as_ref()
    }

    /// What is being accessed.
    pub fn component(&self) -> &Component {
        &self.record.component
    }

    /// What is being accessed, if it is a tool.
    pub fn tool(&self) -> Option<&Component> {
        Some(self.component()).filter(|component| component.kind == "tool")
    }

    /// What is being done, for example `tools/call` or `tools/list`.
    pub fn action(&self) -> &str {
        &self.record.action
    }

    /// Seconds since the Unix epoch, the same for every check of one decision.
    pub fn now(&self) -> i64 {
        self.record.now
    }

    /// The bearer secret itself, to which the operator must have granted `raw-token`; none if the
    /// caller did not authenticate or the enforcement point did not pass it on.
    pub fn raw_token(&self) -> Option<String> {
        match &self.source {
            Source::Host => auth::raw_token::get(),
            #[cfg(not(target_family = "wasm"))]
            Source::Test(documents) => documents.raw_token.clone(),
        }
    }

    /// The context that the host handed to an export.
    pub(crate) fn from_host(record: auth::types::AuthContext) -> Self {
        Self { record, source: Source::Host }
    }

    /// The context that a unit test made up.
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
                /// It is there, but is no `T`.
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

/// A JSON pointer as it is. The host ends a plugin that asks for anything else.
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
    /// A claim of the token; none without a token or without the claim.
    claim claim_as claims

    /// A detail of the component: its title, description, input schema, annotations, meta and
    /// whatever else the enforcement point knows of it.
    detail detail_as details

    /// An argument of the call; none where nothing is called, as in a list.
    argument argument_as arguments

    /// Anything else that the enforcement point sent: headers, peer address, AuthZEN context.
    attribute attribute_as attributes
}

/// The host sends JSON. What does not parse all the same (it may be nested too deep) must not pass
/// for something absent.
fn parse(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_else(|_| fault("the host sent a document that cannot be parsed"))
}
