//! TypeScript, built as JavaScript: the driver of the SDK removes the types.

use super::javascript;
use super::spec::Spec;

pub(super) const TYPESCRIPT: Spec = Spec {
    label: "TypeScript",
    word: "ts",
    aliases: &["typescript"],
    sdk: "js",
    marker: "tsconfig.json",
    dialect_of: Some("js"),
    manifest: "package.json",
    name: javascript::name,
    check_name: None,
    fingerprint: None,
    registry: Some(javascript::REGISTRY),
    update: Some(javascript::UPDATE),
    develop: None,
    export: "write `export function check(ctx: AuthContext): boolean { … }` in `check.ts`",
    has_llvm_stack: false,
    build: javascript::build,
};
