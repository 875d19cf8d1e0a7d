//! Projects that use the SDK from the registry of their language.

use std::ops::Range;

use crate::version::MAX_BYTES;

/// The registry of a language, and what it changes in a project.
#[derive(Debug)]
pub(crate) struct Registry {
    /// The changes to the files of the reference plugin, which uses the SDK of the repository.
    pub(super) edits: &'static [Edit],
    /// The files that the reference plugin does not have, with their texts, in which [`VERSION`] may stand too.
    pub(super) added: &'static [(&'static str, &'static str)],
    /// The file of a project that requires a version of the SDK.
    pub(crate) manifest: &'static str,
    /// The command after a change of the version; none if the tools of the language install it at the next build.
    pub(crate) update: Option<&'static str>,
}

/// A change to a file of the reference plugin.
#[derive(Debug)]
pub(super) struct Edit {
    pub(super) file: &'static str,
    /// The text that is replaced. The file has it once.
    pub(super) old: &'static str,
    /// Its replacement, in which [`VERSION`] stands for the version of the SDK.
    pub(super) new: &'static str,
}

/// The place of the version in [`Edit::new`].
const VERSION: &str = "{version}";

impl Registry {
    /// The text of a file of the reference plugin, changed so that it uses the SDK in `version` from the registry.
    pub(crate) fn edit(&self, file: &str, text: String, version: &str) -> String {
        let edits = self.edits.iter().filter(|edit| edit.file == file);
        edits.fold(text, |text, edit| text.replace(edit.old, &edit.new.replace(VERSION, version)))
    }

    /// The files that only a project with the registry has, with their texts.
    pub(crate) fn added(&self, version: &str) -> impl Iterator<Item = (&'static str, String)> {
        self.added.iter().map(move |(file, text)| (*file, text.replace(VERSION, version)))
    }
}

/// The name of the SDK in all registries.
const PACKAGE: &str = "guardhouse-sdk";

/// The position of the version that a manifest requires of the SDK, without the operator before it.
///
/// The manifest is not parsed: the name and the version must be on one line, as all registries have it. The position is
/// none if the version is not on the line of the name, is a range, or occurs twice, and if the SDK is not from the
/// registry.
pub(crate) fn required_version(manifest: &str) -> Option<Range<usize>> {
    let mut found = None;
    let mut end = 0;
    for line in manifest.split_inclusive('\n') {
        end += line.len();
        if let Some((version, rest)) = version(line) {
            if found.is_some() {
                return None;
            }
            let version_end = end - rest.len();
            found = Some(version_end - version.len()..version_end);
        }
    }
    found
}

/// The version in a line that requires the SDK, and the rest of the line.
fn version(line: &str) -> Option<(&str, &str)> {
    let is_operator = |character: char| " \t\"':=^~".contains(character);
    let quotes: &[char] = &['"', '\''];
    let rest = line.trim_start().trim_start_matches(quotes).strip_prefix(PACKAGE)?;
    let rest = rest.trim_start_matches(is_operator);
    let rest = match rest.strip_prefix('{') {
        Some(members) if members.contains("path") || members.contains("git") => return None,
        Some(members) => members.split_once("version")?.1.trim_start_matches(is_operator),
        None => rest,
    };
    let is_version = |character: char| character.is_ascii_alphanumeric() || ".+-".contains(character);
    let (version, rest) = rest.split_at(rest.find(|character| !is_version(character)).unwrap_or(rest.len()));
    let is_complete = rest.starts_with(quotes) || rest.trim().is_empty();
    let is_short = version.len() <= MAX_BYTES;
    (is_complete && is_short && version.starts_with(|first: char| first.is_ascii_digit())).then_some((version, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_the_sdk_is_found_in_every_manifest() {
        for manifest in [
            "[dependencies]\nguardhouse-sdk = \"0.1.0\"\nserde = \"1.0.0\"\n",
            "[dependencies]\nguardhouse-sdk = { version = '=0.1.0', default-features = false }\n",
            "[dependencies]\nguardhouse-sdk={default-features=false,version=\"0.1.0\"}",
            "{\n  \"dependencies\": {\n    \"guardhouse-sdk\": \"^0.1.0\",\n    \"other\": \"1.0.0\"\n  }\n}\n",
            "# The SDK: guardhouse-sdk==0.0.1\nguardhouse-sdk==0.1.0\n",
            "guardhouse-sdk ~= 0.1.0",
        ] {
            let position = required_version(manifest).unwrap();
            assert_eq!(&manifest[position], "0.1.0", "{manifest}");
        }
    }

    #[test]
    fn anything_else_is_left_to_the_author() {
        for manifest in [
            "",
            "guardhouse-sdk = \"\"",
            "guardhouse-sdk = \">=0.1, <0.3\"",
            "guardhouse-sdk = \"0.1, <0.3\"",
            "guardhouse-sdk = { path = \"./third_party/guardhouse/guest-sdk/rust\" }",
            "guardhouse-sdk = { version = \"0.1.0\", path = \"../sdk\" }",
            "guardhouse-sdk = { git = \"https://a.example/0.1.0\" }",
            "guardhouse-sdk.workspace = true",
            "[dependencies.guardhouse-sdk]\nversion = \"0.1.0\"\n",
            "\"guardhouse-sdk\": \"file:./third_party/guardhouse/guest-sdk/js\"",
            "\"guardhouse-sdk\": \"latest\"",
            "guardhouse-sdk==0.1.0 \\\n    --hash=sha256:00\n",
            "guardhouse-sdk-extra==0.1.0\n",
            "guardhouse-sdk==11111111111111111111111111111111111111111111111111111111111111111\n",
            "guardhouse-sdk==0.1.0\nguardhouse-sdk==0.1.0\n",
        ] {
            assert_eq!(required_version(manifest), None, "{manifest}");
        }
    }
}
