//! Counts that CI holds: a file has the most that an evaluation of the reference check may take in each language. Counts do
//! not depend on the speed of the machine.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use guardhouse::{Host, MeasuredCheck, Plugin};
use serde::{Deserialize, Serialize};

use crate::counts::system_calls;
use crate::languages::{Language, languages};
use crate::parts;
use crate::requests::{alone, real};

/// The decisions over which page faults and system calls are counted.
const DECISIONS: u32 = 200;

/// A count, the share of it that a bound leaves beside it, and the least that it leaves. Machine code, tools and kernels
/// differ a little.
struct Kind {
    name: &'static str,
    margin: f64,
    least_margin: f64,
}

const FUEL: Kind = Kind { name: "fuel", margin: 0.05, least_margin: 0.0 };
/// Counted on a machine without `PAGEMAP_SCAN`: with it, there are fewer.
const PAGE_FAULTS: Kind = Kind { name: "page_faults", margin: 0.1, least_margin: 3.0 };
const SYSTEM_CALLS: Kind = Kind { name: "system_calls", margin: 0.1, least_margin: 1.0 };
const DATA_SEGMENTS: Kind = Kind { name: "data_segments", margin: 0.05, least_margin: 1.0 };
const IMPORTED_GLOBALS: Kind = Kind { name: "imported_globals", margin: 0.05, least_margin: 1.0 };

/// The bounds of all languages, by their names and those of the counts.
type Bounds = BTreeMap<String, BTreeMap<String, Bound>>;

/// A count at the time when the file was written, and the most that it may be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bound {
    counted: f64,
    most: f64,
}

/// Where the bounds are, and what becomes of them.
pub(crate) enum File<'a> {
    /// The counts are compared with the file.
    Compare(&'a Path),
    /// The counts of the languages are written into the file.
    Write(&'a Path),
}

/// Counts for each plugin in `folder`.
pub(crate) fn run(folder: &Path, file: File<'_>) -> Result<()> {
    let cache = tempfile::tempdir()?;
    let mut counted = BTreeMap::new();
    for language in languages(folder)? {
        let name = language.name.clone();
        let counts = count(&language, cache.path()).with_context(|| format!("cannot count what {name} takes"))?;
        counted.insert(name, counts);
    }
    ensure!(!counted.is_empty(), "`{}` has no plugins", folder.display());
    match file {
        File::Compare(path) => compare(&counted, path),
        File::Write(path) => write(counted, path),
    }
}

/// A tick that no counted decision lasts, also on a slow machine: the host reads the processor clock after one.
const TICK: Duration = Duration::from_millis(100);

/// A host that compiles as little as it can. The code of images is optimized, also where a plugin has baseline code.
pub(crate) fn host(cache: &Path) -> Result<Host> {
    Ok(Host::builder().without_background().tick(TICK).cache(cache).build()?)
}

/// The counts of a language.
fn count(language: &Language, cache: &Path) -> Result<BTreeMap<String, Bound>> {
    // A host of its own, in which no image has used a slot.
    let cache = cache.join("cache");
    let plugin = Plugin::load(&host(&cache)?, &std::fs::read(&language.file)?)?;
    let check = alone(&plugin)?;
    let counts = parts::counts(&check, &real()?, DECISIONS)?;
    let image = MeasuredCheck::new(&check, || ()).image_parts().map_err(anyhow::Error::msg)?;
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
    let whole = |count: usize| count as f64;
    let counts = [
        (FUEL, whole(usize::try_from(counts.fuel)?)),
        (PAGE_FAULTS, counts.faults),
        (SYSTEM_CALLS, system_calls(DECISIONS, Some((&language.file, &cache)))?),
        (DATA_SEGMENTS, whole(image.data_segments)),
        (IMPORTED_GLOBALS, whole(image.imported_globals)),
    ];
    Ok(counts.into_iter().map(|(kind, count)| (kind.name.to_owned(), kind.bound(count))).collect())
}

impl Kind {
    fn bound(&self, count: f64) -> Bound {
        let most = (count + (count * self.margin).max(self.least_margin)).ceil();
        Bound { counted: (count * 100.0).round() / 100.0, most }
    }
}

fn compare(counted: &Bounds, path: &Path) -> Result<()> {
    let bounds = read(path)?;
    println!("\n| language | count | now | at most |\n|---|---|---:|---:|");
    for (language, counts) in counted {
        for (count, Bound { counted, .. }) in counts {
            let most = bounds.get(language).and_then(|bounds| bounds.get(count)).map(|bound| bound.most);
            println!(
                "| {language} | {count} | {counted} | {} |",
                most.map_or_else(String::new, |most| most.to_string())
            );
        }
    }
    let over = over(counted, &bounds);
    if over.is_empty() {
        return Ok(());
    }
    let name = path.display();
    bail!("counts are over their bounds in `{name}`:\n{}\n{ADVICE}", over.join("\n"));
}

const ADVICE: &str = "Every decision of such a check takes more than it did. If that is right, write the file anew with \
                      `cargo xtask counts --write`, and say why in the commit.";

/// The counts that are over their bounds, or have none, one line each.
fn over(counted: &Bounds, bounds: &Bounds) -> Vec<String> {
    let mut over = Vec::new();
    for (language, counts) in counted {
        for (count, Bound { counted, .. }) in counts {
            match bounds.get(language).and_then(|bounds| bounds.get(count)) {
                Some(bound) if *counted <= bound.most => {}
                Some(Bound { counted: before, most }) => {
                    over.push(format!(
                        "{language}: {count} is {counted}, at most {most} is allowed, and it was {before}"
                    ));
                }
                None => over.push(format!("{language}: {count} is {counted}, and the file has no bound for it")),
            }
        }
    }
    over
}

fn read(path: &Path) -> Result<Bounds> {
    let text = std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("`{}` has no bounds", path.display()))
}

/// Writes the counts of these languages into the file. Those of others stay.
fn write(counted: Bounds, path: &Path) -> Result<()> {
    let mut bounds = if path.exists() { read(path)? } else { Bounds::new() };
    bounds.extend(counted);
    let text = serde_json::to_string_pretty(&bounds)? + "\n";
    std::fs::write(path, text).with_context(|| format!("cannot write `{}`", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(count: f64) -> Bounds {
        BTreeMap::from([("go".to_owned(), BTreeMap::from([("fuel".to_owned(), FUEL.bound(count))]))])
    }

    #[test]
    fn counts_over_their_bounds_are_named_and_so_are_those_without() {
        let before = bounds(1000.0);
        assert_eq!(over(&bounds(1050.0), &before), [] as [String; 0]);
        assert_eq!(over(&bounds(1051.0), &before), ["go: fuel is 1051, at most 1050 is allowed, and it was 1000"]);
        assert_eq!(over(&before, &Bounds::new()), ["go: fuel is 1000, and the file has no bound for it"]);
    }

    #[test]
    fn a_bound_leaves_room_for_what_machines_differ_in() {
        for (kind, count, most) in
            [(FUEL, 1000.0, 1050.0), (PAGE_FAULTS, 0.0, 3.0), (PAGE_FAULTS, 200.0, 220.0), (SYSTEM_CALLS, 1.1, 3.0)]
        {
            assert_eq!(kind.bound(count), Bound { counted: count, most });
        }
    }

    #[test]
    fn the_counts_of_other_languages_stay_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("counts.json");
        write(bounds(1.0), &file).unwrap();
        let c = BTreeMap::from([("c".to_owned(), BTreeMap::new())]);
        write(c, &file).unwrap();
        assert_eq!(read(&file).unwrap().into_keys().collect::<Vec<_>>(), ["c", "go"]);
    }
}
