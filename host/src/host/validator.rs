//! The validator of settings: a built-in plugin, because a stranger's schema must not be evaluated in the host's own
//! code, which nothing could stop.

use std::sync::{Arc, Mutex};

use crate::code::Toolchain;
use crate::code::linked::Linked;
use crate::code::shape::Shape;
use crate::code::source::Source;
use crate::digest::Digest;
use crate::engine::config::Strategy;
use crate::error::{LoadError, Violation};
use crate::fault::Fault;
use crate::limits::HostLimits;
use crate::tuning::KEPT_VALIDATIONS;
use crate::util::lock::lock;
use crate::util::memo::Memo;

const BYTES: &[u8] = include_bytes!("../../builtin/validate-settings.wasm");

/// The validator of one host, and its recent results.
pub(crate) struct Validator {
    code: Mutex<Option<Arc<Linked>>>,
    /// By the digest of a schema, settings, and the processor time of the validation.
    pub(crate) validated: Memo<Digest, Validity>,
}

/// The result of a validation. Equal schemas and settings have equal ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Validity {
    Valid,
    Invalid(Violation),
    /// The schema is invalid, for this reason.
    BadSchema(String),
    /// The validation failed, in a way that another attempt would repeat.
    Failed(Fault),
}

impl Validator {
    pub(super) fn new() -> Self {
        Self { code: Mutex::default(), validated: Memo::new(KEPT_VALIDATIONS) }
    }

    /// The code of the validator, made on first use. A failure is not kept: a compiler may have been busy.
    pub(crate) fn code(&self, toolchain: &Toolchain) -> Result<Arc<Linked>, LoadError> {
        let mut code = lock(&self.code);
        if let Some(linked) = &*code {
            return Ok(Arc::clone(linked));
        }
        let load = || {
            // The limits of the host are for plugins of strangers.
            let shape = Shape::read(BYTES, &HostLimits::default())?;
            let source = Source::borrowed(BYTES);
            // It runs rarely, so compiling it fast matters more than running it fast.
            let linked = Linked::load(toolchain, &source, &shape, Strategy::Baseline);
            linked.or_else(|_| Linked::load(toolchain, &source, &shape, Strategy::Optimized)).map(Arc::new)
        };
        Ok(Arc::clone(code.insert(load()?)))
    }
}
