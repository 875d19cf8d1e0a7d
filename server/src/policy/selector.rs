//! Selectors: the requests that a rule matches.

use std::borrow::Cow;

use guardhouse::{AuthContext, Component};

use crate::policy::bounds;
use crate::policy::normal::{self, UriKind};
use crate::policy::pattern::{Pattern, Text};

/// The kind of a component whose name is a path.
pub(crate) const ROUTE: &str = "route";

/// A request in its normal form, which rules are matched against and checks are given.
#[derive(Debug, Clone)]
pub struct Target<'a> {
    context: Cow<'a, AuthContext>,
}

impl<'a> Target<'a> {
    /// The target of a request.
    ///
    /// The name of a route and the URI of any component have a normal form: one spelling. Everything else is an exact
    /// text, which stays as it is.
    ///
    /// # Errors
    /// [`NotNormal`] if a part of the request has no normal form, so that two readers could understand it differently.
    pub fn of(context: &'a AuthContext) -> Result<Self, NotNormal> {
        let component = &context.component;
        check("component.kind", &component.kind, bounds::WORD_BYTES)?;
        check("component.name", &component.name, bounds::COMPONENT_NAME_BYTES)?;
        not_empty("component.kind", &component.kind)?;
        not_empty("component.name", &component.name)?;
        check("action", &context.action, bounds::WORD_BYTES)?;
        let mut left = bounds::TAG_BYTES;
        for tag in &component.tags {
            check("component.tags", tag, left)?;
            // An empty tag is counted too.
            left = left.saturating_sub(tag.len() + 1);
        }
        let is_route = component.kind == ROUTE;
        let name = if is_route {
            normal::route(&component.name).map_err(|reason| NotNormal { part: "component.name", reason })?
        } else {
            Cow::Borrowed(&*component.name)
        };
        let uri = match &component.uri {
            None => None,
            Some(uri) => {
                check("component.uri", uri, bounds::URI_BYTES)?;
                let normal = normal::uri(uri, uri_kind(&component.kind));
                Some(normal.map_err(|reason| NotNormal { part: "component.uri", reason })?)
            }
        };
        if matches!(name, Cow::Borrowed(_)) && matches!(uri, None | Some(Cow::Borrowed(_))) {
            return Ok(Self { context: Cow::Borrowed(context) });
        }
        let (name, uri) = (name.into_owned(), uri.map(Cow::into_owned));
        let mut normal = context.clone();
        normal.component.name = name;
        normal.component.uri = uri;
        Ok(Self { context: Cow::Owned(normal) })
    }

    /// The request in its normal form, borrowed if it is the one that came in.
    #[must_use]
    pub fn into_context(self) -> Cow<'a, AuthContext> {
        self.context
    }

    /// The request in its normal form.
    #[must_use]
    pub fn context(&self) -> &AuthContext {
        &self.context
    }
}

/// What the URI of a component stands for.
fn uri_kind(kind: &str) -> UriKind {
    match kind {
        ROUTE => UriKind::Route,
        Component::RESOURCE_TEMPLATE => UriKind::Template,
        _ => UriKind::Resource,
    }
}

fn check(part: &'static str, text: &str, most: usize) -> Result<(), NotNormal> {
    if text.len() > most {
        return Err(NotNormal { part, reason: "it is too long" });
    }
    if text.contains(char::is_control) {
        return Err(NotNormal { part, reason: "it has a control character" });
    }
    Ok(())
}

fn not_empty(part: &'static str, text: &str) -> Result<(), NotNormal> {
    if text.is_empty() { Err(NotNormal { part, reason: "it is empty" }) } else { Ok(()) }
}

/// A request without a normal form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{part}` has no normal form: {reason}")]
pub struct NotNormal {
    /// The part: `component.name`.
    pub part: &'static str,
    /// The reason.
    pub reason: &'static str,
}

/// A selector. A request must match all of its parts; a part without patterns, and so a selector without parts, matches
/// every request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selector {
    /// Patterns for the kind of the component, of which one must match.
    pub kinds: Vec<Pattern>,
    /// Patterns for the name of the component, of which one must match. The name of a route is a path.
    pub names: Vec<Pattern>,
    /// Patterns for the URI of the component, of which one must match. A component without a URI matches none.
    pub uris: Vec<Pattern>,
    /// Patterns for the tags of the component: one must match one tag.
    pub tags: Vec<Pattern>,
    /// Patterns for the action, of which one must match.
    pub actions: Vec<Pattern>,
}

impl NotNormal {
    /// A request that takes too many steps to match.
    pub(crate) const TOO_COSTLY: Self = Self { part: "component", reason: "it takes too many steps to match" };
}

impl Selector {
    /// Whether a request matches. `steps` are counted down; without any left, nothing matches.
    pub(super) fn matches(&self, target: &Target<'_>, steps: &mut usize) -> bool {
        let context = target.context();
        let component = &context.component;
        let name = if component.kind == ROUTE { Text::Path } else { Text::Opaque };
        let mut matches = |patterns: &[Pattern], text: &str, kind: Text| {
            patterns.is_empty() || patterns.iter().any(|pattern| pattern.matches_within(text, kind, steps))
        };
        matches(&self.kinds, &component.kind, Text::Opaque)
            && matches(&self.actions, &context.action, Text::Opaque)
            && matches(&self.names, &component.name, name)
            && match &component.uri {
                Some(uri) => matches(&self.uris, uri, Text::Path),
                None => self.uris.is_empty(),
            }
            && (self.tags.is_empty() || component.tags.iter().any(|tag| matches(&self.tags, tag, Text::Opaque)))
    }

    /// Whether every request matches.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts().iter().all(|(_, patterns)| patterns.is_empty())
    }

    /// The parts, each with its key in `policy.toml`.
    pub(super) fn parts(&self) -> [(&'static str, &[Pattern]); 5] {
        [
            ("kind", &self.kinds),
            ("name", &self.names),
            ("uri", &self.uris),
            ("tag", &self.tags),
            ("action", &self.actions),
        ]
    }
}

#[cfg(test)]
mod tests {
    use guardhouse::Component;

    use super::*;

    fn selector(parts: [&[&str]; 5]) -> Selector {
        let [kinds, names, uris, tags, actions] =
            parts.map(|patterns| patterns.iter().map(|pattern| pattern.parse().unwrap()).collect());
        Selector { kinds, names, uris, tags, actions }
    }

    fn is_match(selector: &Selector, component: Component, action: &str) -> bool {
        let context = AuthContext::new(component).with_action(action);
        selector.matches(&Target::of(&context).unwrap(), &mut bounds::MATCH_STEPS.clone())
    }

    #[test]
    fn all_parts_must_match_and_one_pattern_of_each_suffices() {
        let tagged = |name: &str, tag: &str| Component::tool(name).with_tags(["x", tag]);
        let selector = selector([&["prompt", "tool"], &["a*"], &[], &["money"], &["tools/*"]]);
        assert!(is_match(&selector, tagged("ab", "money"), "tools/call"));
        assert!(!is_match(&selector, tagged("b", "money"), "tools/call"));
        assert!(!is_match(&selector, tagged("ab", "monet"), "tools/call"));
        assert!(!is_match(&selector, tagged("ab", "money"), "prompts/get"));
        assert!(!is_match(&selector, Component::tool("ab"), "tools/call"));
        assert!(!is_match(&selector, Component::new("resource", "ab").with_tags(["money"]), "tools/call"));
        assert!(is_match(&Selector::default(), Component::tool("ab"), ""));
        assert!(Selector::default().is_empty() && !selector.is_empty());
    }

    #[test]
    fn a_rule_for_uris_does_not_match_what_has_none() {
        let selector = selector([&[], &[], &["**"], &[], &[]]);
        assert!(!is_match(&selector, Component::tool("a"), ""));
        assert!(is_match(&selector, Component::resource("a", "x:b"), ""));
    }

    #[test]
    fn the_name_of_a_route_is_a_path_and_other_names_are_not() {
        let selector = selector([&[], &["/a*"], &[], &[], &[]]);
        assert!(!is_match(&selector, Component::new("route", "/a/b"), "GET"));
        assert!(is_match(&selector, Component::new("route", "/ab"), "GET"));
        assert!(is_match(&selector, Component::tool("/a/b"), ""));
    }

    #[test]
    fn rules_and_checks_see_the_normal_form() {
        let route = Component::new("route", "/orders/%37").with_uri("HTTPS://shop.example:443/orders/%37");
        let context = AuthContext::new(route).with_action("GET");
        let target = Target::of(&context).unwrap();
        let component = &target.context().component;
        assert_eq!((&*component.name, component.uri.as_deref()), ("/orders/7", Some("https://shop.example/orders/7")));
        let normal = target.into_context().into_owned();
        assert_eq!(Target::of(&normal).unwrap().context(), &normal);
        // A name that is no path is an exact text.
        let tool = AuthContext::new(Component::tool("/orders/%37/../x"));
        assert_eq!(Target::of(&tool).unwrap().context(), &tool);
    }

    #[test]
    fn a_request_without_a_normal_form_names_the_part() {
        let long = |bytes: usize| "a".repeat(bytes + 1);
        let tool = Component::tool;
        for (component, action, part) in [
            (Component::new("", "a"), "", "component.kind"),
            (Component::new("to\u{0}ol", "a"), "", "component.kind"),
            (Component::new(long(bounds::WORD_BYTES), "a"), "", "component.kind"),
            (tool(""), "", "component.name"),
            (tool("a\n"), "", "component.name"),
            (tool("a\u{9b}"), "", "component.name"),
            (tool(&long(bounds::COMPONENT_NAME_BYTES)), "", "component.name"),
            (Component::new("route", "/a/../b"), "", "component.name"),
            (Component::resource("a", "x"), "", "component.uri"),
            (Component::resource("a", "x:\u{1}"), "", "component.uri"),
            (Component::resource("a", format!("x:{}", long(bounds::URI_BYTES))), "", "component.uri"),
            (tool("a").with_tags(["\r"]), "", "component.tags"),
            (tool("a").with_tags([long(bounds::TAG_BYTES)]), "", "component.tags"),
            (tool("a").with_tags(vec!["ab"; bounds::TAG_BYTES]), "", "component.tags"),
            (tool("a"), "\t", "action"),
            (tool("a"), &long(bounds::WORD_BYTES), "action"),
        ] {
            let context = AuthContext::new(component).with_action(action);
            assert_eq!(Target::of(&context).err().map(|error| error.part), Some(part));
        }
    }
}
