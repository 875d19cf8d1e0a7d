//! Names and comments, as the languages write them.

/// `client-id` as `client_id`.
pub(crate) fn snake(name: &str) -> String {
    name.replace('-', "_")
}

/// `client-id` as `ClientId`.
pub(crate) fn pascal(name: &str) -> String {
    let words = name.split('-').map(|word| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
    });
    words.collect()
}

/// Documentation as Go and Zig write it: each line begins with `indent`, `mark` and a blank.
pub(crate) fn line_comment(docs: &str, indent: &str, mark: &str) -> String {
    docs.lines().map(|line| format!("{indent}{mark} {line}").trim_end().to_owned() + "\n").collect()
}

/// Documentation as C and TypeScript write it: each line begins with `indent`.
pub(crate) fn block_comment(docs: &str, indent: &str) -> String {
    match docs.lines().count() {
        0 => String::new(),
        1 => format!("{indent}/** {docs} */\n"),
        _ => {
            let lines = docs.lines().map(|line| format!("{indent} * {line}").trim_end().to_owned() + "\n");
            format!("{indent}/**\n{}{indent} */\n", lines.collect::<String>())
        }
    }
}
