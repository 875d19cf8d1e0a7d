//! `guardhouse new`

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Args;
use guardhouse_authoring::{Language, NewProject, SDK_SOURCE, new_project};

use crate::notes::note;
use crate::output::Output;
use crate::text::escaped;

/// Create a plugin project
///
/// Creates a folder with a check that builds and passes its tests, and with a copy of the SDK, which `guardhouse
/// upgrade` replaces later. A folder that exists keeps its files: if the project has a file that is there already, nothing
/// is written. The README.md in the folder explains the next steps.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  guardhouse new my-check --lang rust
  guardhouse new my-check --lang python
  guardhouse new . --lang ts")]
pub(crate) struct NewArgs {
    /// The name of the plugin and of its folder, or `.` for this folder and its name
    #[arg(value_name = "NAME")]
    folder: String,

    #[arg(long, value_name = "LANGUAGE", value_parser = parse_language)]
    #[arg(help = format!("The language: one of {}", Language::words()))]
    lang: Language,

    /// The name of the plugin, if it is not that of this folder
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

pub(crate) fn run(args: &NewArgs) -> Result<Output> {
    let is_here = args.folder.trim_end_matches('/') == ".";
    ensure!(
        is_here || args.name.is_none(),
        "`--name` is for this folder, `.`: any other folder is named as the plugin"
    );
    let name = if is_here { args.name.clone().map_or_else(name_of_this_folder, Ok)? } else { args.folder.clone() };
    let folder = if is_here { PathBuf::from(".") } else { PathBuf::from(&name) };
    let made = new_project(&folder, &name, args.lang, SDK_SOURCE);
    let made = made.with_context(|| match (is_here, &args.name) {
        (true, None) => {
            format!("cannot create a plugin with the name of this folder, `{name}` (`--name` gives another)")
        }
        _ => format!("cannot create `{name}`"),
    })?;
    for (file, text) in &made.kept {
        note(&remark(file, text));
    }
    let folder = (!is_here).then_some(&*name);
    Ok(Output::success(next_steps(&name, folder, args.lang, &made)))
}

fn name_of_this_folder() -> Result<String> {
    let folder = Path::new(".").canonicalize().context("cannot find this folder")?;
    let name = folder.file_name().context("this folder has no name; give one with `--name`")?;
    Ok(name.to_string_lossy().into_owned())
}

/// What to do about a file that was kept.
fn remark(file: &str, text: &str) -> String {
    if file != ".gitignore" {
        return format!("`{file}` was there already, and was kept");
    }
    let lines: Vec<String> = text.lines().filter(|line| !line.is_empty()).map(|line| format!("`{line}`")).collect();
    format!("`{file}` was there already, and was kept; the project needs these lines in it: {}", lines.join(", "))
}

/// A path as one word of a shell.
fn quoted_for_shell(path: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "/._-+".contains(character);
    if path.chars().all(is_plain) && !path.starts_with('-') {
        return path.to_owned();
    }
    let path = if path.starts_with('-') { format!("./{path}") } else { path.to_owned() };
    escaped(&format!("'{}'", path.replace('\'', r"'\''"))).to_string()
}

/// What was made, and the commands that come next.
fn next_steps(name: &str, folder: Option<&str>, language: Language, made: &NewProject) -> String {
    let place = folder.map_or_else(|| "this folder".to_owned(), |folder| format!("`{}`", escaped(folder)));
    let mut text = format!("created `{}` ({language}) in {place}\n\nnext:\n", escaped(name));
    let steps = [
        ("install the tools", made.install.as_deref()),
        ("test the function", made.test.as_deref()),
        ("build the plugin, and run its cases, after every change", Some("guardhouse test")),
        ("build it for a server", Some("guardhouse build --release")),
    ];
    if let Some(folder) = folder {
        text += &format!("  cd {}\n", quoted_for_shell(folder));
    }
    for (what, command) in steps {
        if let Some(command) = command {
            text += &format!("  # {what}\n  {}\n", command.replace('\n', "\n  "));
        }
    }
    text
}

/// Two words with at most this many different characters may be the same word.
const MAX_SLIPS: usize = 2;

/// Reads the word for a language. The error has the word that may be meant.
fn parse_language(word: &str) -> Result<Language, String> {
    let error = match word.parse() {
        Ok(language) => return Ok(language),
        Err(error) => error,
    };
    let normal = word.to_lowercase();
    let words =
        Language::all().flat_map(|language| [language.word()].into_iter().chain(language.aliases().iter().copied()));
    // Of a short word, two letters are all of it.
    let likely = words
        .map(|known| (strsim::osa_distance(&normal, known), known))
        .filter(|(distance, known)| *distance <= MAX_SLIPS && *distance * 2 < known.len());
    match likely.min() {
        Some((_, known)) => Err(format!("{error}; is `{known}` meant?")),
        None => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_of_a_shell() {
        for (path, expected) in [
            ("checks/my-check", "checks/my-check"),
            ("my check", "'my check'"),
            ("a;b$(c)", "'a;b$(c)'"),
            ("it's", r"'it'\''s'"),
            ("-x", "'./-x'"),
        ] {
            assert_eq!(quoted_for_shell(path), expected);
        }
    }

    #[test]
    fn an_unknown_language_has_the_word_that_may_be_meant() {
        for (word, meant) in [
            ("pyton", Some("python")),
            ("Javascrip", Some("javascript")),
            ("golnag", Some("golang")),
            ("rusty", Some("rust")),
            ("cobol", None),
            ("d", None),
        ] {
            let error = parse_language(word).unwrap_err();
            match meant {
                Some(meant) => assert!(error.ends_with(&format!("; is `{meant}` meant?")), "{error}"),
                None => assert!(!error.contains("meant"), "{error}"),
            }
        }
        assert_eq!(parse_language("TypeScript").unwrap().word(), "ts");
    }
}
