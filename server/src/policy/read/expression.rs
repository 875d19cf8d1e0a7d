//! Expressions: the name of a check, or a group of expressions.

use std::collections::HashMap;

use super::Reader;
use super::check::Declared;
use crate::policy::document::Node;
use crate::policy::findings::{Place, quoted};
use crate::policy::{Expression, bounds};
use crate::problem::clip;

/// The groups, by their keys.
const GROUPS: &[&str] = &["all", "any", "not"];

/// The names of the checks of a policy, with those that are used.
pub(super) struct Names<'a> {
    indices: HashMap<&'a str, usize>,
    all: Vec<(&'a str, Place, bool)>,
}

impl<'a> Names<'a> {
    pub(super) fn new(checks: &[Declared<'a>]) -> Self {
        let indices = checks.iter().enumerate().map(|(index, check)| (check.name, index)).collect();
        Self { indices, all: checks.iter().map(|check| (check.name, check.place.clone(), false)).collect() }
    }

    /// The checks that no expression names.
    pub(super) fn unused(&self) -> impl Iterator<Item = (&'a str, &Place)> {
        self.all.iter().filter(|(.., is_used)| !is_used).map(|(name, place, _)| (*name, place))
    }

    fn find(&mut self, name: &str) -> Option<usize> {
        let index = *self.indices.get(name)?;
        if let Some((.., is_used)) = self.all.get_mut(index) {
            *is_used = true;
        }
        Some(index)
    }
}

/// What one expression may still have.
struct Budget {
    members: usize,
    nesting: usize,
}

impl Reader<'_, '_> {
    /// Reads the list of checks that every request must pass.
    pub(super) fn always(&mut self, node: &Node<'_>, names: &mut Names<'_>) -> Option<Vec<Expression>> {
        let items = node.items(self.findings)?;
        if items.is_empty() {
            self.findings.error_with_help(&node.place, "the list is empty", "name a check, or remove the key");
            return None;
        }
        let mut budget = Budget { members: bounds::MEMBERS, nesting: bounds::GROUP_NESTING };
        self.members(&items, names, &mut budget)
    }

    /// Reads the expression of a rule.
    pub(super) fn expression(&mut self, node: &Node<'_>, names: &mut Names<'_>) -> Option<Expression> {
        let mut budget = Budget { members: bounds::MEMBERS, nesting: bounds::GROUP_NESTING };
        self.member(node, names, &mut budget)
    }

    /// Reads expressions. All of them are read, also behind an error.
    fn members(&mut self, items: &[Node<'_>], names: &mut Names<'_>, budget: &mut Budget) -> Option<Vec<Expression>> {
        // Whatever is behind the bound is not read.
        let read: Vec<_> =
            items.iter().take(bounds::MEMBERS + 1).map(|item| self.member(item, names, budget)).collect();
        read.into_iter().collect()
    }

    fn member(&mut self, node: &Node<'_>, names: &mut Names<'_>, budget: &mut Budget) -> Option<Expression> {
        if budget.members == 0 {
            let message = format!("the expression names more than {} checks and groups", bounds::MEMBERS);
            self.findings.error(&node.place, message);
            return None;
        }
        budget.members -= 1;
        let Some(left) = self.left.members.checked_sub(1) else {
            let message = format!("the policy names more than {} checks and groups", bounds::ALL_MEMBERS);
            self.findings.error(&node.place, message);
            return None;
        };
        self.left.members = left;
        match (node.value.as_str(), node.value.as_table()) {
            (Some(name), _) => self.named(name, &node.place, names),
            (None, Some(_)) => self.group(node, names, budget),
            (None, None) => {
                node.wrong_type(
                    "the name of a check, or one of `{ all = [...] }`, `{ any = [...] }`, `{ not = ... }`",
                    self.findings,
                );
                None
            }
        }
    }

    fn named(&mut self, name: &str, place: &Place, names: &mut Names<'_>) -> Option<Expression> {
        let found = names.find(name);
        if found.is_none() {
            self.findings.unknown(place, "the check", name, names.all.iter().map(|(name, ..)| *name));
        }
        found.map(Expression::Check)
    }

    fn group(&mut self, node: &Node<'_>, names: &mut Names<'_>, budget: &mut Budget) -> Option<Expression> {
        let table = node.table(GROUPS, self.findings)?;
        let members = table.members();
        let [(kind, place, node)] = members.as_slice() else {
            let found =
                if members.is_empty() { "nothing".to_owned() } else { quoted(members.iter().map(|(name, ..)| *name)) };
            let message = format!("a group has one of `all`, `any` and `not`, and this one has {found}");
            self.findings.error(&table.place, message);
            return None;
        };
        if budget.nesting == 0 {
            let message = format!("groups are nested more than {} levels deep", bounds::GROUP_NESTING);
            self.findings.error(place, message);
            return None;
        }
        budget.nesting -= 1;
        let group = match *kind {
            "all" => self.list(node, names, budget).map(Expression::All),
            "any" => self.list(node, names, budget).map(Expression::Any),
            "not" => self.member(node, names, budget).map(|member| Expression::Not(Box::new(member))),
            // An error already.
            _ => None,
        };
        budget.nesting += 1;
        group
    }

    fn list(&mut self, node: &Node<'_>, names: &mut Names<'_>, budget: &mut Budget) -> Option<Vec<Expression>> {
        let items = node.items(self.findings)?;
        if items.is_empty() {
            let message = format!("the group is empty: `{}`", clip(&node.place.key));
            self.findings.error_with_help(&node.place, message, "name a check");
            return None;
        }
        self.members(&items, names, budget)
    }
}
