//! Coverage: rules that can never match, because an earlier rule matches everything that they match.

use crate::policy::findings::{Findings, Place};
use crate::policy::pattern::{Pattern, Text};
use crate::policy::selector::{ROUTE, Selector};
use crate::policy::{Rule, bounds};

/// Warns of each rule that is certain never to match. One that several rules cover only together is not found.
pub(super) fn warn(rules: &[(Rule, Place)], findings: &mut Findings<'_>) {
    let mut steps = bounds::COVERAGE_STEPS;
    for (index, (rule, place)) in rules.iter().enumerate() {
        let mut before = rules.iter().take(index).map(|(before, _)| before);
        let Some(before) = before.find(|before| steps > 0 && covers(&before.when, &rule.when, &mut steps)) else {
            continue;
        };
        let message = format!("the rule can never match: the rule `{}` matches everything before it", before.name);
        findings.warn(place, message, "move it before that rule, or remove it");
    }
}

/// Whether it is certain that `wide` matches every request that `narrow` matches.
fn covers(wide: &Selector, narrow: &Selector, steps: &mut usize) -> bool {
    wide.parts().into_iter().zip(narrow.parts()).all(|((key, wide), (_, patterns))| {
        let kinds: &[Text] = match key {
            "name" => names_of(narrow),
            "uri" => &[Text::Path],
            _ => &[Text::Opaque],
        };
        let is_covered =
            |narrow: &Pattern, kind: Text, steps: &mut usize| wide.iter().any(|wide| wide.covers(narrow, kind, steps));
        // A part without patterns matches everything.
        wide.is_empty()
            || !patterns.is_empty()
                && patterns.iter().all(|narrow| kinds.iter().all(|kind| is_covered(narrow, *kind, steps)))
    })
}

/// What the names are of the components that a selector matches.
fn names_of(selector: &Selector) -> &'static [Text] {
    let literals: Option<Vec<&str>> = selector.kinds.iter().map(Pattern::literal).collect();
    match literals {
        Some(kinds) if !kinds.is_empty() && kinds.iter().all(|kind| *kind == ROUTE) => &[Text::Path],
        Some(kinds) if !kinds.is_empty() && !kinds.contains(&ROUTE) => &[Text::Opaque],
        _ => &[Text::Path, Text::Opaque],
    }
}
