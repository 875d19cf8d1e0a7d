//! The commands of xtask: their arguments and their `--help`.

use anyhow::{Context, Result, bail};

/// A command: `cargo xtask NAME OPERANDS [OPTIONS]`.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) name: &'static str,
    /// The operands, as the help shows them: `[PAGE…]` is optional, `FILE…` is required, and a command with an empty
    /// text takes no operands.
    pub(crate) operands: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) options: &'static [CommandOption],
    pub(crate) run: fn(&Arguments<'_>) -> Result<()>,
}

/// An option of a command.
#[derive(Debug)]
pub(crate) struct CommandOption {
    /// The name with its dashes, for example `--json`.
    pub(crate) name: &'static str,
    /// The value, as the help shows it; empty if the option has no value.
    pub(crate) value: &'static str,
    pub(crate) summary: &'static str,
}

/// The arguments of one call of a command.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Arguments<'a> {
    pub(crate) operands: Vec<&'a str>,
    options: Vec<(&'static str, &'a str)>,
    /// The words after `--`.
    pub(crate) rest: Vec<&'a str>,
}

impl<'a> Arguments<'a> {
    /// Whether the option was given.
    pub(crate) fn has(&self, option: &str) -> bool {
        self.options.iter().any(|(name, _)| *name == option)
    }

    /// The value of the option; the last one if it was given several times.
    pub(crate) fn value(&self, option: &str) -> Option<&'a str> {
        self.options.iter().rev().find(|(name, _)| *name == option).map(|(_, value)| *value)
    }

    /// The values of the option, in their order.
    pub(crate) fn values(&self, option: &str) -> Vec<&'a str> {
        self.options.iter().filter(|(name, _)| *name == option).map(|(_, value)| *value).collect()
    }

    /// The options as they were given, for a program that has the same ones.
    pub(crate) fn forwarded(&self) -> Vec<&'a str>
    where
        'static: 'a,
    {
        self.options.iter().flat_map(|&(name, value)| [name, value]).filter(|word| !word.is_empty()).collect()
    }
}

impl Command {
    /// Parses the words after the command's name.
    pub(crate) fn parse<'a>(&self, words: &[&'a str]) -> Result<Arguments<'a>> {
        let mut arguments = Arguments::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if *word == "--" {
                arguments.rest.extend(words.by_ref());
            } else if word.starts_with('-') {
                let (name, inline) = word.split_once('=').map_or((*word, None), |(name, value)| (name, Some(value)));
                let option = self.options.iter().find(|option| option.name == name);
                let option = option.with_context(|| format!("`{name}` is not an option of `{}`", self.name))?;
                let value = match (option.value.is_empty(), inline) {
                    (true, None) => "",
                    (true, Some(_)) => bail!("`{name}` does not take a value"),
                    (false, Some(value)) => value,
                    (false, None) => {
                        words.next().with_context(|| format!("`{name}` needs a value: {}", option.value))?
                    }
                };
                arguments.options.push((option.name, value));
            } else if self.operands.is_empty() {
                bail!("`{}` does not take `{word}`", self.name);
            } else {
                arguments.operands.push(word);
            }
        }
        if arguments.operands.is_empty() && !self.operands.is_empty() && !self.operands.starts_with('[') {
            bail!("`{}` needs {}", self.name, self.operands);
        }
        Ok(arguments)
    }

    /// The lines of the help about this command.
    pub(crate) fn help(&self) -> String {
        let mut text = entry(2, &format!("{} {}", self.name, self.operands), self.summary);
        for option in self.options {
            text += &entry(4, &format!("{} {}", option.name, option.value), option.summary);
        }
        text
    }
}

/// A term and its explanation, side by side.
fn entry(indent: usize, term: &str, summary: &str) -> String {
    format!("{:indent$}{:width$} {summary}\n", "", term.trim_end(), width = 32 - indent)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMAND: Command = Command {
        name: "bench",
        operands: "",
        summary: "measures",
        options: &[
            CommandOption { name: "--json", value: "FILE", summary: "writes" },
            CommandOption { name: "--quick", value: "", summary: "hurries" },
        ],
        run: |_| Ok(()),
    };
    const FILES: Command = Command { operands: "FILE…", ..COMMAND };

    #[test]
    fn values_may_follow_or_be_attached() {
        for words in [["--json", "a", "--quick"].as_slice(), &["--json=a", "--quick"]] {
            let arguments = COMMAND.parse(words).unwrap();
            assert_eq!((arguments.value("--json"), arguments.has("--quick")), (Some("a"), true));
            assert_eq!(arguments.forwarded(), ["--json", "a", "--quick"]);
        }
        assert_eq!(FILES.parse(&["a", "--quick", "--", "-b"]).unwrap().rest, ["-b"]);
    }

    #[test]
    fn anything_else_is_an_error_that_names_it() {
        let error = |command: &Command, words: &[&str]| command.parse(words).unwrap_err().to_string();
        assert_eq!(error(&COMMAND, &["--jsn"]), "`--jsn` is not an option of `bench`");
        assert_eq!(error(&COMMAND, &["--json"]), "`--json` needs a value: FILE");
        assert_eq!(error(&COMMAND, &["--quick=1"]), "`--quick` does not take a value");
        assert_eq!(error(&COMMAND, &["file"]), "`bench` does not take `file`");
        assert_eq!(error(&FILES, &[]), "`bench` needs FILE…");
    }

    #[test]
    fn the_help_lines_terms_up() {
        assert_eq!(
            COMMAND.help(),
            "  bench                          measures\n    --json FILE                  writes\n    --quick                      hurries\n"
        );
    }
}
