//! TypeScript, built as JavaScript: the driver of the SDK removes the types.

use super::javascript;
use super::spec::Spec;

pub(super) const TYPESCRIPT: Spec = Spec {
    label: "TypeScript",
    word: "ts",
    sdk: "js",
    marker: "tsconfig.json",
    dialect_of: Some("js"),
    manifest: "package.json",
    name: javascript::name,
    check_name: None,
    fingerprint: None,
    build: javascript::build,
};
