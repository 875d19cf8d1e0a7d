//! Cases of reading imports.

use super::{Import, SourceTree, by_folder, circle, crate_of};

/// Writes the files of a crate and returns its imports, as text.
fn imports_of(files: &[(&str, &str)]) -> Vec<String> {
    let folder = crate_of(files);
    SourceTree::read(folder.path()).imports().iter().map(Import::to_string).collect()
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

#[test]
fn a_circle_of_folders_without_a_circle_of_files_is_found() {
    let folder = crate_of(&[
        ("lib.rs", "mod one; mod two;"),
        ("one/mod.rs", "mod first; mod last;"),
        ("one/first.rs", "fn f() { crate::two::f() }"),
        ("one/last.rs", "fn f() {}"),
        ("two.rs", "use crate::one::last;"),
    ]);
    let imports = SourceTree::read(folder.path()).imports();
    assert_eq!(circle(&imports), None);
    let folders = by_folder(&imports);
    assert_eq!(circle(&folders[""]).unwrap(), ["one", "two.rs", "one"]);
    assert!(!folders.contains_key("one"));
}
