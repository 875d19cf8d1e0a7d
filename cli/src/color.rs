//! Colors of results, on a terminal only.

use std::fmt::Display;
use std::io::IsTerminal;

use clap::ValueEnum;

/// When results have colors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    Always,
    Never,
}

/// The colors of a text, or none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Palette {
    has_colors: bool,
}

impl Color {
    /// Whether the environment permits colors on a terminal.
    pub(crate) fn is_wanted() -> bool {
        is_wanted(|name| std::env::var_os(name))
    }

    /// The colors of standard output.
    pub(crate) fn palette(self) -> Palette {
        let has_colors = match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => std::io::stdout().is_terminal() && Self::is_wanted(),
        };
        Palette { has_colors }
    }
}

/// Whether the environment permits colors on a terminal. An empty variable counts as unset.
fn is_wanted(variable: impl Fn(&str) -> Option<std::ffi::OsString>) -> bool {
    variable("NO_COLOR").is_none_or(|value| value.is_empty()) && variable("TERM").is_none_or(|value| value != "dumb")
}

impl Palette {
    /// No colors.
    pub(crate) const PLAIN: Self = Self { has_colors: false };

    /// A text that reports success.
    pub(crate) fn good(self, text: impl Display) -> String {
        self.with("32", &text)
    }

    /// A text that reports a failure.
    pub(crate) fn bad(self, text: impl Display) -> String {
        self.with("1;31", &text)
    }

    /// A text that matters less than the others.
    pub(crate) fn faint(self, text: impl Display) -> String {
        self.with("2", &text)
    }

    fn with(self, code: &str, text: &dyn Display) -> String {
        if self.has_colors { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_can_forbid_colors() {
        for (variables, expected) in [
            (&[][..], true),
            (&[("NO_COLOR", "")], true),
            (&[("NO_COLOR", "1")], false),
            (&[("TERM", "xterm"), ("NO_COLOR", "0")], false),
            (&[("TERM", "dumb")], false),
        ] {
            let found =
                |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).into());
            assert_eq!(is_wanted(found), expected, "{variables:?}");
        }
    }

    #[test]
    fn a_text_without_colors_has_no_escapes() {
        assert_eq!(Palette::PLAIN.bad("x"), "x");
        assert_eq!(Palette { has_colors: true }.bad("x"), "\x1b[1;31mx\x1b[0m");
    }
}
