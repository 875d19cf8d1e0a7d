//! Runs cases.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use anyhow::{Context, Result};
use guardhouse::{AuthChecks, Check, CheckConfig, Limits, Plugin};

use crate::cases::{Answer, Case, CaseFile};
use crate::explanation::{Explanation, microseconds};
use crate::notes::note;
use crate::testing::TestedCase;
use crate::vocabulary::remarks;

/// The largest number of notes about the words of cases.
const MAX_NOTES: usize = 10;

/// Notes the first unknown words of the contexts, and the number of the others.
pub(crate) fn note_odd_words(cases: &[Case]) {
    let mut all = cases
        .iter()
        .flat_map(|case| remarks(&case.context).into_iter().map(|remark| format!("case `{}`: {remark}", case.name)));
    all.by_ref().take(MAX_NOTES).for_each(|text| note(&text));
    let others = all.count();
    if others > 0 {
        note(&format!("{others} more unknown words in the contexts of cases"));
    }
}

/// Runs the cases of a file that are selected, in the order of the file.
pub(crate) fn run_cases(
    plugin: &Plugin,
    limits: &Limits,
    file: &CaseFile,
    is_selected: impl Fn(&Case) -> bool,
) -> Result<Vec<TestedCase>> {
    let mut checks = HashMap::new();
    let cases = file.cases.iter().enumerate().filter(|(_, case)| is_selected(case));
    cases
        .map(|(index, case)| {
            let config = CheckConfig { limits: limits.clone(), ..file.config(case) };
            let check = check_for(&mut checks, plugin, config);
            check
                .and_then(|check| run_case(check, index, case))
                .with_context(|| format!("cannot run the case `{}`", case.name))
        })
        .collect()
}

/// The compiler of the code that a plugin was tested with.
pub(crate) fn compiler_of(plugin: &Plugin) -> &'static str {
    if plugin.is_optimized() { "optimizing" } else { "baseline" }
}

/// The check with these settings, which is made only once.
fn check_for<'a>(checks: &'a mut HashMap<String, Check>, plugin: &Plugin, config: CheckConfig) -> Result<&'a Check> {
    let settings = config.settings.as_ref().map_or_else(String::new, |settings| settings.to_string());
    match checks.entry(settings) {
        Entry::Occupied(entry) => Ok(entry.into_mut()),
        Entry::Vacant(entry) => Ok(entry.insert(Check::new(plugin, config)?)),
    }
}

fn run_case(check: &Check, index: usize, case: &Case) -> Result<TestedCase> {
    let checks = std::slice::from_ref(check);
    let report = AuthChecks::new(checks).name_missing_scopes().explain_blocking(&case.context);
    let explanation = Explanation::new(&report, checks);
    let answer = Answer::new(&report, &explanation);
    let differences = case.differences(&answer);
    let passed = differences.is_empty();
    let (json, text) = if passed {
        (None, String::new())
    } else {
        let json = serde_json::to_value(&explanation).context("cannot write the explanation")?;
        (Some(json), explanation.to_string())
    };
    Ok(TestedCase {
        name: case.name.clone(),
        line: case.line,
        passed,
        elapsed_us: microseconds(report.elapsed),
        answer,
        differences,
        explanation: json,
        explanation_text: text,
        index,
    })
}
