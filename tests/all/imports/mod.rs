//! The imports of a crate: which of its source files uses which.
//!
//! This reads `use` declarations and paths in code, as far as they begin with `crate`, `super`, `self`, a child module or
//! an imported module. Comments, literals and items under `#[cfg(test)]` do not count, and visibilities such as
//! `pub(in crate::code)` are not imports.

mod cases;
mod scan;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use self::scan::Scan;
use self::tokens::{tokens, without_tests};

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

/// The imports as they look from each folder: an import is one between two entries, files or subfolders, of the
/// innermost folder that contains both files. The key is the path of the folder; that of the root is empty.
pub(crate) fn by_folder(imports: &BTreeSet<Import>) -> BTreeMap<String, BTreeSet<Import>> {
    let mut folders: BTreeMap<String, BTreeSet<Import>> = BTreeMap::new();
    for import in imports {
        let (from, to): (Vec<&str>, Vec<&str>) = (import.from.split('/').collect(), import.to.split('/').collect());
        let depth = from.iter().zip(&to).take_while(|(from, to)| from == to).count();
        let entries = Import { from: from[depth].to_owned(), to: to[depth].to_owned() };
        folders.entry(from[..depth].join("/")).or_default().insert(entries);
    }
    folders
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
