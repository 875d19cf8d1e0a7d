//! The layers of `host/src` and `server/src`: files import only files of lower floors, without a circle. The folders of
//! `authoring/src` have no circle either.

use std::path::Path;

use crate::imports::{SourceTree, by_folder, circle, crate_of};

/// The folders and files of `host/src` from the bottom to the top. Each may import only those of the floors below it;
/// `lib.rs`, above all, may import everything, and nothing imports it.
const FLOORS: &[&[&str]] = &[
    &["util"],
    &["builtin", "digest", "interfaces", "log_line", "reads", "tuning", "units"],
    &["fault", "grants", "limits", "request"],
    &["error", "outcome", "turns"],
    &["decision", "tenant"],
    &["guest"],
    &["engine"],
    &["code"],
    &["instance", "host"],
    &["plugin"],
    &["image"],
    &["check"],
];

/// The folders and files of `server/src`, like [`FLOORS`].
const SERVER_FLOORS: &[&[&str]] = &[
    &["lock", "log_rules", "problem", "socket_file", "step", "tenant_name"],
    &["policy"],
    &["decided"],
    &["snapshot"],
    &["tenants"],
    &["last_good", "source"],
    &["activation"],
    &["observe"],
    &["config"],
    &["tls", "token"],
    &["door"],
    &["serve"],
];

/// The folders of `server/src` whose files have no circle.
const SERVER_WITHOUT_CIRCLE: &[&str] = &["snapshot", "tenants", "last_good", "source", "activation", "tls"];

/// The last of the floors that do not know WebAssembly.
const LAST_WITHOUT_WASMTIME: &str = "decision";

fn host() -> SourceTree {
    tree_of("host")
}

/// The source of a crate of this workspace.
fn tree_of(name: &str) -> SourceTree {
    SourceTree::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name).join("src"))
}

/// The folder or file of a path that [`FLOORS`] names.
fn top(file: &str) -> &str {
    file.split('/').next().unwrap().trim_end_matches(".rs")
}

/// The floor of a file; none if the table does not have it.
fn floor(floors: &[&[&str]], file: &str) -> Option<usize> {
    floors.iter().position(|names| names.contains(&top(file))).or((file == "lib.rs").then_some(floors.len()))
}

/// The violations of a tree, one line each.
fn violations(tree: &SourceTree, floors: &[&[&str]]) -> Vec<String> {
    let mut violations = upwards(tree, floors);
    violations.extend(circle(&tree.imports()).map(|files| format!("{} is a circle", files.join(" -> "))));
    violations
}

/// The files that are on no floor, and the imports that do not lead to a lower one, one line each.
fn upwards(tree: &SourceTree, floors: &[&[&str]]) -> Vec<String> {
    let unknown = tree.files().filter(|file| floor(floors, file).is_none());
    let mut violations: Vec<String> = unknown.map(|file| format!("{file} is on no floor")).collect();
    let imports = tree.imports();
    let upwards = imports.iter().filter(|import| {
        top(&import.from) != top(&import.to) && floor(floors, &import.to) >= floor(floors, &import.from)
    });
    violations.extend(upwards.map(|import| format!("{import} does not lead to a lower floor")));
    violations
}

#[test]
fn imports_lead_to_lower_floors_without_a_circle() {
    let tree = host();
    assert!(tree.files().count() > 50);
    let violations = violations(&tree, FLOORS);
    assert!(violations.is_empty(), "\n{}", violations.join("\n"));
}

#[test]
fn imports_of_the_server_lead_to_lower_floors() {
    let tree = tree_of("server");
    assert!(tree.files().count() > 30);
    let violations = upwards(&tree, SERVER_FLOORS);
    assert!(violations.is_empty(), "\n{}", violations.join("\n"));
    // The files of the other folders are parts of one parser, or of one door.
    let of = |file: &str| SERVER_WITHOUT_CIRCLE.contains(&top(file));
    let imports = tree.imports().into_iter().filter(|import| of(&import.from) && of(&import.to)).collect();
    assert_eq!(circle(&imports), None);
}

#[test]
fn the_floors_up_to_decision_do_not_mention_wasmtime() {
    let tree = host();
    let last = floor(FLOORS, LAST_WITHOUT_WASMTIME);
    let lower = tree.files().filter(|file| floor(FLOORS, file) <= last);
    let mentions: Vec<&str> = lower.filter(|file| tree.mentions(file, "wasmtime")).collect();
    assert_eq!(mentions, [] as [&str; 0]);
}

#[test]
fn the_general_tools_know_nothing_of_guardhouse() {
    let imports = host().imports();
    let found: Vec<String> = imports
        .iter()
        .filter(|import| top(&import.from) == "util" && top(&import.to) != "util")
        .map(ToString::to_string)
        .collect();
    assert_eq!(found, [] as [String; 0]);
}

#[test]
fn the_imports_of_authoring_are_not_circular() {
    let tree = tree_of("authoring");
    assert!(tree.files().count() > 20);
    for (folder, imports) in by_folder(&tree.imports()) {
        let circle = circle(&imports).map(|entries| entries.join(" -> "));
        assert_eq!(circle, None, "in authoring/src/{folder}");
    }
}

#[test]
fn an_import_of_a_higher_floor_and_a_circle_are_violations() {
    let tree = |low: &str| {
        let files = [
            ("lib.rs", "mod low; mod high; mod other; pub use high::High;"),
            ("low.rs", low),
            ("high/mod.rs", "mod part; use crate::low::Low;"),
            ("high/part.rs", "use crate::low::Low;"),
            ("other.rs", "use crate::low::Low;"),
        ];
        let folder = crate_of(&files);
        violations(&SourceTree::read(folder.path()), &[&["low"], &["high", "other"]])
    };
    assert_eq!(tree(""), [] as [String; 0]);
    let expected =
        ["low.rs -> high/part.rs does not lead to a lower floor", "low.rs -> high/part.rs -> low.rs is a circle"];
    assert_eq!(tree("use crate::high::part::Part;"), expected);
    assert_eq!(tree("use crate::High;")[0], "low.rs -> lib.rs does not lead to a lower floor");
}
