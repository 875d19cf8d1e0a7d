//! The checks of a policy.

use guardhouse::builtin::{self, Builtin};
use guardhouse::{Digest, Grant, Grants, ImagePolicy, Limits};

use super::Reader;
use crate::policy::document::{Node, Table};
use crate::policy::findings::{Place, quoted};
use crate::policy::folder::{Bytes, Folder};
use crate::policy::{CheckSpec, PluginSource, bounds};
use crate::problem::clip;

/// The prefix of the name of a built-in plugin.
const BUILTIN: &str = "builtin:";

/// The keys of a check.
const KEYS: &[&str] =
    &["plugin", "digest", "settings", "settings-file", "data", "grants", "limits", "image", "breaker"];

/// The policies for images, by their words.
pub(in crate::policy) const IMAGES: [(&str, ImagePolicy); 3] =
    [("never", ImagePolicy::Never), ("when-hot", ImagePolicy::WhenHot), ("eager", ImagePolicy::Eager)];

/// A check that is declared, and its specification if that has no error.
pub(super) struct Declared<'a> {
    pub(super) name: &'a str,
    pub(super) place: Place,
    pub(super) spec: Option<CheckSpec>,
}

impl Reader<'_, '_> {
    /// Reads the table of all checks.
    pub(super) fn checks<'a>(&mut self, node: Option<Node<'a>>) -> Vec<Declared<'a>> {
        let Some(table) = node.and_then(|node| node.open_table(self.findings)) else { return Vec::new() };
        let members = table.members();
        if members.len() > bounds::CHECKS {
            let message = format!("the policy has {} checks, and may have {}", members.len(), bounds::CHECKS);
            self.findings.error(&table.place, message);
        }
        let declare = |(name, place, node): (&'a str, Place, Node<'a>)| {
            self.check_name("a check", name, &place, true);
            let spec = self.check(name, &node);
            Declared { name, place, spec }
        };
        members.into_iter().take(bounds::CHECKS).map(declare).collect()
    }

    /// Checks the name of a check or a rule. That of a check is written into lists, and has no spaces.
    pub(super) fn check_name(&mut self, what: &str, name: &str, place: &Place, is_word: bool) {
        let is_allowed = |character: char| match character {
            '-' | '_' | '.' => true,
            ' ' => !is_word,
            other => other.is_ascii_alphanumeric() || (!is_word && !other.is_control() && !other.is_whitespace()),
        };
        if name.is_empty() || name.len() > bounds::NAME_BYTES || !name.chars().all(is_allowed) {
            let letters = if is_word { "ASCII letters, digits, `-`, `_` and `.`" } else { "no control characters" };
            let message = format!("the name of {what} has 1 to {} bytes: {letters}", bounds::NAME_BYTES);
            self.findings.error(place, message);
        }
    }

    fn check(&mut self, name: &str, node: &Node<'_>) -> Option<CheckSpec> {
        let table = node.table(KEYS, self.findings)?;
        let plugin = self.plugin(&table);
        let defaults = self.caps.lower(Limits::default());
        let bytes = defaults.settings_bytes;
        let limits = table.get("limits").map_or(Some(defaults), |node| self.limits(&node));
        // The settings are read with the limits, and are not read again after an error of these.
        let bytes = limits.as_ref().map_or(bytes, |limits| limits.settings_bytes);
        let settings = self.settings(&table, bytes);
        let grants = table.get("grants").map_or(Some(Grants::default()), |node| self.grants(&node));
        let image = table.get("image").map_or(Some(ImagePolicy::default()), |node| self.image(&node));
        let breaker = table.get("breaker").map_or(Some(None), |node| self.breaker(&node).map(Some));
        Some(CheckSpec {
            name: name.to_owned(),
            plugin: plugin?,
            settings: settings?,
            grants: grants?,
            limits: limits?,
            image: image?,
            breaker: breaker?,
        })
    }

    fn plugin(&mut self, table: &Table<'_>) -> Option<PluginSource> {
        let Some(node) = table.get("plugin") else {
            let help = format!("write `plugin = \"{BUILTIN}require-auth\"`, or the name of a file of the folder");
            self.findings.error_with_help(&table.place, "`plugin` is missing", help);
            return None;
        };
        let name = node.text(self.findings)?;
        let pin = table.get("digest").map(|node| self.digest(&node));
        let plugin = match name.strip_prefix(BUILTIN) {
            Some(name) => PluginSource::Builtin(self.builtin(name, &node.place)?),
            None => {
                let bytes = self.file(name, &node.place, "wasm")?.clone();
                let digest = Digest::of(&bytes);
                PluginSource::File { path: name.to_owned(), bytes, digest }
            }
        };
        let digest = match &plugin {
            PluginSource::Builtin(builtin) => Digest::of(builtin.bytes),
            PluginSource::File { digest, .. } => *digest,
        };
        match pin {
            Some(pin) if pin? != digest => {
                let place = table.get("digest").map_or_else(|| node.place.clone(), |node| node.place);
                let message = format!("`{}` has another digest", clip(name));
                let help = format!("if this is the file that you want, write `{digest}`");
                self.findings.error_with_help(&place, message, help);
                None
            }
            _ => Some(plugin),
        }
    }

    fn builtin(&mut self, name: &str, place: &Place) -> Option<&'static Builtin> {
        let found = builtin::ALL.iter().find(|builtin| builtin.name == name);
        if found.is_none() {
            self.findings.unknown(place, "the built-in plugin", name, builtin::ALL.iter().map(|known| known.name));
        }
        found
    }

    fn digest(&mut self, node: &Node<'_>) -> Option<Digest> {
        let digest = node.text(self.findings)?.parse();
        digest.inspect_err(|error: &guardhouse::DigestError| self.findings.error(&node.place, error.to_string())).ok()
    }

    /// A file of the folder. An error lists those with this extension.
    pub(super) fn file(&mut self, path: &str, place: &Place, extension: &str) -> Option<&Bytes> {
        let folder: &Folder = self.folder;
        let leaves = path.starts_with('/') || path.split('/').any(|part| part == "..");
        if leaves {
            let message = format!("`{}` is not a path inside the folder", clip(path));
            let help = "put the file into the folder of the policy, and write its path without `/` at the beginning";
            self.findings.error_with_help(place, message, help);
            return None;
        }
        let found = folder.file(path);
        if found.is_none() {
            let is_like = |path: &str| path.rsplit_once('.').is_some_and(|(_, found)| found == extension);
            let files: Vec<&str> = folder.files().map(|(path, _)| path).filter(|path| is_like(path)).collect();
            let help = if files.is_empty() {
                format!("the folder has no file `*.{extension}`")
            } else {
                format!("the folder has {}", quoted(files))
            };
            self.findings.error_with_help(place, format!("the file `{}` does not exist", clip(path)), help);
        }
        found
    }

    fn grants(&mut self, node: &Node<'_>) -> Option<Grants> {
        let items = node.items(self.findings)?;
        let grant = |item: &Node<'_>| {
            let name = item.text(self.findings)?;
            let found = Grant::ALL.iter().copied().find(|grant| grant.as_str() == name);
            if found.is_none() {
                self.findings.unknown(&item.place, "the grant", name, Grant::ALL.iter().map(|grant| grant.as_str()));
            }
            found
        };
        let grants: Vec<Option<Grant>> = items.iter().map(grant).collect();
        grants.into_iter().collect()
    }

    fn image(&mut self, node: &Node<'_>) -> Option<ImagePolicy> {
        let word = node.text(self.findings)?;
        let found = IMAGES.iter().find(|(name, _)| *name == word);
        if found.is_none() {
            self.findings.unknown(&node.place, "the policy for images", word, IMAGES.iter().map(|(name, _)| *name));
        }
        found.map(|(_, policy)| *policy)
    }
}
