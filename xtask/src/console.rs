//! Turns the commands that a page shows into a script.

use anyhow::{Result, ensure};

/// A script of the commands in the ```` ```console ```` blocks of a page. A command is a line that begins with `$ `,
/// and the lines that continue it after a backslash. A block of another language with a `title="PATH"` is written to
/// that file.
///
/// The script fails if a command fails. `guardhouse check` must end as the line below it shows: `allow…` or `deny…`; and
/// the answer to `curl` must begin with the decision that is shown: `{"decision":"allow"` or `{"decision":"deny"`.
/// Programs in the background end with the script.
pub(crate) fn script(page: &str) -> Result<String> {
    let mut script = String::new();
    let mut commands = 0;
    let mut lines = page.lines().peekable();
    let mut is_console = false;
    while let Some(line) = lines.next() {
        if line.starts_with("```") {
            is_console = line == "```console";
            if let Some(path) = title(line) {
                let text: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
                script += &file(path, &text.join("\n"));
            }
        }
        let Some(first) = line.strip_prefix("$ ").filter(|_| is_console) else { continue };
        let mut command = first.to_owned();
        while command.ends_with('\\') {
            let Some(next) = lines.next() else { break };
            command = format!("{command}\n{next}");
        }
        commands += 1;
        if command.ends_with(" &") {
            script += "trap 'kill $(jobs -p) 2> /dev/null || true' EXIT\n";
        }
        script += &format!("echo {}\n", quoted(&format!("$ {command}")));
        script += &checked(&command, lines.peek().copied().unwrap_or_default());
    }
    ensure!(commands > 0, "the page shows no commands");
    Ok(script)
}

/// A command that fails if it does not end as the line below it shows.
fn checked(command: &str, shown: &str) -> String {
    if command.starts_with("guardhouse check") && shown.starts_with("deny") {
        return format!("code=0\n{command} || code=$?\ntest $code -eq 2\n");
    }
    for decision in [r#"{"decision":"allow""#, r#"{"decision":"deny""#] {
        if command.starts_with("curl ") && shown.starts_with(decision) {
            return format!("answer=$({command})\necho \"$answer\"\n[[ $answer == '{decision}'* ]]\n");
        }
    }
    format!("{command}\n")
}

/// The path in the title of a block that is a file, and not a console.
fn title(line: &str) -> Option<&str> {
    let (language, title) = line.strip_prefix("```")?.split_once(" title=\"")?;
    title.strip_suffix('"').filter(|_| language != "console")
}

/// Commands that write a file.
fn file(path: &str, text: &str) -> String {
    let folder = path.rsplit_once('/').map_or(".", |(folder, _)| folder);
    let (folder, path) = (quoted(folder), quoted(path));
    format!("mkdir -p {folder}\ncat > {path} <<'END OF THE FILE'\n{text}\nEND OF THE FILE\n")
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_run_in_order_and_output_is_left_out() {
        let page = "text\n```console\n$ cd a\n$ b \\\n    --c\nshown\n```\n```python\n$ no\n```\n";
        assert_eq!(script(page).unwrap(), "echo '$ cd a'\ncd a\necho '$ b \\\n    --c'\nb \\\n    --c\n");
    }

    #[test]
    fn a_denial_that_is_shown_must_happen() {
        let page = "```console\n$ guardhouse check --plugin a\ndeny (decision …)\n```\n";
        assert!(script(page).unwrap().contains("|| code=$?\ntest $code -eq 2\n"));
    }

    #[test]
    fn the_answer_that_is_shown_must_come() {
        let page = "```console\n$ curl a\n{\"decision\":\"deny\",…}\n```\n";
        assert!(script(page).unwrap().contains("answer=$(curl a)\n"));
        assert!(script(page).unwrap().contains("[[ $answer == '{\"decision\":\"deny\"'* ]]\n"));
    }

    #[test]
    fn a_block_with_a_title_is_a_file() {
        let page = "```toml title=\"a/b.toml\"\nkey = 1\n```\n```console title=\"elsewhere\"\n$ no\n```\n```console\n$ yes\n```\n";
        let expected =
            "mkdir -p 'a'\ncat > 'a/b.toml' <<'END OF THE FILE'\nkey = 1\nEND OF THE FILE\necho '$ yes'\nyes\n";
        assert_eq!(script(page).unwrap(), expected);
    }

    #[test]
    fn programs_in_the_background_end_with_the_script() {
        assert!(
            script("```console\n$ serve &\n```\n")
                .unwrap()
                .starts_with("trap 'kill $(jobs -p) 2> /dev/null || true' EXIT\n")
        );
    }

    #[test]
    fn a_page_without_commands_is_an_error() {
        assert!(script("```console\nshown\n```\n").is_err());
    }
}
