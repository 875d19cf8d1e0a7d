//! Questions of Envoy's external authorization, in the JSON form of protobuf.

use anyhow::{Context, Result};
use clap::Args;
use guardhouse::AuthContext;
use guardhouse_server::door::CheckDocument;

use crate::notes::note;

/// The most unknown fields that are noted one by one.
const MAX_NOTES: usize = 10;

/// What a server is configured with, and a question does not say.
#[derive(Debug, Args)]
pub(crate) struct EnvoyOptions {
    /// A header of the request that checks see, as `headers` of the tenant lists it; may be repeated
    #[arg(long = "header", value_name = "NAME")]
    headers: Vec<String>,

    /// Leave the token in the header `Authorization` out, as a server without issuers does
    #[arg(long, conflicts_with_all = ["token", "token_file"])]
    no_token: bool,
}

impl EnvoyOptions {
    /// The context that checks of a server get of the question, and the value of its `Authorization` header.
    pub(crate) fn context_of(&self, question: &[u8]) -> Result<(AuthContext, Option<String>)> {
        let document = CheckDocument::read(question).context("cannot read the `CheckRequest`")?;
        let left_out = document.left_out();
        for field in left_out.iter().take(MAX_NOTES) {
            note(&format!("the unknown field `{field}` was left out"));
        }
        if left_out.len() > MAX_NOTES {
            note(&format!("{} more unknown fields were left out", left_out.len() - MAX_NOTES));
        }
        let found = document.context(&self.headers).context("the request has no context")?;
        if let Some(unreadable) = &found.unreadable {
            note(&format!(
                "the context leaves out what no check can read: {unreadable}; in a server, a check that reads it fails"
            ));
        }
        let authorization = document.authorization().filter(|_| !self.no_token);
        let is_bearer =
            |value: &String| value.split(' ').next().is_some_and(|word| word.eq_ignore_ascii_case("bearer"));
        Ok((found.context, authorization.filter(is_bearer)))
    }
}
