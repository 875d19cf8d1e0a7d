//! The request that every peer decides.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::REQUIRED;

/// The request that must be allowed: the context `real` of Guardhouse's own benchmarks.
pub(crate) fn allowed() -> Result<Value> {
    Ok(serde_json::from_str(include_str!("../context.json"))?)
}

/// The same request with a token that lacks one of the required scopes.
pub(crate) fn denied() -> Result<Value> {
    let mut context = allowed()?;
    let scopes = context.pointer_mut("/token/scopes").and_then(Value::as_array_mut).context("no scopes")?;
    let held = scopes.len();
    scopes.retain(|scope| scope != REQUIRED[1]);
    ensure!(scopes.len() + 1 == held, "context.json does not have the scope `{}` exactly once", REQUIRED[1]);
    Ok(context)
}

/// A string in the context.
pub(crate) fn text<'a>(context: &'a Value, pointer: &str) -> Result<&'a str> {
    context.pointer(pointer).and_then(Value::as_str).with_context(|| format!("no string at `{pointer}`"))
}

/// The scopes of the token.
pub(crate) fn scopes(context: &Value) -> Result<Vec<String>> {
    let scopes = context.pointer("/token/scopes").context("no scopes")?;
    Ok(serde_json::from_value(scopes.clone())?)
}
