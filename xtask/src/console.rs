//! Turns the commands that a page shows into a script.

use anyhow::{Result, ensure};

/// A script of the commands in the ```` ```console ```` blocks of a page. A command is a line that begins with `$ `,
/// and the lines that continue it after a backslash.
///
/// The script fails if a command fails. `guardhouse check` must end as the line below it shows: `allow…` or `deny…`.
pub(crate) fn script(page: &str) -> Result<String> {
    let mut script = String::new();
    let mut commands = 0;
    let mut lines = page.lines().peekable();
    let mut is_console = false;
    while let Some(line) = lines.next() {
        if line.starts_with("```") {
            is_console = line == "```console";
        }
        let Some(first) = line.strip_prefix("$ ").filter(|_| is_console) else { continue };
        let mut command = first.to_owned();
        while command.ends_with('\\') {
            let Some(next) = lines.next() else { break };
            command = format!("{command}\n{next}");
        }
        commands += 1;
        script += &format!("echo {}\n", quoted(&format!("$ {command}")));
        let denies = lines.peek().is_some_and(|shown| shown.starts_with("deny"));
        if command.starts_with("guardhouse check") && denies {
            script += &format!("code=0\n{command} || code=$?\ntest $code -eq 2\n");
        } else {
            script += &format!("{command}\n");
        }
    }
    ensure!(commands > 0, "the page shows no commands");
    Ok(script)
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
    fn a_page_without_commands_is_an_error() {
        assert!(script("```console\nshown\n```\n").is_err());
    }
}
