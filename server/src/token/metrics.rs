//! Metrics of verification. Their labels are names of the configuration.

use std::sync::atomic::Ordering;

use super::issuer::{Outcome, Source};
use super::{Issuer, Tokens};
use crate::observe::metrics::exposition::Exposition;

/// The label of tokens that are of no issuer.
const NONE: &str = "none";

impl Tokens {
    /// Writes the metrics.
    pub fn write_metrics(&self, exposition: &mut Exposition) {
        let trust = self.0.trust.load();
        let name = |issuer: &Issuer| issuer.config.name.clone();
        let help = "Tokens of end users by issuer and outcome.";
        let mut verifications = exposition.counter("guardhouse_token_verifications_total", help);
        let counts = trust.issuers.iter().map(|issuer| (name(issuer), &issuer.counts));
        for (issuer, counts) in counts.chain([(NONE.to_owned(), &self.0.unknown)]) {
            for outcome in Outcome::ALL {
                let labels = [("issuer", issuer.as_str()), ("outcome", outcome.as_str())];
                verifications.sample(&labels, counts.get(outcome));
            }
        }
        let help = "Questions to issuers, for their keys or about a token, by result.";
        let mut questions = exposition.counter("guardhouse_issuer_questions_total", help);
        for issuer in &trust.issuers {
            let (answered, failed) = match &issuer.source {
                Source::Keys(keys) => (keys.fetches().fetched, keys.fetches().failed),
                Source::Introspection(asked) => {
                    (asked.answered.load(Ordering::Relaxed), asked.failed.load(Ordering::Relaxed))
                }
            };
            for (result, number) in [("answered", answered), ("failed", failed)] {
                questions.sample(&[("issuer", &issuer.config.name), ("result", result)], number);
            }
        }
        let help = "Time since the key set of an issuer was fetched, in seconds.";
        let mut ages = exposition.gauge("guardhouse_issuer_keys_age_seconds", help);
        for issuer in &trust.issuers {
            if let Source::Keys(keys) = &issuer.source
                && let Some(age) = keys.fetches().age
            {
                ages.sample(&[("issuer", &issuer.config.name)], age);
            }
        }
        let help = "Keys of an issuer that can verify a signature.";
        let mut keys_held = exposition.gauge("guardhouse_issuer_keys", help);
        for issuer in &trust.issuers {
            if let Source::Keys(keys) = &issuer.source {
                keys_held.sample(&[("issuer", &issuer.config.name)], keys.fetches().keys);
            }
        }
    }
}
