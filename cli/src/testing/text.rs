//! The report as text.

use std::fmt::Write;

use crate::color::Palette;
use crate::testing::report::{Component, Counts, Report, Tested, TestedCase};
use crate::text::escaped;

/// The order of cases in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    File,
    FailuresFirst,
}

impl Report {
    /// A block for each target, and a line for all of them if there are several.
    pub(crate) fn text(&self, palette: Palette, order: Order) -> String {
        let blocks: Vec<String> = self.targets.iter().map(|tested| tested.text(palette, order)).collect();
        let mut text = blocks.join("\n");
        if self.targets.len() > 1 {
            let mut parts = vec![format!("{} targets", self.targets.len()), self.counts.text(palette)];
            if self.not_tested > 0 {
                parts.push(palette.bad(format!("{} not tested", self.not_tested)));
            }
            // Writing to a string does not fail.
            let _ = writeln!(text, "\nall: {}", parts.join(", "));
        }
        text
    }
}

impl Counts {
    /// `3 passed, 1 failed, 2 filtered out`
    fn text(&self, palette: Palette) -> String {
        let Self { passed, failed, filtered_out } = *self;
        let [mut passed_text, mut failed_text] = [format!("{passed} passed"), format!("{failed} failed")];
        if failed > 0 {
            failed_text = palette.bad(failed_text);
        } else if passed > 0 {
            passed_text = palette.good(passed_text);
        }
        let filtered = if filtered_out > 0 { format!(", {filtered_out} filtered out") } else { String::new() };
        format!("{passed_text}, {failed_text}{filtered}")
    }
}

impl Tested {
    fn text(&self, palette: Palette, order: Order) -> String {
        let component = match (&self.error, &self.component) {
            (Some(_), _) => "not tested".to_owned(),
            (None, None) => "not tested, because no case is selected".to_owned(),
            (None, Some(component)) => component.text(),
        };
        let mut text = palette.faint(format!("{}: {component}", escaped(&self.name))) + "\n";
        if self.error.is_some() {
            return text;
        }
        let mut cases: Vec<&TestedCase> = self.cases.iter().collect();
        if order == Order::FailuresFirst {
            cases.sort_by_key(|case| case.passed);
        }
        cases.into_iter().for_each(|case| text.push_str(&case_lines(case, palette)));
        let _ = writeln!(text, "{}", self.counts.text(palette));
        if !self.accepted.is_empty() {
            let count = self.accepted.len();
            let cases = if count == 1 { "1 case" } else { &format!("{count} cases") };
            let _ = writeln!(text, "changed in `{}`, {cases}:", escaped(&self.file));
            for accepted in &self.accepted {
                let _ = writeln!(text, "  {accepted}");
            }
        }
        text
    }
}

impl Component {
    /// `development build `PATH`, baseline compiler`
    fn text(&self) -> String {
        let build = self.build.map_or_else(|| "plugin".to_owned(), |build| format!("{build} build"));
        format!("{build} `{}`, {} compiler", escaped(&self.path), self.compiler)
    }
}

/// The lines of a case: its name, and if it fails, what was found.
pub(crate) fn case_lines(case: &TestedCase, palette: Palette) -> String {
    let word = if case.passed { palette.good("ok  ") } else { palette.bad("FAIL") };
    let mut text = format!("{word} {}\n", escaped(&case.name));
    for difference in &case.differences {
        let _ = writeln!(text, "     {difference}");
    }
    for line in case.explanation_text.lines() {
        let line = format!("     {line}");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
