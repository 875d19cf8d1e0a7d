//! The token of a request: the claims of a JWT, which nobody verified.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, ValueHint};
use guardhouse::AccessToken;
use guardhouse_server::token::unverified;

use crate::input;
use crate::notes::note;

/// The largest file of a token, in bytes: the token, a scheme before it, and the end of a line.
const MAX_FILE_BYTES: usize = 20 << 10;

/// The token of a request.
#[derive(Debug, Args)]
pub(crate) struct TokenOptions {
    /// The access token, a JWT. Other users of the machine can see it here; `--token-file` hides it
    #[arg(long, value_name = "JWT", conflicts_with = "token_file")]
    token: Option<String>,

    /// A file with the access token, a JWT
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    token_file: Option<PathBuf>,
}

impl TokenOptions {
    /// The text of the token, if there is one.
    pub(crate) fn secret(&self) -> Result<Option<String>> {
        let Some(path) = &self.token_file else { return Ok(self.token.clone()) };
        let read = || -> Result<String> {
            let bytes = input::read_file(path, MAX_FILE_BYTES)?;
            String::from_utf8(bytes).context("it is not UTF-8")
        };
        read().map(Some).with_context(|| format!("cannot read the token from `{}`", path.display()))
    }
}

/// The token that checks see of a secret, and the secret alone. A scheme `Bearer` before it is left out.
pub(crate) fn token_of(secret: &str, client_id: Option<&str>) -> Result<(AccessToken, String)> {
    let secret = secret.trim();
    let secret = match secret.split_once(char::is_whitespace) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => rest.trim_start(),
        _ => secret,
    };
    // The reason says nothing of the token.
    let token = unverified(secret, client_id).map_err(|reason| {
        let hint = if reason.contains("claim with the client") { "; `--client-id ID` gives one" } else { "" };
        anyhow::anyhow!("cannot read the token: {reason}{hint}")
    })?;
    note(
        &"the token was not verified: its signature, issuer, audience and times may be wrong. Use the context for tests only",
    );
    Ok((token, secret.to_owned()))
}
