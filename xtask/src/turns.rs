//! `cargo xtask bench turns`: two builds, measured in turns in one run. The speed of a machine drifts by a third within
//! minutes, so only measurements that follow each other can be compared.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::arguments::Arguments;
use crate::build::{BENCH, Profile, Programs};
use crate::languages;
use crate::process::output;
use crate::revision::Revision;
use crate::root;

/// The word after `bench`.
pub(crate) const TURNS: &str = "turns";
/// The option with the other revision.
pub(crate) const AGAINST: &str = "--against";
/// The option with the number of times that both builds are measured.
pub(crate) const ROUNDS: &str = "--rounds";

/// The number of rounds without [`ROUNDS`], and the most of them.
const DEFAULT_ROUNDS: usize = 5;
const MOST_ROUNDS: usize = 100;

/// The options that the program of the measurements has too.
const ONLY: &str = "--only";
const QUICK: &str = "--quick";
const JSON: &str = "--json";

/// The groups of measurements that can be taken in turns: they need no other file than plugins in each language.
const GROUPS: [&str; 8] = ["decisions", "counts", "threads", "neighbor", "storm", "scale", LANGUAGES, IMAGES];
/// The groups that need plugins in each language.
const LANGUAGES: &str = "languages";
const IMAGES: &str = "images";

/// A build: its program of measurements, and its plugins, a file for each language.
struct Side {
    name: String,
    bench: PathBuf,
    plugins: BTreeMap<String, PathBuf>,
}

pub(crate) fn run(arguments: &Arguments<'_>, languages: &[&str]) -> Result<()> {
    let rounds = arguments.value(ROUNDS).map(str::parse).transpose();
    let rounds = rounds.with_context(|| format!("`{ROUNDS}` takes a number"))?;
    let rounds = rounds.unwrap_or(if arguments.has(QUICK) { 1 } else { DEFAULT_ROUNDS });
    ensure!((1..=MOST_ROUNDS).contains(&rounds), "`{ROUNDS}` takes 1 to {MOST_ROUNDS}");
    let mut groups = arguments.values(ONLY);
    if let Some(unknown) = groups.iter().find(|name| !GROUPS.contains(name)) {
        bail!("group `{unknown}` cannot be measured in turns; these can: {}", GROUPS.join(", "));
    }
    if groups.is_empty() {
        groups.push(LANGUAGES);
    }
    let folder = root()?.join("target/bench/turns");
    // A test that everything works needs no figures.
    let profile = if arguments.has(QUICK) { Profile::Dev } else { Profile::Release };
    let needs_plugins = groups.iter().any(|group| [LANGUAGES, IMAGES].contains(group));
    let plugins = if needs_plugins { plugins(languages)? } else { BTreeMap::new() };
    let here = Side {
        name: "this build".to_owned(),
        bench: Programs::build(&[BENCH], profile)?.path(BENCH)?.to_owned(),
        plugins,
    };
    let there = match arguments.value(AGAINST) {
        Some(revision) => there(&Revision::of(revision)?, here.plugins.keys())?,
        None => Side { name: "the same build".to_owned(), bench: here.bench.clone(), plugins: here.plugins.clone() },
    };
    let turns = [(&there, folder.join("there")), (&here, folder.join("here"))];
    for (side, folder) in &turns {
        if folder.exists() {
            fs::remove_dir_all(folder).with_context(|| format!("cannot empty `{}`", folder.display()))?;
        }
        languages::copy(side.plugins.iter().map(|(name, path)| (name.as_str(), path.clone())).collect(), folder)?;
    }
    let mut table = Comparison::default();
    for round in 0..rounds {
        println!("round {} of {rounds}", round + 1);
        // Each build is the first one in half of the rounds.
        let order = if round % 2 == 0 { [0, 1] } else { [1, 0] };
        let mut measured = [Rows::new(), Rows::new()];
        for index in order {
            let (Some((side, folder)), Some(rows)) = (turns.get(index), measured.get_mut(index)) else { continue };
            *rows = measure(side, &groups, folder, arguments.has(QUICK))?;
        }
        let [there, here] = measured;
        table.add(&there, &here);
    }
    table.print(&there.name);
    if let Some(path) = arguments.value(JSON) {
        let rows: BTreeMap<&str, Value> = table.summaries().map(|(name, row)| (name, row.to_json())).collect();
        fs::write(path, serde_json::to_string_pretty(&rows)?).with_context(|| format!("cannot write `{path}`"))?;
    }
    Ok(())
}

/// The plugins that the last `cargo xtask languages` built.
fn plugins(only: &[&str]) -> Result<BTreeMap<String, PathBuf>> {
    let known = languages::plugins()?;
    let names = known.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    ensure!(!known.is_empty(), "no plugins are built yet; run `cargo xtask languages`");
    for name in only {
        ensure!(known.iter().any(|(known, _)| known == name), "no plugin in `{name}` is built; there are {names}");
    }
    let plugins = known.into_iter().filter(|(name, _)| only.is_empty() || only.contains(name));
    Ok(plugins.map(|(name, path)| (name.to_owned(), path)).collect())
}

/// Another revision, with plugins in the same languages.
fn there<'a>(revision: &Revision, languages: impl Iterator<Item = &'a String>) -> Result<Side> {
    let plugins = languages.map(|name| Ok((name.clone(), revision.plugin(name)?))).collect::<Result<_>>()?;
    Ok(Side { name: revision.name().to_owned(), bench: revision.bench()?, plugins })
}

/// A row of the JSON that a program of measurements writes.
#[derive(Debug, Clone)]
struct Row {
    median: f64,
    unit: String,
}

/// Rows by their names without a unit.
type Rows = BTreeMap<String, Row>;

/// Takes the measurements of a build once.
fn measure(side: &Side, groups: &[&str], folder: &Path, is_quick: bool) -> Result<Rows> {
    let json = folder.with_extension("json");
    let mut bench = Command::new(&side.bench);
    bench.current_dir(root()?).arg("--languages").arg(folder).arg(JSON).arg(&json);
    bench.args(groups.iter().flat_map(|group| [ONLY, group]));
    output(bench.args(is_quick.then_some(QUICK))).with_context(|| format!("cannot measure {}", side.name))?;
    let text = fs::read(&json).with_context(|| format!("cannot read `{}`", json.display()))?;
    let rows: BTreeMap<String, Value> = serde_json::from_slice(&text)?;
    let read = |(name, row): (String, Value)| {
        let median = row.get("median").and_then(Value::as_f64);
        let unit = row.get("unit").and_then(Value::as_str);
        let row = median.zip(unit).map(|(median, unit)| Row { median, unit: unit.to_owned() });
        Ok((without_unit(&name).to_owned(), row.with_context(|| format!("`{name}` has no median or no unit"))?))
    };
    rows.into_iter().map(read).collect()
}

/// The name of a row without its unit, which older revisions do not write.
fn without_unit(name: &str) -> &str {
    ["_us", "_ms", "_kb"].iter().find_map(|unit| name.strip_suffix(unit)).unwrap_or(name)
}

/// The pairs of the rows that both builds have.
#[derive(Debug, Default)]
struct Comparison(BTreeMap<String, (String, Vec<[f64; 2]>)>);

/// The medians of a row, and the ratios of its pairs: their median, the least and the greatest.
#[derive(Debug, PartialEq)]
struct Summary<'a> {
    unit: &'a str,
    there: f64,
    here: f64,
    ratio: f64,
    least: f64,
    greatest: f64,
}

impl<'a> Summary<'a> {
    /// The summary of pairs, or `None` if one of them has no ratio.
    fn of(unit: &'a str, pairs: &[[f64; 2]]) -> Option<Self> {
        let ratios = || pairs.iter().map(|[there, here]| here / there);
        if ratios().any(|ratio| !ratio.is_finite()) {
            return None;
        }
        Some(Self {
            unit,
            there: median(pairs.iter().map(|[there, _]| *there))?,
            here: median(pairs.iter().map(|[_, here]| *here))?,
            ratio: median(ratios())?,
            least: ratios().fold(f64::INFINITY, f64::min),
            greatest: ratios().fold(0.0, f64::max),
        })
    }

    fn to_json(&self) -> Value {
        let Self { unit, there, here, ratio, least, greatest } = self;
        json!({ "unit": unit, "there": there, "here": here, "ratio": ratio, "least": least, "greatest": greatest })
    }
}

impl Comparison {
    fn add(&mut self, there: &Rows, here: &Rows) {
        for (name, row) in here {
            if let Some(other) = there.get(name).filter(|other| other.unit == row.unit) {
                let (_, pairs) = self.0.entry(name.clone()).or_insert_with(|| (row.unit.clone(), Vec::new()));
                pairs.push([other.median, row.median]);
            }
        }
    }

    /// The summary of each row that has ratios.
    fn summaries(&self) -> impl Iterator<Item = (&str, Summary<'_>)> {
        self.0.iter().filter_map(|(name, (unit, pairs))| Some((name.as_str(), Summary::of(unit, pairs)?)))
    }

    fn print(&self, there: &str) {
        println!("\n| what | {there} | this build | unit | ratio | of the pairs |\n|---|---:|---:|---|---:|---|");
        for (name, Summary { unit, there, here, ratio, least, greatest }) in self.summaries() {
            println!("| {name} | {there:.1} | {here:.1} | {unit} | {ratio:.3} | {least:.3} to {greatest:.3} |");
        }
    }
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    if values.len() % 2 == 1 {
        return Some(upper);
    }
    values.get(middle.checked_sub(1)?).map(|lower| f64::midpoint(*lower, upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[(&str, f64)]) -> Rows {
        let row = |(name, median): &(&str, f64)| {
            (without_unit(name).to_owned(), Row { median: *median, unit: "µs".to_owned() })
        };
        rows.iter().map(row).collect()
    }

    #[test]
    fn ratios_are_those_of_pairs_and_not_of_medians() {
        let mut table = Comparison::default();
        for (there, here) in [(100.0, 50.0), (200.0, 80.0), (150.0, 90.0)] {
            table.add(&rows(&[("go_fresh_image", there)]), &rows(&[("go_fresh_image_us", here), ("go_new", 1.0)]));
        }
        let expected = Summary { unit: "µs", there: 150.0, here: 80.0, ratio: 0.5, least: 0.4, greatest: 0.6 };
        assert_eq!(table.summaries().collect::<Vec<_>>(), [("go_fresh_image", expected)]);
    }

    #[test]
    fn a_row_that_is_zero_there_has_no_ratio() {
        let mut table = Comparison::default();
        table.add(&rows(&[("c_page_faults", 0.0)]), &rows(&[("c_page_faults", 1.0)]));
        assert_eq!(table.summaries().count(), 0);
    }

    #[test]
    fn the_median_of_an_even_number_lies_between_two() {
        for (values, expected) in
            [(&[][..], None), (&[1.0], Some(1.0)), (&[4.0, 1.0], Some(2.5)), (&[3.0, 1.0, 2.0], Some(2.0))]
        {
            assert_eq!(median(values.iter().copied()), expected);
        }
    }
}
