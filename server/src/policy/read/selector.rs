//! The selector of a rule: `when`.

use std::borrow::Cow;

use super::Reader;
use crate::policy::bounds;
use crate::policy::document::Node;
use crate::policy::normal::{self, UriKind};
use crate::policy::pattern::{Pattern, PatternError};
use crate::policy::selector::{ROUTE, Selector};
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
            self.check_paths(uris, &node, Path::Uri);
        }
        let is_route = |kinds: &Vec<Pattern>| kinds.iter().all(|kind| kind.literal() == Some(ROUTE));
        let routes = kinds.as_ref().is_some_and(|kinds| !kinds.is_empty() && is_route(kinds));
        if let (true, Some(names), Some(node)) = (routes, &names, table.get("name")) {
            self.check_paths(names, &node, Path::Route);
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

    /// Adds an error for each pattern that no path in its normal form matches: it would silently protect nothing.
    fn check_paths(&mut self, patterns: &[Pattern], node: &Node<'_>, kind: Path) {
        for pattern in patterns {
            let text = match pattern.literal() {
                Some(literal) => literal,
                None => kind.certain(pattern.prefix()),
            };
            if text.is_empty() {
                continue;
            }
            let help = match kind.normal(text) {
                Ok(normal) if normal == text => continue,
                Ok(normal) => format!("write `{}`: rules match the normal form", clip(&normal)),
                Err(reason) => format!("a request with it is denied before any rule: {reason}"),
            };
            let message = format!("no request matches `{}`", clip(pattern.as_str()));
            self.findings.error_with_help(&node.place, message, help);
        }
    }
}

/// The kinds of paths that have a normal form.
#[derive(Debug, Clone, Copy)]
enum Path {
    Route,
    Uri,
}

impl Path {
    fn normal(self, text: &str) -> Result<Cow<'_, str>, &'static str> {
        match self {
            Self::Route => normal::route(text),
            // Which kinds a rule is for does not say which URIs it was meant for.
            Self::Uri => normal::uri(text, UriKind::Resource).or_else(|_| normal::uri(text, UriKind::Template)),
        }
    }

    /// The beginning of what a pattern matches that has a normal form of its own, whatever follows: up to its last `/`.
    /// Empty if nothing is certain.
    fn certain(self, prefix: &str) -> &str {
        let whole = prefix.rfind('/').and_then(|slash| prefix.get(..=slash)).unwrap_or_default();
        match self {
            // Every route begins with `/`.
            Self::Route if !prefix.is_empty() && !prefix.starts_with('/') => prefix,
            Self::Route => whole,
            // Without a host, the scheme alone says nothing.
            Self::Uri if whole.contains("://") && !whole.ends_with("://") => whole,
            Self::Uri => "",
        }
    }
}
