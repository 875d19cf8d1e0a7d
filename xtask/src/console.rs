//! The commands that a page shows, as a script.

use anyhow::{Result, ensure};

/// The commands in the ```` ```console ```` blocks of a page: lines after `$ `, with what follows a backslash.
///
/// A command ends with success, or the script fails; `guardhouse check` ends as the line under it shows: `allow…` or
/// `deny…`.
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
    fn commands_are_run_in_order_and_output_is_not() {
        let page = "text\n```console\n$ cd a\n$ b \\\n    --c\nshown\n```\n```python\n$ no\n```\n";
        assert_eq!(script(page).unwrap(), "echo '$ cd a'\ncd a\necho '$ b \\\n    --c'\nb \\\n    --c\n");
    }

    #[test]
    fn a_denial_that_is_shown_must_be_one() {
        let page = "```console\n$ guardhouse check --plugin a\ndeny (decision …)\n```\n";
        assert!(script(page).unwrap().contains("|| code=$?\ntest $code -eq 2\n"));
    }

    #[test]
    fn a_page_without_commands_is_a_mistake() {
        assert!(script("```console\nshown\n```\n").is_err());
    }
}
