//! The imports of a crate: which of its source files uses which.
//!
//! This reads `use` declarations and paths in code, as far as they begin with `crate`, `super`, `self`, a child module or
//! an imported module. Comments, literals and items under `#[cfg(test)]` do not count, and visibilities such as
//! `pub(in crate::code)` are not imports.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

/// The path of a module from the root of its crate, which is the empty path.
type ModulePath = Vec<String>;

/// The source files of a crate.
#[derive(Debug)]
pub(crate) struct SourceTree {
    modules: BTreeMap<ModulePath, SourceFile>,
}

#[derive(Debug)]
struct SourceFile {
    /// The path in the folder of the root file, with `/`.
    name: String,
    tokens: Vec<String>,
}

/// One file uses another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Import {
    pub(crate) from: String,
    pub(crate) to: String,
}

impl fmt::Display for Import {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {}", self.from, self.to)
    }
}

impl SourceTree {
    /// Reads `lib.rs` in a folder, and all files that it declares as modules.
    pub(crate) fn read(folder: &Path) -> Self {
        let mut modules = BTreeMap::new();
        read_module(folder, PathBuf::from("lib.rs"), Vec::new(), &mut modules);
        Self { modules }
    }

    pub(crate) fn files(&self) -> impl Iterator<Item = &str> {
        self.modules.values().map(|file| &*file.name)
    }

    /// Returns `true` if the code of a file has a word that begins with `prefix`.
    pub(crate) fn mentions(&self, file: &str, prefix: &str) -> bool {
        let file = self.modules.values().find(|module| module.name == file).unwrap();
        file.tokens.iter().any(|token| token.starts_with(prefix))
    }

    /// All imports of one file by another, in order.
    pub(crate) fn imports(&self) -> BTreeSet<Import> {
        let mut imports = BTreeSet::new();
        for (path, file) in &self.modules {
            for used in Scan::new(path, &file.tokens).used_paths() {
                let to = &self.modules[self.owner(&used)].name;
                if *to != file.name {
                    imports.insert(Import { from: file.name.clone(), to: to.clone() });
                }
            }
        }
        imports
    }

    /// The innermost module with a file of its own on the way to an item.
    fn owner<'a>(&self, item: &'a [String]) -> &'a [String] {
        (0..=item.len()).rev().map(|length| &item[..length]).find(|path| self.modules.contains_key(*path)).unwrap()
    }
}

/// A circle of imports, beginning and ending with the same file.
pub(crate) fn circle(imports: &BTreeSet<Import>) -> Option<Vec<&str>> {
    fn visit<'a>(
        file: &'a str,
        imports: &'a BTreeSet<Import>,
        way: &mut Vec<&'a str>,
        done: &mut BTreeSet<&'a str>,
    ) -> Option<Vec<&'a str>> {
        if let Some(start) = way.iter().position(|passed| *passed == file) {
            return Some([&way[start..], &[file]].concat());
        }
        if !done.insert(file) {
            return None;
        }
        way.push(file);
        for import in imports.iter().filter(|import| import.from == file) {
            let found = visit(&import.to, imports, way, done);
            if found.is_some() {
                return found;
            }
        }
        way.pop();
        None
    }

    let mut done = BTreeSet::new();
    imports.iter().find_map(|import| visit(&import.from, imports, &mut Vec::new(), &mut done))
}

fn read_module(folder: &Path, name: PathBuf, path: ModulePath, modules: &mut BTreeMap<ModulePath, SourceFile>) {
    let text = std::fs::read_to_string(folder.join(&name)).unwrap_or_else(|error| panic!("{name:?}: {error}"));
    let tokens = without_tests(&tokens(&text));
    // `a.rs` and `a/mod.rs` both have their children in `a/`.
    let own = name.file_stem().is_some_and(|stem| stem != "mod" && stem != "lib");
    let children = if own { name.with_extension("") } else { name.with_file_name("") };
    for declaration in tokens.windows(3).filter(|window| window[0] == "mod" && window[2] == ";") {
        let child = &declaration[1];
        let file = children.join(child).with_extension("rs");
        let file = if folder.join(&file).is_file() { file } else { children.join(child).join("mod.rs") };
        read_module(folder, file, [&path[..], std::slice::from_ref(child)].concat(), modules);
    }
    modules.insert(path, SourceFile { name: name.to_str().unwrap().to_owned(), tokens });
}

/// The words and punctuation marks of Rust code, without comments and literals. `::` is one token.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = literal_or_comment(rest);
        if length > 0 {
            rest = &rest[length..];
            continue;
        }
        let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
        let length = match first {
            _ if is_word(first) => rest.find(|letter| !is_word(letter)).unwrap_or(rest.len()),
            ':' if rest.starts_with("::") => 2,
            _ => first.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        if !first.is_whitespace() {
            tokens.push(token.to_owned());
        }
        rest = after;
    }
    tokens
}

/// The length of the comment or the literal that a text begins with; 0 if it begins with neither.
fn literal_or_comment(text: &str) -> usize {
    let until = |from: usize, end: &str| text[from..].find(end).map_or(text.len(), |at| from + at + end.len());
    if text.starts_with("//") {
        return until(0, "\n");
    }
    if text.starts_with("/*") {
        return until(2, "*/");
    }
    let unprefixed = text.trim_start_matches(['b', 'c']);
    let prefix = text.len() - unprefixed.len();
    if let Some(raw) = unprefixed.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            return until(prefix + 1 + hashes + 1, &format!("\"{}", "#".repeat(hashes)));
        }
    }
    let quote = match unprefixed.chars().next() {
        Some('"') => '"',
        // `'a'` and `'\n'` are characters, and `'a` is a lifetime.
        Some('\'') if unprefixed[1..].starts_with('\\') || unprefixed.chars().nth(2) == Some('\'') => '\'',
        _ => return 0,
    };
    let mut is_escaped = false;
    for (at, letter) in unprefixed.char_indices().skip(1) {
        match letter {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            _ if letter == quote => return prefix + at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Leaves out each item under `#[cfg(test)]`: it ends with its first `;` or block.
fn without_tests(tokens: &[String]) -> Vec<String> {
    let cfg_test = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if !tokens[at..].iter().map(String::as_str).take(cfg_test.len()).eq(cfg_test) {
            kept.push(tokens[at].clone());
            at += 1;
            continue;
        }
        let mut depth = 0;
        while at < tokens.len() {
            depth += match &*tokens[at] {
                "{" | "(" | "[" => 1,
                "}" | ")" | "]" => -1,
                _ => 0,
            };
            at += 1;
            if depth == 0 && matches!(&*tokens[at - 1], "}" | ";") {
                break;
            }
        }
    }
    kept
}

/// Reads the tokens of one file.
struct Scan<'a> {
    tokens: &'a [String],
    at: usize,
    /// The module of the file, followed by the inline modules around the token.
    module: ModulePath,
    /// How deep in blocks each of the inline modules is.
    inline: Vec<usize>,
    depth: usize,
    /// Modules that a name stands for: children of the file, and imported modules.
    names: BTreeMap<String, ModulePath>,
    used: Vec<ModulePath>,
}

impl<'a> Scan<'a> {
    fn new(module: &[String], tokens: &'a [String]) -> Self {
        let children = tokens.windows(3).filter(|window| window[0] == "mod" && window[2] == ";");
        let names = children.map(|window| (window[1].clone(), [module, &window[1..2]].concat())).collect();
        Self { tokens, at: 0, module: module.to_vec(), inline: Vec::new(), depth: 0, names, used: Vec::new() }
    }

    /// The paths that the file uses, from the root of the crate.
    fn used_paths(mut self) -> Vec<ModulePath> {
        while self.at < self.tokens.len() {
            match self.token(0) {
                "pub" if self.token(1) == "(" => self.skip_visibility(),
                "mod" if self.token(2) == "{" => {
                    self.module.push(self.token(1).to_owned());
                    self.inline.push(self.depth);
                    self.at += 2;
                }
                "{" => self.step(1),
                "}" => {
                    self.step(-1);
                    if self.inline.last() == Some(&self.depth) {
                        self.inline.pop();
                        self.module.pop();
                    }
                }
                "use" => {
                    self.at += 1;
                    self.read_path(true);
                }
                _ if self.at == 0 || self.token_before() != "::" => self.read_path(false),
                _ => self.at += 1,
            }
        }
        self.used
    }

    fn token(&self, offset: usize) -> &'a str {
        self.tokens.get(self.at + offset).map_or("", String::as_str)
    }

    fn token_before(&self) -> &'a str {
        &self.tokens[self.at - 1]
    }

    fn step(&mut self, change: isize) {
        self.depth = self.depth.saturating_add_signed(change);
        self.at += 1;
    }

    fn skip_visibility(&mut self) {
        while !matches!(self.token(0), ")" | "") {
            self.at += 1;
        }
    }

    /// Reads a path if the next token begins one in this crate, and steps over the token otherwise.
    fn read_path(&mut self, is_use: bool) {
        let start = match self.token(0) {
            "crate" => Some(Vec::new()),
            "self" if self.token(1) == "::" => Some(self.module.clone()),
            "super" => Some(self.module[..self.module.len().saturating_sub(1)].to_vec()),
            name if self.token(1) == "::" => self.names.get(name).cloned(),
            _ => None,
        };
        self.at += 1;
        if let Some(start) = start {
            self.read_rest(start, is_use);
        }
    }

    /// Reads what follows the start of a path: `::name`, or `::{…}` with several paths.
    fn read_rest(&mut self, mut path: ModulePath, is_use: bool) {
        while self.token(0) == "::" {
            match self.token(1) {
                "super" => drop(path.pop()),
                "{" if is_use => {
                    self.at += 2;
                    while !matches!(self.token(0), "}" | "") {
                        let is_self = self.token(0) == "self";
                        let start =
                            if is_self { path.clone() } else { [&path[..], &[self.token(0).to_owned()]].concat() };
                        self.at += 1;
                        self.read_rest(start, true);
                        if self.token(0) == "," {
                            self.at += 1;
                        }
                    }
                    self.at += 1;
                    return;
                }
                name if name.starts_with(|letter: char| letter.is_alphabetic() || letter == '_') => {
                    path.push(name.to_owned());
                }
                // A glob, or generic arguments.
                _ => {
                    self.at += 2;
                    break;
                }
            }
            self.at += 2;
        }
        if is_use {
            let name = if self.token(0) == "as" { Some(self.token(1).to_owned()) } else { path.last().cloned() };
            self.at += if self.token(0) == "as" { 2 } else { 0 };
            self.names.extend(name.map(|name| (name, path.clone())));
        }
        self.used.push(path);
    }
}

/// Writes the files of a crate and returns its imports, as text.
fn imports_of(files: &[(&str, &str)]) -> Vec<String> {
    let folder = crate_of(files);
    SourceTree::read(folder.path()).imports().iter().map(Import::to_string).collect()
}

/// A folder with the files of a crate.
pub(crate) fn crate_of(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

#[test]
fn imports_lead_to_the_innermost_file() {
    let found = imports_of(&[
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "use crate::b::{Item, c::{self, deeper::Deep}, inline::Other};"),
        ("b/mod.rs", "pub mod c; pub mod inline { pub struct Other; } pub struct Item;"),
        ("b/c.rs", "pub(in crate::a) fn f() { super::super::a::f::<u8>(); }"),
    ]);
    assert_eq!(found, ["a.rs -> b/c.rs", "a.rs -> b/mod.rs", "b/c.rs -> a.rs"]);
}

#[test]
fn paths_in_code_and_through_imported_modules_count() {
    let found = imports_of(&[
        ("lib.rs", "mod a; mod b; pub use a::A;"),
        ("a.rs", "use crate::b as renamed;\nfn f() -> renamed::c::C { self::g() }"),
        ("b/mod.rs", "mod c;\nfn f() { c::g(); }"),
        ("b/c.rs", "mod inner { fn f() { super::g(); super::super::h(); crate::A } }"),
    ]);
    let expected = [
        "a.rs -> b/c.rs",
        "a.rs -> b/mod.rs",
        "b/c.rs -> b/mod.rs",
        "b/c.rs -> lib.rs",
        "b/mod.rs -> b/c.rs",
        "lib.rs -> a.rs",
    ];
    assert_eq!(found, expected);
}

#[test]
fn comments_literals_and_tests_do_not_count() {
    let found = imports_of(&[
        ("lib.rs", "mod a; mod b;\n#[cfg(test)]\nmod missing;"),
        (
            "a.rs",
            r##"
                //! [`B`](crate::b)
                /* crate::b */
                const TEXTS: [&str; 3] = ["crate::b \" crate::b", r#"" crate::b"#, r"\"];
                const QUOTE: [char; 3] = ['"', '\'', b'"' as char];
                #[cfg(test)]
                use crate::b::B;
                #[cfg(test)]
                #[allow(unused)]
                mod tests { use crate::b::B; fn f() { if true { } } }
                fn f<'a>(text: &'a str) -> &'a str { text }
            "##,
        ),
        ("b.rs", ""),
    ]);
    assert_eq!(found, [] as [String; 0]);
}

#[test]
fn a_circle_of_three_files_is_found() {
    let files = [
        ("lib.rs", "mod a; mod b; mod c; mod d;"),
        ("a.rs", "use crate::{b::B, d::D};"),
        ("b.rs", "use super::c;"),
        ("c.rs", "fn f() { crate::a::f() }"),
        ("d.rs", ""),
    ];
    let imports = SourceTree::read(crate_of(&files).path()).imports();
    assert_eq!(circle(&imports).unwrap(), ["a.rs", "b.rs", "c.rs", "a.rs"]);
    let imports = SourceTree::read(crate_of(&[("c.rs", ""), files[0], files[1], files[2], files[4]]).path()).imports();
    assert_eq!(circle(&imports), None);
}
