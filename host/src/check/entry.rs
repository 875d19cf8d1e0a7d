//! The entry of an evaluation: the breaker of the check, and the budget of its tenant.

use std::time::Duration;

use crate::check::breaker::circuit::{Circuit, Pass};
use crate::check::configured::Configured;
use crate::fault::Fault;
use crate::outcome::Outcome;

/// An evaluation that neither the breaker nor the budget denied.
pub(super) struct Entry<'a> {
    pass: Option<Pass<'a>>,
    /// The processor time that the tenant has left; none without a bound.
    pub(super) cpu_left: Option<Duration>,
}

impl<'a> Entry<'a> {
    /// Enters an evaluation.
    ///
    /// # Errors
    /// A fault if the breaker is open, or the budget is spent. The evaluation has taken nothing from others then.
    pub(super) fn new(check: &'a Configured) -> Result<Self, Fault> {
        let pass = check.breaker.as_ref().map(Circuit::pass).transpose()?;
        let cpu_left = check.membership.tenant().take_evaluation()?;
        Ok(Self { pass, cpu_left })
    }

    /// Tells the breaker what became of the evaluation.
    pub(super) fn end(self, check: &str, outcome: &Outcome) {
        if let Some(pass) = self.pass {
            pass.end(outcome, check);
        }
    }
}
