//! Positions for problems that are found after the file was read.

use crate::policy::bounds;
use crate::policy::document::{Table, parse, text};
use crate::policy::findings::Findings;
use crate::policy::folder::Folder;
use crate::problem::{Position, Problem};

/// The same problem with the position of its check, `checks.NAME`, in the `policy.toml` of the folder. A problem that has
/// a position, or another key, stays as it is.
#[must_use]
pub fn locate(folder: &Folder, problem: Problem) -> Problem {
    let found = problem.key.strip_prefix("checks.").and_then(|name| position(folder, name));
    match found.filter(|_| problem.position.is_none() && problem.file == Folder::POLICY) {
        Some(position) => problem.at(position),
        None => problem,
    }
}

fn position(folder: &Folder, check: &str) -> Option<Position> {
    let text = text(folder, Folder::POLICY, bounds::POLICY_BYTES).ok()??;
    let mut findings = Findings::new(Folder::POLICY, text);
    let table = parse(text, &mut findings)?;
    let checks = Table::root(&table).get("checks")?.open_table(&mut findings)?;
    Some(Position::of(text, checks.get(check)?.place.offset))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn the_problem_of_a_check_has_the_position_of_the_check() {
        let text = "version = 1\n[checks.a]\n[checks.\"b.c\"]\n";
        let folder = Folder::new(BTreeMap::from([("policy.toml".to_owned(), text.into())]));
        let located = |file: &str, key: &str| locate(&folder, Problem::new(file, "m").of_key(key)).position;
        assert_eq!(located("policy.toml", "checks.a"), Some(Position { line: 2, column: 1 }));
        assert_eq!(located("policy.toml", "checks.b.c"), Some(Position { line: 3, column: 1 }));
        assert_eq!(located("policy.toml", "checks.d"), None);
        assert_eq!(located("policy.toml", "rules[0]"), None);
        assert_eq!(located("cases.toml", "checks.a"), None);
        let placed = Problem::new("policy.toml", "m").of_key("checks.a").at(Position { line: 9, column: 9 });
        assert_eq!(locate(&folder, placed.clone()), placed);
    }
}
