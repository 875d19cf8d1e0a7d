//! The same decision in other engines: a separate program measures these peers, in turns with this one.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use guardhouse::{Host, ImagePolicy};
use serde::Deserialize;

use crate::meter::{Case, Effort, take_turns};
use crate::requests::{allows, builtin_plugin, check, real, two_scopes};
use crate::table::Row;

const ROUNDS: u32 = 5;

/// One line of the program's output.
#[derive(Deserialize)]
struct Measured {
    name: String,
    samples: Vec<f64>,
}

pub(crate) fn run(program: &Path) -> Result<Vec<Row>> {
    let check = check(&builtin_plugin(&Host::new()?, "require-scopes")?, two_scopes(), ImagePolicy::Eager)?;
    let context = real()?;
    let mut ours = Vec::new();
    let mut theirs: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for round in 0..ROUNDS {
        let effort = Effort { rounds: 1, slice: Duration::from_millis(200) };
        ours.extend(take_turns(vec![Case::new("fresh_real_among_peers", || allows(&check, &context))], effort));
        for Measured { name, samples } in measure(program, round == 0)? {
            theirs.entry(name).or_default().extend(samples);
        }
    }
    // Takes the median of the rounds, whose rows have the same name.
    ours.sort_by(|a, b| a.median.total_cmp(&b.median));
    let mut rows: Vec<Row> = ours.into_iter().skip(ROUNDS as usize / 2).take(1).collect();
    rows.extend(
        theirs.into_iter().map(|(name, samples)| Row::of_samples(name, samples, Some("fresh_real_among_peers".into()))),
    );
    Ok(rows)
}

fn measure(program: &Path, is_first: bool) -> Result<Vec<Measured>> {
    let output = Command::new(program)
        .args(["--milliseconds", "100"])
        // The program reports in each round which peers it leaves out.
        .stderr(if is_first { Stdio::inherit() } else { Stdio::null() })
        .output()
        .with_context(|| format!("cannot run `{}`", program.display()))?;
    ensure!(output.status.success(), "`{}` failed ({})", program.display(), output.status);
    let text = String::from_utf8(output.stdout)?;
    text.lines().map(|line| serde_json::from_str(line).with_context(|| format!("not a measurement: {line}"))).collect()
}
