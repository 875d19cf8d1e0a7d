//! The selector of a rule: `when`.

use super::Reader;
use crate::policy::document::Node;
use crate::policy::pattern::{Pattern, PatternError};
use crate::policy::selector::Selector;
use crate::policy::{bounds, normal};
use crate::problem::clip;

/// The keys of a selector.
const KEYS: &[&str] = &["kind", "name", "uri", "tag", "action"];

impl Reader<'_, '_> {
    pub(super) fn selector(&mut self, node: &Node<'_>) -> Option<Selector> {
        let table = node.table(KEYS, self.findings)?;
        let mut part = |key: &str| table.get(key).map_or(Some(Vec::new()), |node| self.patterns(&node));
        let (kinds, names, uris) = (part("kind"), part("name"), part("uri"));
        let (tags, actions) = (part("tag"), part("action"));
        if let (Some(uris), Some(node)) = (&uris, table.get("uri")) {
            self.check_uris(uris, &node);
        }
        Some(Selector { kinds: kinds?, names: names?, uris: uris?, tags: tags?, actions: actions? })
    }

    /// Reads a pattern, or a list of patterns.
    fn patterns(&mut self, node: &Node<'_>) -> Option<Vec<Pattern>> {
        if node.value.as_str().is_some() {
            return self.pattern(node).map(|pattern| vec![pattern]);
        }
        if node.value.as_array().is_none() {
            node.wrong_type("a pattern or a list of patterns", self.findings);
            return None;
        }
        let items = node.items(self.findings)?;
        if items.is_empty() {
            let help = "name a pattern, or remove the key: without it, everything matches";
            self.findings.error_with_help(&node.place, "the list is empty, and matches nothing", help);
            return None;
        }
        if items.len() > bounds::PATTERNS {
            let message = format!("the list has {} patterns, and may have {}", items.len(), bounds::PATTERNS);
            self.findings.error_with_help(&node.place, message, "write two rules");
            return None;
        }
        let patterns: Vec<Option<Pattern>> = items.iter().map(|item| self.pattern(item)).collect();
        patterns.into_iter().collect()
    }

    fn pattern(&mut self, node: &Node<'_>) -> Option<Pattern> {
        let text = node.text(self.findings)?;
        let Some(left) = self.left.pattern_bytes.checked_sub(text.len()) else {
            let message = format!("all patterns together have more than {} bytes", bounds::ALL_PATTERN_BYTES);
            self.findings.error(&node.place, message);
            return None;
        };
        self.left.pattern_bytes = left;
        let pattern = text.parse();
        pattern.inspect_err(|error: &PatternError| self.findings.error(&node.place, error.to_string())).ok()
    }

    /// Adds an error for each pattern that no URI in its normal form matches: it would silently protect nothing.
    fn check_uris(&mut self, uris: &[Pattern], node: &Node<'_>) {
        for pattern in uris {
            let (text, is_whole) = match pattern.literal() {
                Some(literal) => (literal, true),
                None => (whole_segments(pattern.prefix()), false),
            };
            // Without a scheme, only the whole text can be judged.
            if !is_whole && !text.contains("://") {
                continue;
            }
            let found = normal::uri(text, false);
            let message = format!("no request matches `{}`", clip(pattern.as_str()));
            match found {
                Ok(normal) if normal == text => {}
                Ok(normal) => {
                    let help = format!("write `{normal}`: rules match the normal form of a URI");
                    self.findings.error_with_help(&node.place, message, help);
                }
                Err(reason) => {
                    let help = format!("a request with this URI is denied before any rule: {reason}");
                    self.findings.error_with_help(&node.place, message, help);
                }
            }
        }
    }
}

/// The beginning of a URI up to its last `/`, which has a normal form of its own.
fn whole_segments(prefix: &str) -> &str {
    let end = prefix.rfind('/').map_or(0, |slash| slash + 1);
    match prefix.get(..end) {
        // Only the scheme is whole.
        Some(whole) if !whole.ends_with("://") => whole,
        _ => "",
    }
}
