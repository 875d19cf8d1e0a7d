//! The documents show code and words that are tested elsewhere.

/// The first block of Python code that has a check.
fn first_check(document: &str) -> &str {
    let blocks = document.split("```python\n").skip(1);
    let code = blocks.filter_map(|block| block.split_once("```")).map(|(code, _)| code);
    code.into_iter().find(|code| code.contains("def check(")).unwrap()
}

#[test]
fn the_readme_shows_the_check_that_the_sdk_explains() {
    let readme = include_str!("../../README.md");
    let sdk = include_str!("../../guest-sdk/python/README.md");
    assert_eq!(first_check(readme), first_check(sdk));
}

#[test]
fn every_cause_is_explained_to_plugin_authors() {
    let page = include_str!("../../docs/plugins.md");
    let causes = [
        "trap",
        "stack-overflow",
        "out-of-fuel",
        "deadline",
        "cpu-time-limit",
        "memory-limit",
        "table-limit",
        "instance-limit",
        "context-limit",
        "message-limit",
        "log-limit",
        "host-call-limit",
        "handle-limit",
        "invalid-result",
        "configure",
        "exit",
        "no-capacity",
        "native",
        "host",
    ];
    for cause in causes {
        assert!(page.contains(&format!("`{cause}`")), "{cause}");
    }
}
