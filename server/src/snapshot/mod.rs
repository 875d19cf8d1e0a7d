//! Snapshots: the policy of a tenant, loaded, compiled and configured. A snapshot never changes.

pub mod cases;

use std::sync::Arc;
use std::time::{Duration, Instant};

use guardhouse::{AuthCheck, AuthChecks, AuthContext, Check, CheckConfig, Decision, Host, Plugin, Report, compose};

use crate::decided::{Decided, DenialCause, PolicyId};
use crate::policy::selector::Target;
use crate::policy::{CheckSpec, Expression, Mode, PluginSource, Policy, Rule, Verdict};
use crate::problem::Problem;
use crate::tenant_name::TenantName;

/// A check, or a composition of checks.
type AnyCheck = Arc<dyn AuthCheck>;

/// The policy of a tenant, ready to decide.
pub struct Snapshot {
    tenant: TenantName,
    id: PolicyId,
    policy: Policy,
    /// For each rule, the checks under `always`, followed by that of the rule.
    lists: Vec<Vec<AnyCheck>>,
    always: Vec<AnyCheck>,
}

impl Snapshot {
    /// Loads, compiles and configures everything that `policy` names.
    ///
    /// # Errors
    /// A problem for each check that cannot be loaded or configured.
    pub async fn load(host: &Host, tenant: &TenantName, generation: u64, policy: Policy) -> Result<Self, Vec<Problem>> {
        let mut checks = Vec::new();
        let mut problems = Vec::new();
        for spec in &policy.checks {
            match load(host, tenant, spec).await {
                Ok(check) => checks.push(check),
                Err(problem) => problems.push(problem),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let always: Vec<AnyCheck> = policy.always.iter().map(|expression| of(expression, &checks)).collect();
        let list = |rule: &Rule| {
            let of_rule = match &rule.verdict {
                Verdict::Check(expression) => Some(of(expression, &checks)),
                Verdict::Unchecked => None,
            };
            always.iter().cloned().chain(of_rule).collect()
        };
        let lists = policy.rules.iter().map(list).collect();
        let id = PolicyId { generation, digest: policy.digest };
        Ok(Self { tenant: tenant.clone(), id, policy, lists, always })
    }

    /// Decides one request, within `deadline` if there is one.
    pub async fn decide(&self, context: &AuthContext, deadline: Option<Duration>) -> Decided {
        let start = Instant::now();
        let mut decided = self.decide_untimed(context, deadline).await;
        decided.tenant = Some(self.tenant.clone());
        decided.policy = Some(self.id);
        decided.elapsed = start.elapsed();
        decided
    }

    async fn decide_untimed(&self, context: &AuthContext, deadline: Option<Duration>) -> Decided {
        let Ok(target) = Target::of(context) else { return Decided::denied(DenialCause::NotNormal) };
        let found = self.policy.rule_for(&target);
        let list = found.and_then(|(index, _)| self.lists.get(index)).unwrap_or(&self.always);
        let mut checks = AuthChecks::new(list);
        // A deadline that is longer than any evaluation changes nothing.
        if let Some(Ok(with_deadline)) = deadline.map(|deadline| checks.deadline(deadline)) {
            checks = with_deadline;
        }
        let report = checks.explain(target.context()).await;
        self.judge(found.map(|(_, rule)| rule), report)
    }

    /// What becomes of a report.
    fn judge(&self, rule: Option<&Rule>, report: Report) -> Decided {
        let mut decided = Decided::denied(DenialCause::NoRule);
        decided.id = report.id;
        // The checks under `always` come first. A report without a decisive check belongs to all of them.
        let by_rule = report.decided_by.is_some_and(|index| index >= self.always.len());
        let mode = if by_rule { rule.and_then(|rule| rule.mode) } else { None }.unwrap_or(self.policy.mode);
        let denied = match (&report.decision, rule) {
            (Decision::Deny(denial), _) => Some((denial.clone(), DenialCause::Check)),
            (Decision::Allow, None) => Some((guardhouse::Denial::new(report.id), DenialCause::NoRule)),
            (Decision::Allow, Some(_)) => None,
        };
        if by_rule || report.decision.is_allow() {
            decided.rule = rule.map(|rule| rule.name.clone());
        }
        decided.report = Some(report);
        match denied {
            None => {
                decided.decision = Decision::Allow;
                decided.cause = None;
            }
            Some(denied) if mode == Mode::Monitor => {
                decided.decision = Decision::Allow;
                decided.cause = None;
                decided.would_deny = Some(denied);
            }
            Some((denial, cause)) => {
                decided.decision = Decision::Deny(denial);
                decided.cause = Some(cause);
            }
        }
        decided
    }
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot").field("tenant", &self.tenant).field("id", &self.id).finish_non_exhaustive()
    }
}

/// The check of an expression. An index that does not exist denies; no policy that was read has one.
fn of(expression: &Expression, checks: &[Check]) -> AnyCheck {
    let all = |members: &[Expression]| members.iter().map(|member| of(member, checks)).collect::<Vec<_>>();
    match expression {
        Expression::Check(index) => match checks.get(*index) {
            Some(check) => Arc::new(check.clone()),
            None => Arc::new(compose::any_of(Vec::<AnyCheck>::new())),
        },
        Expression::All(members) => Arc::new(compose::all_of(all(members))),
        Expression::Any(members) => Arc::new(compose::any_of(all(members))),
        Expression::Not(member) => Arc::new(compose::negate(of(member, checks))),
    }
}

async fn load(host: &Host, tenant: &TenantName, spec: &CheckSpec) -> Result<Check, Problem> {
    let problem = |error: &dyn std::fmt::Display| {
        Problem::new(crate::policy::folder::Folder::POLICY, error.to_string()).of_key(format!("checks.{}", spec.name))
    };
    let plugin = match &spec.plugin {
        PluginSource::Builtin(builtin) => Plugin::load_async(host, builtin.bytes).await,
        PluginSource::File { bytes, .. } => Plugin::load_async(host, bytes.to_vec()).await,
    };
    let plugin = plugin.map_err(|error| problem(&error))?;
    let config = CheckConfig {
        id: Some(spec.name.clone()),
        tenant: Some(host.tenant(tenant.as_str())),
        settings: spec.settings.clone(),
        grants: spec.grants,
        limits: spec.limits.clone(),
        image: spec.image,
        ..CheckConfig::default()
    };
    Check::new_async(&plugin, config).await.map_err(|error| problem(&error))
}
