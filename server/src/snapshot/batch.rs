//! Batches: several requests of one enforcement point, grouped so that only requests of one caller share an instance.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::{Duration, Instant};

use guardhouse::AuthContext;

use super::caller::Caller;
use super::plan::Plan;
use crate::decided::{Decided, DenialCause};
use crate::policy::selector::Target;

/// Decides each request as if it were alone, in their order, by the plan that `plan_of` finds for it. The deadline is
/// that of all together.
pub(super) async fn decide<'p>(
    plan_of: impl Fn(&Target<'_>) -> Option<(usize, &'p Plan)>,
    contexts: &[AuthContext],
    start: Instant,
    deadline: Option<Duration>,
) -> Vec<Decided> {
    let mut all: Vec<Option<Decided>> = contexts.iter().map(|_| None).collect();
    let targets: Vec<Option<Target<'_>>> = contexts.iter().map(|context| Target::of(context).ok()).collect();
    for group in groups(plan_of, contexts, &targets) {
        let members = group.contexts(contexts, &targets);
        let decided = group.plan.decide_batch(&members, start, deadline).await;
        for (index, decided) in group.members.iter().zip(decided) {
            if let Some(slot) = all.get_mut(*index) {
                *slot = Some(decided);
            }
        }
    }
    all.into_iter().map(|decided| decided.unwrap_or_else(|| Decided::denied(DenialCause::NotNormal))).collect()
}

/// Requests of one caller that one rule matches, by their indices.
struct Group<'a> {
    plan: &'a Plan,
    members: Vec<usize>,
}

impl Group<'_> {
    /// The members in their normal form.
    fn contexts<'a>(&self, all: &'a [AuthContext], targets: &[Option<Target<'a>>]) -> Cow<'a, [AuthContext]> {
        let is_normal = |(context, target): (&AuthContext, &Option<Target<'_>>)| {
            target.as_ref().is_some_and(|target| std::ptr::eq(target.context(), context))
        };
        if self.members.len() == all.len() && all.iter().zip(targets).all(is_normal) {
            return Cow::Borrowed(all);
        }
        let targets = self.members.iter().filter_map(|index| targets.get(*index)?.as_ref());
        Cow::Owned(targets.map(|target| target.context().clone()).collect())
    }
}

/// The groups in the order of their first members. A request without a normal form is in none.
fn groups<'a>(
    plan_of: impl Fn(&Target<'_>) -> Option<(usize, &'a Plan)>,
    contexts: &[AuthContext],
    targets: &[Option<Target<'_>>],
) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut known: HashMap<(usize, Caller<'_>), usize> = HashMap::new();
    for (index, (context, target)) in contexts.iter().zip(targets).enumerate() {
        let Some((plan_index, plan)) = target.as_ref().and_then(&plan_of) else { continue };
        let group = match Caller::of(context) {
            Some(caller) => *known.entry((plan_index, caller)).or_insert(groups.len()),
            None => groups.len(),
        };
        match groups.get_mut(group) {
            Some(group) => group.members.push(index),
            None => groups.push(Group { plan, members: vec![index] }),
        }
    }
    groups
}
