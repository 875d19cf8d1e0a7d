//! Policies: the rules of one tenant, as plain data. Nothing here runs a plugin.

pub mod bounds;
pub mod caps;
pub mod cases;
mod coverage;
pub(crate) mod document;
pub(crate) mod fields;
pub(crate) mod findings;
pub mod first;
pub mod folder;
mod json;
mod locate;
mod normal;
pub mod pattern;
mod read;
pub mod read_folder;
pub mod schema;
pub mod selector;

use std::fmt;
use std::sync::Arc;

use guardhouse::{Breaker, Digest, Grants, ImagePolicy, Json, Limits};
use serde::{Deserialize, Serialize};

pub use crate::policy::locate::locate;

use crate::log_rules::LogRules;
use crate::policy::folder::Bytes;
use crate::policy::selector::{NotNormal, Selector, Target};

/// The policy of one tenant.
///
/// A request must pass all checks under [`always`](Self::always). Then the first rule that matches it decides alone. A
/// request that no rule matches is denied.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// The digest of the folder that the policy was read from.
    pub digest: Digest,
    /// The mode of the checks under `always`, and of every rule without a mode of its own.
    pub mode: Mode,
    /// What the decision log may say of the requests.
    pub log: Arc<LogRules>,
    /// The checks, by the names that rules use. Expressions refer to them by index.
    pub checks: Vec<CheckSpec>,
    /// The checks that every request must pass, in order.
    pub always: Vec<Expression>,
    /// The rules, in order.
    pub rules: Vec<Rule>,
}

impl Policy {
    /// The first rule that matches `target`, with its index.
    ///
    /// # Errors
    /// [`NotNormal`] if that takes more than [`bounds::MATCH_STEPS`]: such a request is denied in each mode.
    pub fn rule_for(&self, target: &Target<'_>) -> Result<Option<(usize, &Rule)>, NotNormal> {
        let mut steps = bounds::MATCH_STEPS;
        let found = self.rules.iter().enumerate().find(|(_, rule)| rule.when.matches(target, &mut steps));
        // A rule that would have matched may be before the one that was found.
        if steps == 0 { Err(NotNormal::TOO_COSTLY) } else { Ok(found) }
    }
}

/// What becomes of a denial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// A denial denies.
    #[default]
    Enforce,
    /// The checks are evaluated, and a denial is logged and allowed.
    Monitor,
}

/// A check: a plugin with its settings, grants and limits.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckSpec {
    /// Its name in the policy.
    pub name: String,
    /// Its plugin.
    pub plugin: PluginSource,
    /// Its settings, with the data files that are part of them.
    pub settings: Option<Json>,
    /// Its grants.
    pub grants: Grants,
    /// Its limits.
    pub limits: Limits,
    /// The policy that decides when its image is made.
    pub image: ImagePolicy,
    /// Its breaker; none by default.
    pub breaker: Option<Breaker>,
}

/// The origin of a plugin's bytes.
#[derive(Clone, PartialEq, Eq)]
pub enum PluginSource {
    /// A built-in plugin, by its name without `builtin:`.
    Builtin(&'static guardhouse::builtin::Builtin),
    /// A file of the policy's folder.
    File {
        /// Its path in the folder.
        path: String,
        /// Its content.
        bytes: Bytes,
        /// The digest of its content.
        digest: Digest,
    },
}

/// Shows the name and the digest, and not the bytes.
impl fmt::Debug for PluginSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Builtin(builtin) => write!(f, "builtin:{}", builtin.name),
            Self::File { path, digest, .. } => write!(f, "{path:?} ({digest})"),
        }
    }
}

/// A rule: the requests that it matches, and how they are decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Its name, for the operator.
    pub name: String,
    /// The requests that it matches.
    pub when: Selector,
    /// How they are decided.
    pub verdict: Verdict,
    /// Its mode, if it has one of its own.
    pub mode: Option<Mode>,
}

/// How a rule decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// By checks.
    Check(Expression),
    /// Without a check: what passes the checks under `always` is allowed.
    Unchecked,
}

/// A check, or a composition of checks as in [`guardhouse::compose`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expression {
    /// The check of this index in [`Policy::checks`].
    Check(usize),
    /// All must allow ([`guardhouse::compose::all_of`]).
    All(Vec<Expression>),
    /// One must allow ([`guardhouse::compose::any_of`]).
    Any(Vec<Expression>),
    /// The member must deny without a message ([`guardhouse::compose::negate`]).
    Not(Box<Expression>),
}
