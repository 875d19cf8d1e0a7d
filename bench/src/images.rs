//! Many images of one plugin in every language: the effect of the slots that other images have used on decisions.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use guardhouse::{Check, Host, ImagePolicy, Plugin};
use serde_json::Value;

use crate::languages::{Language, languages};
use crate::meter::{Case, Effort, take_turns};
use crate::requests::{allows, check, patterns, real, scattered, some_scopes};
use crate::table::Row;

/// More than the slots that keep the image of their last instance for the next one of the same image.
const IMAGES: usize = 128;
/// The same for a test that everything works.
const QUICK_IMAGES: usize = 2;

/// The least number of regular expressions in the settings of a check: with them, its data has some megabytes.
const PATTERNS: usize = 70;

/// The settings of a check, different for each number.
type Settings = fn(usize) -> Value;

/// Measures every plugin in the folder `of_languages`, and a plugin that compiles regular expressions: one image, and
/// images that are chosen at random.
pub(crate) fn run(
    of_languages: Option<&Path>,
    regexes: Option<&PathBuf>,
    effort: Effort,
    is_quick: bool,
) -> Result<Vec<Row>> {
    let count = if is_quick { QUICK_IMAGES } else { IMAGES };
    let mut plugins: Vec<(String, PathBuf, Settings)> = Vec::new();
    for Language { name, file } in of_languages.map_or_else(|| Ok(Vec::new()), languages)? {
        plugins.push((name, file, some_scopes));
    }
    plugins.extend(regexes.map(|file| -> (_, _, Settings) {
        ("regexes".to_owned(), file.clone(), |number| patterns(PATTERNS + number))
    }));
    let mut rows = Vec::new();
    for (name, file, settings) in plugins {
        let measured = measure(&name, &file, settings, count, effort);
        rows.extend(measured.with_context(|| format!("cannot measure `{}`", file.display()))?);
    }
    Ok(rows)
}

fn measure(name: &str, file: &Path, settings: Settings, count: usize, effort: Effort) -> Result<Vec<Row>> {
    let folder = tempfile::tempdir()?;
    let host = Host::builder().baseline_from(usize::MAX).cache(folder.path().join("cache")).build()?;
    let plugin = Plugin::load(&host, &std::fs::read(file)?)?;
    let made = (1..=count).map(|number| check(&plugin, settings(number), ImagePolicy::Eager));
    let checks: Vec<Check> = made.collect::<Result<_>>()?;
    let context = real()?;
    // The first use of an image takes longer.
    checks.iter().for_each(|check| allows(check, &context));
    let pick = |index: usize| {
        if let Some(check) = checks.get(index % count) {
            allows(check, &context);
        }
    };
    let (one, random) = (format!("{name}_one_image_us"), format!("{name}_random_images_us"));
    let mut numbers = scattered();
    let cases = vec![
        Case::new(one.clone(), || pick(0)),
        Case::new(random, || pick(numbers.next().unwrap_or_default())).against(one),
    ];
    Ok(take_turns(cases, effort))
}
