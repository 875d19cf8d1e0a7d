//! The settings schema of a plugin, which is untrusted, and the validation of settings.

mod references;
mod simple;

use serde_json::Value;

use crate::error::ConfigError;
use crate::fault::Fault;
use crate::host::Host;
use crate::host::validator::Validity;
use crate::limits::Limits;
use crate::plugin::schema::references::count_subschemas;
use crate::plugin::schema::simple::Simple;
use crate::plugin::validate::validate;
use crate::request::json::Json;
use crate::tenant::Tenant;

/// A JSON Schema (2020-12) that is closed: it refers to nothing outside itself and is not recursive.
pub(crate) struct Schema {
    document: Json,
    text: String,
    /// The schema as the host itself evaluates it, if its time and memory have a simple bound.
    simple: Option<Simple>,
}

impl Schema {
    /// Reads a schema. The error says which rule it breaks. A schema that is not [`Simple`] is compiled in the
    /// validator.
    pub(super) fn parse(host: &Host, owner: Option<&Tenant>, text: String) -> Result<Self, String> {
        let limits = host.limits();
        if text.len() > limits.schema_bytes {
            let (length, cap) = (text.len(), limits.schema_bytes);
            return Err(format!("{length} bytes, over the cap of {cap} bytes (`HostLimits::schema_bytes`)"));
        }
        let document = Json::from_slice(text.as_bytes()).map_err(|error| error.to_string())?;
        let nodes = count_subschemas(&document, limits)?;
        let simple = Simple::new(&document, nodes)?;
        if simple.is_none() {
            let failed = |fault: &Fault| format!("it cannot be compiled: {fault}");
            let owner = owner.cloned().unwrap_or_else(|| host.tenants().get(None));
            let validity = validate(host, &owner, &text, None, &Limits::default()).map_err(|fault| failed(&fault))?;
            match &*validity {
                Validity::Valid => {}
                Validity::BadSchema(reason) => return Err(reason.clone()),
                Validity::Invalid(violation) => return Err(violation.reason.clone()),
                Validity::Failed(fault) => return Err(failed(fault)),
            }
        }
        Ok(Self { document, text, simple })
    }

    pub(super) fn document(&self) -> &Json {
        &self.document
    }

    /// Validates settings, which have this text, at the cost of `owner`. The error is the first violation, or the fault of a
    /// validation that was stopped.
    pub(crate) fn check(
        &self,
        host: &Host,
        owner: &Tenant,
        settings: &Value,
        text: &str,
        limits: &Limits,
    ) -> Result<(), ConfigError> {
        if let Some(simple) = self.simple.as_ref().filter(|simple| simple.can_validate(text)) {
            return simple.validate(settings).map_err(ConfigError::Schema);
        }
        match &*validate(host, owner, &self.text, Some(text), limits).map_err(ConfigError::Validation)? {
            Validity::Valid => Ok(()),
            Validity::Invalid(violation) => Err(ConfigError::Schema(violation.clone())),
            Validity::Failed(fault) => Err(ConfigError::Validation(fault.clone())),
            // It was compiled when the plugin was loaded.
            Validity::BadSchema(reason) => Err(ConfigError::Validation(Fault::host(reason))),
        }
    }
}
