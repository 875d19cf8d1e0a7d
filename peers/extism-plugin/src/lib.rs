//! The plugin require-scopes for Extism: allows tokens that have every scope of the settings.

use std::sync::OnceLock;

use extism_pdk::{Error, FnResult, Json, config, plugin_fn};
use serde::Deserialize;

/// The part of the context that the rule reads.
#[derive(Deserialize)]
struct Context {
    token: Option<Token>,
}

#[derive(Deserialize)]
struct Token {
    scopes: Vec<String>,
}

/// The settings, read at the first call of an instance.
static SCOPES: OnceLock<Vec<String>> = OnceLock::new();

/// Returns true if the token of the context has every scope.
#[plugin_fn]
pub fn check(Json(context): Json<Context>) -> FnResult<Json<bool>> {
    let required = match SCOPES.get() {
        Some(scopes) => scopes,
        None => {
            let setting = config::get("scopes")?.ok_or_else(|| Error::msg("the setting `scopes` is missing"))?;
            let scopes: Vec<String> = serde_json::from_str(&setting)?;
            SCOPES.get_or_init(|| scopes)
        }
    };
    Ok(Json(context.token.is_some_and(|token| required.iter().all(|scope| token.scopes.contains(scope)))))
}
