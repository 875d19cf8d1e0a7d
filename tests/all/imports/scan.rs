//! The paths that one file uses.

use std::collections::BTreeMap;

use super::ModulePath;

/// Reads the tokens of one file.
pub(super) struct Scan<'a> {
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
    pub(super) fn new(module: &[String], tokens: &'a [String]) -> Self {
        let children = tokens.windows(3).filter(|window| window[0] == "mod" && window[2] == ";");
        let names = children.map(|window| (window[1].clone(), [module, &window[1..2]].concat())).collect();
        Self { tokens, at: 0, module: module.to_vec(), inline: Vec::new(), depth: 0, names, used: Vec::new() }
    }

    /// The paths that the file uses, from the root of the crate.
    pub(super) fn used_paths(mut self) -> Vec<ModulePath> {
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
