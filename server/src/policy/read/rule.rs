//! The rules of a policy.

use std::collections::HashSet;

use super::Reader;
use super::expression::Names;
use crate::policy::document::{Node, Table};
use crate::policy::findings::Place;
use crate::policy::{Rule, Verdict, bounds};
use crate::problem::clip;

/// The keys of a rule.
const KEYS: &[&str] = &["name", "when", "check", "unchecked", "mode"];

/// The word of a rule that decides without a check.
const ALLOW: &str = "allow";

impl Reader<'_, '_> {
    /// Reads the rules, each with its place.
    pub(super) fn rules(&mut self, root: &Table<'_>, names: &mut Names<'_>) -> Vec<(Rule, Place)> {
        let help = "a request that no rule matches is denied: write `[[rules]]` for those that may be allowed";
        let Some(node) = root.get("rules") else {
            self.findings.warn(&root.place, "the policy has no rules, and denies every request", help);
            return Vec::new();
        };
        let Some(items) = node.items(self.findings) else { return Vec::new() };
        if items.is_empty() {
            self.findings.warn(&node.place, "the policy has no rules, and denies every request", help);
        }
        if items.len() > bounds::RULES {
            let message = format!("the policy has {} rules, and may have {}", items.len(), bounds::RULES);
            self.findings.error(&node.place, message);
        }
        let mut taken = HashSet::new();
        let rules = items.iter().take(bounds::RULES).enumerate();
        rules
            .filter_map(|(index, node)| Some((self.rule(index, node, names, &mut taken)?, node.place.clone())))
            .collect()
    }

    /// Reads a rule. A rule without a name has that of its place: `rule-3` for the third.
    fn rule(
        &mut self,
        index: usize,
        node: &Node<'_>,
        names: &mut Names<'_>,
        taken: &mut HashSet<String>,
    ) -> Option<Rule> {
        let table = node.table(KEYS, self.findings)?;
        let name = match table.get("name") {
            None => Some((format!("rule-{}", index + 1), table.place.clone())),
            Some(node) => node.text(self.findings).map(|name| {
                self.check_name("a rule", name, &node.place, false);
                (name.to_owned(), node.place)
            }),
        };
        if let Some((name, place)) = name.as_ref().filter(|(name, _)| !taken.insert(name.clone())) {
            let message = format!("another rule has the name `{}`", clip(name));
            self.findings.error_with_help(place, message, "give each rule a name of its own");
        }
        let when = match table.get("when") {
            Some(node) => self.selector(&node),
            None => {
                let help = "write `when = {}` for a rule that matches every request";
                self.findings.error_with_help(&table.place, "`when` is missing", help);
                None
            }
        };
        let verdict = self.verdict(&table, names);
        let mode = table.get("mode").map(|node| self.mode(&node));
        Some(Rule {
            name: name?.0,
            when: when?,
            verdict: verdict?,
            mode: match mode {
                None => None,
                Some(mode) => Some(mode?),
            },
        })
    }

    fn verdict(&mut self, table: &Table<'_>, names: &mut Names<'_>) -> Option<Verdict> {
        let check = table.get("check").map(|node| self.expression(&node, names));
        match (check, table.get("unchecked")) {
            (Some(check), None) => check.map(Verdict::Check),
            (None, Some(node)) => self.unchecked(&node),
            (Some(_), Some(node)) => {
                let help = "remove `unchecked`, so that the check decides";
                self.findings.error_with_help(&node.place, "the rule has `check` and `unchecked`", help);
                None
            }
            (None, None) => {
                let help = format!("name a check, or write `unchecked = \"{ALLOW}\"`");
                self.findings.error_with_help(&table.place, "the rule has no `check`", help);
                None
            }
        }
    }

    fn unchecked(&mut self, node: &Node<'_>) -> Option<Verdict> {
        let word = node.text(self.findings)?;
        if word == ALLOW {
            return Some(Verdict::Unchecked);
        }
        let help = format!("write `unchecked = \"{ALLOW}\"`; to deny, leave out the rule");
        self.findings.error_with_help(&node.place, format!("`{}` is not `{ALLOW}`", clip(word)), help);
        None
    }
}
