//! The validator of settings: a built-in plugin, because an untrusted schema must not be evaluated in the host's own
//! code, which nothing could stop.

use std::sync::Arc;
use std::time::Instant;

use crate::code::Toolchain;
use crate::code::linked::Linked;
use crate::code::shape::Shape;
use crate::code::source::Source;
use crate::digest::Digest;
use crate::engine::config::Strategy;
use crate::error::Violation;
use crate::fault::Fault;
use crate::guest::reason::Reason;
use crate::limits::HostLimits;
use crate::tuning::KEPT_VALIDATIONS;
use crate::util::memo::Memo;

const BYTES: &[u8] = include_bytes!("../../builtin/validate-settings.wasm");

/// The validator of one host, and its recent results.
pub(crate) struct Validator {
    code: Memo<(), Linked>,
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
        Self { code: Memo::new(1), validated: Memo::new(KEPT_VALIDATIONS) }
    }

    /// The code of the validator, made on first use. A failure is not kept: a compiler may have been busy.
    pub(crate) fn code(&self, toolchain: &Toolchain) -> Result<Arc<Linked>, Reason> {
        // Another thread that makes it is done by then.
        let end = Instant::now() + toolchain.limits.compiler_time.saturating_mul(2);
        self.code.get((), end, || {
            // The limits of the host are for untrusted plugins.
            let shape = Shape::read(BYTES, &HostLimits::default())?;
            let source = Source::borrowed(BYTES);
            // It runs rarely, so compiling it fast matters more than running it fast. A host that starts no plugin with
            // baseline code has no room for the pool of another engine.
            if toolchain.baseline_bytes < usize::MAX
                && let Ok(linked) = Linked::load(toolchain, None, &source, &shape, Strategy::Baseline)
            {
                return Ok(linked);
            }
            Ok(Linked::load(toolchain, None, &source, &shape, Strategy::Optimized)?)
        })
    }
}
