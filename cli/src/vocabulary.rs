//! The words of a request that this project knows. Any other word is accepted, and may be a slip.

use guardhouse::AuthContext;

/// The kinds of components (`docs/request.md`).
const KINDS: &[&str] = &["tool", "resource", "resource-template", "prompt", "task", "mcp_server", "route"];

/// The actions: methods of the Model Context Protocol, and of HTTP.
const ACTIONS: &[&str] = &[
    "tools/call",
    "tools/list",
    "resources/read",
    "resources/subscribe",
    "resources/unsubscribe",
    "resources/list",
    "resources/templates/list",
    "prompts/get",
    "prompts/list",
    "completion/complete",
    "logging/setLevel",
    "initialize",
    "ping",
    "server/discover",
    "tasks/get",
    "tasks/result",
    "tasks/list",
    "tasks/cancel",
    "tasks/update",
    "CONNECT",
    "DELETE",
    "GET",
    "HEAD",
    "OPTIONS",
    "PATCH",
    "POST",
    "PUT",
    "TRACE",
];

/// Two words with at most this many different characters may be the same word.
const MAX_SLIPS: usize = 2;

/// Remarks on words of a request that are not known. AuthZEN's requests have words of their own.
pub(crate) fn remarks(context: &AuthContext) -> Vec<String> {
    if context.attributes.get("subject").is_some() {
        return Vec::new();
    }
    let action = Some(&context.action).filter(|action| !action.is_empty());
    let words = [("component.kind", Some(&context.component.kind), KINDS), ("action", action, ACTIONS)];
    let given = words.into_iter().filter_map(|(field, word, known)| Some((field, word?, known)));
    let unknown = given.filter(|(_, word, known)| !known.contains(&word.as_str()));
    unknown.map(|(field, word, known)| remark(field, word, known)).collect()
}

fn remark(field: &str, word: &str, known: &[&str]) -> String {
    let word: String = word.chars().take(100).collect();
    let normal = word.to_lowercase().replace('_', "-");
    let nearest = known.iter().map(|known| {
        let distance = strsim::osa_distance(&normal, &known.to_lowercase().replace('_', "-"));
        (distance, known)
    });
    match nearest.min().filter(|(distance, _)| *distance <= MAX_SLIPS) {
        Some((_, known)) => format!("unknown `{field}` in the context: `{word}`; is `{known}` meant?"),
        None if known.len() > KINDS.len() => format!("unknown `{field}` in the context: `{word}`"),
        None => format!("unknown `{field}` in the context: `{word}`; known are `{}`", known.join("`, `")),
    }
}

#[cfg(test)]
mod tests {
    use guardhouse::Component;
    use serde_json::json;

    use super::*;

    fn request(kind: &str, action: &str) -> AuthContext {
        AuthContext::new(Component::new(kind, "search")).with_action(action)
    }

    #[test]
    fn known_words_have_no_remark() {
        for kind in KINDS {
            assert_eq!(remarks(&request(kind, "")), [""; 0]);
        }
        for action in ACTIONS {
            assert_eq!(remarks(&request("tool", action)), [""; 0]);
        }
        let authzen = request("record", "delete").with_attributes(json!({ "subject": { "id": "alice" } }));
        assert_eq!(remarks(&authzen), [""; 0]);
    }

    #[test]
    fn an_unknown_word_has_a_remark_with_the_word_that_may_be_meant() {
        for (kind, action, remark) in [
            ("tol", "", "unknown `component.kind` in the context: `tol`; is `tool` meant?"),
            ("Tool", "", "unknown `component.kind` in the context: `Tool`; is `tool` meant?"),
            (
                "resource_template",
                "",
                "unknown `component.kind` in the context: `resource_template`; is `resource-template` meant?",
            ),
            ("tool", "tools/cal", "unknown `action` in the context: `tools/cal`; is `tools/call` meant?"),
            ("tool", "get", "unknown `action` in the context: `get`; is `GET` meant?"),
            ("tool", "frobnicate", "unknown `action` in the context: `frobnicate`"),
        ] {
            assert_eq!(remarks(&request(kind, action)), [remark]);
        }
        let other = remarks(&request("database", "")).remove(0);
        assert!(other.contains("`database`; known are `tool`, `resource`, "), "{other}");
        assert!(remarks(&request(&"x".repeat(10_000), ""))[0].len() < 300);
    }
}
