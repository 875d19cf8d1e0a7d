//! The imports of the crate are not circular: neither between the files and subfolders of a folder, nor between its
//! `mod.rs` and the other files.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests are tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The modules of a crate: their text, by their path from the root. `a/b.rs` and `a/b/mod.rs` are `["a", "b"]`.
type Modules = BTreeMap<Vec<String>, Module>;

struct Module {
    /// The same path by files and folders: `["a", "b.rs"]`, `["a", "b", "mod.rs"]`.
    file: Vec<String>,
    code: String,
}

/// The circular imports below `src`: at most one circle for each folder, with the path that makes each arrow.
fn circles(src: &Path) -> Vec<String> {
    let mut modules = Modules::new();
    read(src, &[], &mut modules);
    let mut arrows: BTreeMap<&[String], BTreeMap<&str, BTreeMap<&str, String>>> = BTreeMap::new();
    for (from, module) in &modules {
        for path in paths(&module.code) {
            let Some(target) = resolve(&path, from, &modules) else { continue };
            let (from, to) = (&module.file, &modules[target].file);
            if from == to {
                continue;
            }
            // An arrow between two files is an arrow in the innermost folder that contains both.
            let depth = from.iter().zip(to).take_while(|(from, to)| from == to).count();
            let text = format!("{} -> {} ({} uses `{}`)", from[depth], to[depth], from.join("/"), path.join("::"));
            let folder = arrows.entry(&from[..depth]).or_default();
            folder.entry(&from[depth]).or_default().entry(&to[depth]).or_insert(text);
        }
    }
    arrows
        .into_iter()
        .filter_map(|(folder, arrows)| Some(format!("in src/{}:{}", folder.join("/"), circle(arrows)?)))
        .collect()
}

/// The arrows of a circle, each on a line of its own.
fn circle(mut arrows: BTreeMap<&str, BTreeMap<&str, String>>) -> Option<String> {
    // Remove the entries without outgoing arrows. From each of the others an arrow leads to another of them.
    loop {
        let entries: BTreeSet<&str> = arrows.keys().copied().collect();
        arrows.values_mut().for_each(|targets| targets.retain(|target, _| entries.contains(target)));
        arrows.retain(|_, targets| !targets.is_empty());
        if arrows.len() == entries.len() {
            break;
        }
    }
    let mut entry = *arrows.keys().next()?;
    let mut seen: Vec<(&str, &str)> = Vec::new();
    while !seen.iter().any(|(from, _)| *from == entry) {
        let (target, text) = arrows[entry].first_key_value()?;
        seen.push((entry, text));
        entry = target;
    }
    Some(seen.iter().skip_while(|(from, _)| *from != entry).map(|(_, text)| format!("\n  {text}")).collect())
}

/// Adds the modules in a folder, without their comments and unit tests.
fn read(folder: &Path, parents: &[String], modules: &mut Modules) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        if entry.path().is_dir() {
            read(&entry.path(), &[parents, &[name]].concat(), modules);
        } else if let Some(stem) = name.strip_suffix(".rs") {
            let own = if matches!(stem, "lib" | "mod") { vec![] } else { vec![stem.to_owned()] };
            let text = fs::read_to_string(entry.path()).unwrap();
            let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            let code =
                text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
            let module = Module { file: [parents, std::slice::from_ref(&name)].concat(), code };
            modules.insert([parents, &own].concat(), module);
        }
    }
}

/// Every path in a piece of code, such as `crate::a::b`. A group is several: `crate::{a, b::{c, d}}`.
fn paths(code: &str) -> Vec<Vec<&str>> {
    let mut paths = Vec::new();
    let mut rest = code;
    while let Some(start) = rest.find(is_word) {
        rest = read_path(&rest[start..], &[], &mut paths);
    }
    paths
}

/// Reads the path at the start of `code`, which goes on from `prefix`. Returns the code behind it.
fn read_path<'a>(mut code: &'a str, prefix: &[&'a str], paths: &mut Vec<Vec<&'a str>>) -> &'a str {
    let mut path = prefix.to_vec();
    loop {
        let (word, rest) = code.split_at(code.find(|character| !is_word(character)).unwrap_or(code.len()));
        path.push(word);
        let Some(rest) = rest.strip_prefix("::") else {
            paths.push(path);
            return rest;
        };
        code = rest;
        let Some(mut group) = rest.strip_prefix('{') else { continue };
        loop {
            group = group.trim_start_matches(|character| !is_word(character) && character != '}');
            if let Some(rest) = group.strip_prefix('}') {
                return rest;
            }
            group = read_path(group, &path, paths);
        }
    }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// The module of the item that a path names. Single words and paths into other crates have none.
fn resolve<'a>(path: &[&str], from: &[String], modules: &'a Modules) -> Option<&'a [String]> {
    let is_keyword = |word: &&&str| matches!(**word, "crate" | "self" | "super");
    let parents = path.iter().filter(|word| **word == "super").count();
    let mut target = if path[0] == "crate" { vec![] } else { from[..from.len().checked_sub(parents)?].to_vec() };
    let mut is_in_crate = path.len() > 1 && is_keyword(&&path[0]);
    for word in path.iter().skip_while(is_keyword) {
        target.push((*word).to_owned());
        if !modules.contains_key(&target) {
            target.pop();
            break;
        }
        is_in_crate = path.len() > 1;
    }
    let (module, _) = modules.get_key_value(&target)?;
    is_in_crate.then_some(module)
}

#[test]
fn imports_are_not_circular() {
    let circles = circles(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(circles.is_empty(), "{}", circles.join("\n"));
}

#[test]
fn circular_imports_are_reported_with_their_arrows() {
    let folder = tempfile::tempdir().unwrap();
    for (file, text) in [
        ("lib.rs", "mod one;\nmod two;\npub use one::{One, inner};\n"),
        ("one/mod.rs", "mod inner;\n// crate::two\nfn f() -> crate::two::Two { inner::f() }\n"),
        ("one/inner.rs", "use std::fmt;\n#[cfg(test)]\nmod tests {\n    use super::super::One;\n}\n"),
        ("two.rs", "use crate::{\n    one::{One, inner::f as g},\n};\n"),
    ] {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let expected = "in src/:
  one -> two.rs (one/mod.rs uses `crate::two::Two`)
  two.rs -> one (two.rs uses `crate::one::One`)";
    assert_eq!(circles(folder.path()), [expected]);

    fs::write(folder.path().join("two.rs"), "").unwrap();
    assert_eq!(circles(folder.path()), Vec::<String>::new());

    fs::write(folder.path().join("one/inner.rs"), "use super::One;\n").unwrap();
    let expected = "in src/one:
  inner.rs -> mod.rs (one/inner.rs uses `super::One`)
  mod.rs -> inner.rs (one/mod.rs uses `inner::f`)";
    assert_eq!(circles(folder.path()), [expected]);
}
