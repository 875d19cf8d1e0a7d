//! Reading `policy.toml`: from the text of a file to a policy, with every problem on the way.

mod breaker;
mod check;
mod data;
mod expression;
mod limits;
mod log;
mod rule;
mod selector;

use toml::de::DeValue;

pub(super) use self::check::IMAGES;
pub(super) use self::limits::{LimitKind, all_limits, limit_kinds, limit_value};

use crate::policy::caps::LimitCaps;
use crate::policy::document::{Node, Table, parse, text};
use crate::policy::findings::{Findings, quoted};
use crate::policy::folder::Folder;
use crate::policy::{CheckSpec, Mode, Policy, bounds, coverage};
use crate::problem::Problem;

/// The version of `policy.toml` that this release reads.
const VERSION: &str = "1";

impl Policy {
    /// Reads `policy.toml`, and everything that it names. The warnings do not keep the policy from working.
    ///
    /// # Errors
    /// Every error, in the order of the file.
    pub fn read(folder: &Folder) -> Result<(Self, Vec<Problem>), Vec<Problem>> {
        Self::read_within(folder, &LimitCaps::default())
    }

    /// Like [`read`](Self::read), for a tenant whose policy has these caps.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub fn read_within(folder: &Folder, caps: &LimitCaps) -> Result<(Self, Vec<Problem>), Vec<Problem>> {
        let text = text(folder, Folder::POLICY, bounds::POLICY_BYTES).map_err(|problem| vec![problem])?;
        let Some(text) = text else {
            let help = match folder.files().next() {
                Some(_) => format!("the folder has {}", quoted(folder.files().map(|(path, _)| path))),
                None => "the folder is empty".to_owned(),
            };
            return Err(vec![Problem::new(Folder::POLICY, "the file does not exist").with_help(help)]);
        };
        let mut findings = Findings::new(Folder::POLICY, text);
        let policy = parse(text, &mut findings).and_then(|table| {
            let root = Table::root(&table);
            let is_known = check_version(&root, &mut findings);
            // Another version may mean something else by each of its keys.
            is_known
                .then(|| Reader { folder, caps, findings: &mut findings, left: Left::default() }.policy(&root))
                .flatten()
        });
        match (policy, findings.into_result()) {
            (Some(policy), Ok(warnings)) => Ok((policy, warnings)),
            (_, Err(problems)) => Err(problems),
            // Whatever has no policy has an error.
            (None, Ok(_)) => Err(vec![Problem::new(Folder::POLICY, "the file cannot be read")]),
        }
    }
}

/// Whether the document has the version that this release reads, or has none: then everything else is read too.
fn check_version(root: &Table<'_>, findings: &mut Findings<'_>) -> bool {
    let help = format!("begin the file with `version = {VERSION}`");
    let Some(version) = root.get("version") else {
        findings.error_with_help(&root.place, "`version` is missing", help);
        return true;
    };
    if !matches!(version.value, DeValue::Integer(number) if number.as_str() == VERSION && number.radix() == 10) {
        let message = format!("this release reads `version = {VERSION}` only");
        findings.error_with_help(&version.place, message, "use a newer release of Guardhouse, or mend the number");
        return false;
    }
    if root.members().first().is_some_and(|(first, ..)| *first != "version") {
        findings.error_with_help(&version.place, "`version` must be the first key of the file", help);
    }
    true
}

/// The state of reading one policy.
struct Reader<'r, 't> {
    folder: &'r Folder,
    caps: &'r LimitCaps,
    findings: &'r mut Findings<'t>,
    left: Left,
}

/// What a policy may still have of everything that is bounded for all of its parts together.
struct Left {
    members: usize,
    pattern_bytes: usize,
    data_bytes: usize,
}

impl Default for Left {
    fn default() -> Self {
        Self {
            members: bounds::ALL_MEMBERS,
            pattern_bytes: bounds::ALL_PATTERN_BYTES,
            data_bytes: bounds::ALL_DATA_BYTES,
        }
    }
}

impl Reader<'_, '_> {
    /// Reads a policy. Without a result there is an error.
    fn policy(&mut self, root: &Table<'_>) -> Option<Policy> {
        root.check_names(&["version", "mode", "log", "always", "checks", "rules"], self.findings);
        let mode = root.get("mode").map(|node| self.mode(&node));
        let log = root.get("log").map(|node| self.log(&node));
        let checks = self.checks(root.get("checks"));
        let mut names = expression::Names::new(&checks);
        let always = root.get("always").map(|node| self.always(&node, &mut names));
        let rules = self.rules(root, &mut names);
        for (check, place) in names.unused() {
            let message = format!("no rule uses the check `{check}`");
            self.findings.warn(place, message, "use it, or remove it");
        }
        if self.findings.has_errors() {
            return None;
        }
        coverage::warn(&rules, self.findings);
        let specs: Option<Vec<CheckSpec>> = checks.into_iter().map(|check| check.spec).collect();
        Some(Policy {
            digest: self.folder.digest(),
            mode: mode.flatten().unwrap_or_default(),
            log: log.flatten().unwrap_or_default().into(),
            checks: specs?,
            always: always.flatten().unwrap_or_default(),
            rules: rules.into_iter().map(|(rule, _)| rule).collect(),
        })
    }

    fn mode(&mut self, node: &Node<'_>) -> Option<Mode> {
        let word = node.text(self.findings)?;
        let known = [("enforce", Mode::Enforce), ("monitor", Mode::Monitor)];
        let found = known.iter().find(|(name, _)| *name == word);
        if found.is_none() {
            self.findings.unknown(&node.place, "the mode", word, known.iter().map(|(name, _)| *name));
        }
        found.map(|(_, mode)| *mode)
    }
}

#[cfg(test)]
mod tests;
