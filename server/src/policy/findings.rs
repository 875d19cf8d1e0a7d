//! Findings: the problems of one file, in the order of their positions.

use crate::policy::bounds;
use crate::problem::{Position, Problem, clip};

/// Where a finding is: the byte, and the key from the root of the file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Place {
    pub(crate) offset: usize,
    pub(crate) key: String,
}

impl Place {
    /// The place of a member, written as in TOML: `checks."my check"`.
    pub(crate) fn member(&self, name: &str, offset: usize) -> Self {
        let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let name = if !name.is_empty() && name.bytes().all(is_bare) { clip(name) } else { format!("{:?}", clip(name)) };
        let key = if self.key.is_empty() { name } else { format!("{}.{name}", self.key) };
        Self { offset, key }
    }

    /// The place of an item of a list.
    pub(crate) fn item(&self, index: usize, offset: usize) -> Self {
        Self { offset, key: format!("{}[{index}]", self.key) }
    }
}

/// The problems of one file: errors, and warnings.
#[derive(Debug)]
pub(crate) struct Findings<'t> {
    file: &'static str,
    text: &'t str,
    errors: List,
    warnings: List,
}

#[derive(Debug, Default)]
struct List {
    found: Vec<(usize, Problem)>,
    left_out: usize,
}

impl<'t> Findings<'t> {
    /// No findings of a file with this text.
    pub(crate) fn new(file: &'static str, text: &'t str) -> Self {
        Self { file, text, errors: List::default(), warnings: List::default() }
    }

    /// Adds an error.
    pub(crate) fn error(&mut self, place: &Place, message: impl Into<String>) {
        let problem = (!self.errors.is_full()).then(|| self.problem(place, message));
        self.errors.add(place.offset, problem);
    }

    /// Adds an error with a way to mend it.
    pub(crate) fn error_with_help(&mut self, place: &Place, message: impl Into<String>, help: impl Into<String>) {
        let problem = (!self.errors.is_full()).then(|| self.problem(place, message).with_help(help));
        self.errors.add(place.offset, problem);
    }

    /// Adds the error of a word that is not one of `known`.
    pub(crate) fn unknown<'k>(
        &mut self,
        place: &Place,
        what: &str,
        word: &str,
        known: impl IntoIterator<Item = &'k str> + Clone,
    ) {
        // To find the nearest word takes long for a long list, and need not be done for what is not listed.
        let help = if self.errors.is_full() { String::new() } else { help_with(word, known) };
        self.error_with_help(place, format!("{what} `{}` does not exist", clip(word)), help);
    }

    /// Adds a warning with a way to mend it.
    pub(crate) fn warn(&mut self, place: &Place, message: impl Into<String>, help: impl Into<String>) {
        let problem = (!self.warnings.is_full()).then(|| self.problem(place, message).with_help(help));
        self.warnings.add(place.offset, problem);
    }

    /// Whether there is an error.
    pub(crate) fn has_errors(&self) -> bool {
        !self.errors.found.is_empty()
    }

    /// The warnings; or the errors, if there are any. What is unused may be so because of an error.
    pub(crate) fn into_result(self) -> Result<Vec<Problem>, Vec<Problem>> {
        if self.has_errors() {
            return Err(self.errors.into_problems(self.file, "errors"));
        }
        Ok(self.warnings.into_problems(self.file, "warnings"))
    }

    fn problem(&self, place: &Place, message: impl Into<String>) -> Problem {
        let position = Position::of(self.text, place.offset);
        Problem::new(self.file, message).of_key(place.key.clone()).at(position)
    }
}

impl List {
    /// Whether no more problems are listed. Those behind are not even written, because that takes time.
    fn is_full(&self) -> bool {
        self.found.len() >= bounds::PROBLEMS
    }

    fn add(&mut self, offset: usize, problem: Option<Problem>) {
        match problem {
            Some(problem) => self.found.push((offset, problem)),
            None => self.left_out += 1,
        }
    }

    fn into_problems(mut self, file: &str, what: &str) -> Vec<Problem> {
        self.found.sort_by_key(|(offset, _)| *offset);
        let mut problems: Vec<Problem> = self.found.into_iter().map(|(_, problem)| problem).collect();
        if self.left_out > 0 {
            problems.push(Problem::new(file, format!("{} more {what} are not listed", self.left_out)));
        }
        problems
    }
}

/// The longest word for which another one is suggested, in bytes.
const MAX_WORD_BYTES: usize = 64;

/// The known word that is nearest to `word`, if one is near.
fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    if word.len() > MAX_WORD_BYTES {
        return None;
    }
    let normal = word.to_lowercase().replace('_', "-");
    let distances = known.into_iter().map(|known| (strsim::osa_distance(&normal, &known.to_lowercase()), known));
    let (distance, known) = distances.min()?;
    (distance <= 1 + known.len() / 4).then_some(known)
}

/// Words in backticks: at most ten, and the number of the others.
pub(crate) fn quoted<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    const MAX_WORDS: usize = 10;
    let mut words = words.into_iter();
    let mut text: Vec<String> = words.by_ref().take(MAX_WORDS).map(|word| format!("`{}`", clip(word))).collect();
    let others = words.count();
    if others > 0 {
        text.push(format!("{others} more"));
    }
    text.join(", ")
}

/// How to write a word that is not known.
fn help_with<'k>(word: &str, known: impl IntoIterator<Item = &'k str> + Clone) -> String {
    match nearest(word, known.clone()) {
        Some(nearest) => format!("write `{nearest}`"),
        None if known.clone().into_iter().next().is_none() => "there are none".to_owned(),
        None => format!("write one of {}", quoted(known)),
    }
}
