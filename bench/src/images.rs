//! Many images of one plugin in every language: the effect of the slots that other images have used on decisions.

use std::path::Path;

use anyhow::{Context as _, Result};
use guardhouse::{Host, ImagePolicy, Plugin};

use crate::languages::{Language, languages};
use crate::meter::{Case, Effort, take_turns};
use crate::requests::{allows, check, real, scattered, some_scopes};
use crate::table::Row;

/// More than the slots that keep the image of their last instance for the next one of the same image.
const IMAGES: usize = 128;
/// The same for a test that everything works.
const QUICK_IMAGES: usize = 2;

/// Measures every plugin in `folder`: one image, and images that are chosen at random.
pub(crate) fn run(folder: &Path, effort: Effort, is_quick: bool) -> Result<Vec<Row>> {
    let count = if is_quick { QUICK_IMAGES } else { IMAGES };
    let mut rows = Vec::new();
    for language in languages(folder)? {
        let measured = measure(&language, count, effort);
        rows.extend(measured.with_context(|| format!("cannot measure `{}`", language.file.display()))?);
    }
    Ok(rows)
}

fn measure(Language { name, file }: &Language, count: usize, effort: Effort) -> Result<Vec<Row>> {
    let host = Host::builder().baseline_from(usize::MAX).build()?;
    let plugin = Plugin::load(&host, &std::fs::read(file)?)?;
    let made = (1..=count).map(|number| check(&plugin, some_scopes(number), ImagePolicy::Eager));
    let checks = made.collect::<Result<Vec<_>>>()?;
    let context = real()?;
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
