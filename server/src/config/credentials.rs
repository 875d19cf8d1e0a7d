//! The sections `[[credentials]]`: the enforcement points that may ask for decisions.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use guardhouse::Digest;

use crate::config::listener::{Door, DoorSet};

/// The credential of an enforcement point: what the configuration says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialConfig {
    /// Its name, for the operator.
    pub name: String,
    /// The file with its tokens, one in a line. Two tokens are valid while one replaces the other.
    pub token_file: PathBuf,
    /// The tenants that it may ask about; none means all.
    pub tenants: Option<Vec<String>>,
    /// The doors that it may use.
    pub doors: DoorSet,
}

/// The credentials with their tokens, as they were read last.
#[derive(Debug, Default)]
pub struct Credentials {
    all: Vec<Credential>,
}

#[derive(Debug)]
struct Credential {
    config: CredentialConfig,
    /// The digests of its tokens: they have one length, and comparing them says nothing about the tokens.
    tokens: Vec<Digest>,
}

/// The shortest token, in bytes. A token is meant to be random, and 16 bytes are 128 bits at best.
pub const MIN_TOKEN_BYTES: usize = 16;

/// The largest file of tokens, in bytes.
const MAX_FILE_BYTES: u64 = 64 << 10;

/// Why a caller may not ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// It has no credential that is known.
    Unauthenticated,
    /// Its credential is for other tenants, or other doors.
    Forbidden,
}

/// The error of a file with tokens. It never repeats a token.
#[derive(Debug, thiserror::Error)]
pub enum TokenFileError {
    /// The file cannot be read.
    #[error("cannot read `{path}`: {error}")]
    Unreadable {
        /// Its path.
        path: PathBuf,
        /// The reason.
        error: io::Error,
    },
    /// The file has no token.
    #[error("`{path}` has no token: write one token in a line")]
    Empty {
        /// Its path.
        path: PathBuf,
    },
    /// A line of the file is not a token.
    #[error("line {line} of `{path}` is not a token: expected {MIN_TOKEN_BYTES} or more visible ASCII characters")]
    Invalid {
        /// Its path.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// The file is too large.
    #[error("`{path}` has more than {MAX_FILE_BYTES} bytes")]
    TooLarge {
        /// Its path.
        path: PathBuf,
    },
}

impl Credentials {
    /// Reads the tokens of all credentials. A credential whose file has an error has no token: nobody can use it.
    #[must_use]
    pub fn read(configs: &[CredentialConfig]) -> (Self, Vec<(String, TokenFileError)>) {
        let mut all = Vec::with_capacity(configs.len());
        let mut errors = Vec::new();
        for config in configs {
            let tokens = read_tokens(&config.token_file).unwrap_or_else(|error| {
                errors.push((config.name.clone(), error));
                Vec::new()
            });
            all.push(Credential { config: config.clone(), tokens });
        }
        (Self { all }, errors)
    }

    /// Whether no credential is configured.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The name of the credential with which the caller with this value of `Authorization` may ask about `tenant` at
    /// `door`. The tenant is compared with those of the credential, whether it exists or not.
    ///
    /// # Errors
    /// [`Refused`], which says as little as an HTTP status.
    pub fn check(&self, authorization: Option<&[u8]>, door: Door, tenant: &str) -> Result<&str, Refused> {
        let token = authorization.and_then(bearer).ok_or(Refused::Unauthenticated)?;
        let presented = Digest::of(token);
        let mut found = None;
        // All tokens are compared, so that the time does not say which one was nearly right.
        for credential in &self.all {
            let is_known = credential.tokens.iter().fold(false, |known, token| known | (*token == presented));
            if is_known {
                found = Some(&credential.config);
            }
        }
        let config = found.ok_or(Refused::Unauthenticated)?;
        let has_tenant = config.tenants.as_ref().is_none_or(|tenants| tenants.iter().any(|name| name == tenant));
        if has_tenant && config.doors.has(door) { Ok(&config.name) } else { Err(Refused::Forbidden) }
    }
}

/// The token of the scheme `Bearer`, whose name may be written in any case.
fn bearer(authorization: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = authorization.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then_some(token.trim_ascii()).filter(|token| !token.is_empty())
}

fn read_tokens(path: &Path) -> Result<Vec<Digest>, TokenFileError> {
    let unreadable = |error| TokenFileError::Unreadable { path: path.to_owned(), error };
    let mut text = Vec::new();
    File::open(path).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut text)).map_err(unreadable)?;
    if text.len() > usize::try_from(MAX_FILE_BYTES).unwrap_or(usize::MAX) {
        return Err(TokenFileError::TooLarge { path: path.to_owned() });
    }
    let mut tokens = Vec::new();
    for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let token = line.trim_ascii();
        if token.is_empty() {
            continue;
        }
        if token.len() < MIN_TOKEN_BYTES || !token.iter().all(u8::is_ascii_graphic) {
            return Err(TokenFileError::Invalid { path: path.to_owned(), line: index + 1 });
        }
        tokens.push(Digest::of(token));
    }
    if tokens.is_empty() { Err(TokenFileError::Empty { path: path.to_owned() }) } else { Ok(tokens) }
}
