//! The sections `[[credentials]]`: the enforcement points that may ask for decisions.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use guardhouse::Digest;

use crate::config::certificate::{CertificateName, PeerCertificate};
use crate::config::listener::{Door, DoorSet};

/// The credential of an enforcement point: what the configuration says of it. One that names a token and a certificate
/// needs both; one that names neither is nobody's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialConfig {
    /// Its name, for the operator.
    pub name: String,
    /// The file with its tokens, one in a line. Two tokens are valid while one replaces the other.
    pub token_file: Option<PathBuf>,
    /// The certificate of its client, which the listener has verified.
    pub certificate: Option<CertificateName>,
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
    config: Arc<CredentialConfig>,
    /// The digests of its tokens: they have one length, and comparing them says nothing about the tokens.
    tokens: Vec<Digest>,
}

/// What a caller presents of itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Presented<'a> {
    /// Its token.
    pub token: Option<&'a [u8]>,
    /// Its certificate.
    pub certificate: Option<&'a PeerCertificate>,
}

/// The shortest token, in bytes. A token is meant to be random, and 16 bytes are 128 bits at best.
pub const MIN_TOKEN_BYTES: usize = 16;

/// The largest file of tokens, in bytes.
const MAX_FILE_BYTES: u64 = 64 << 10;

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
            let tokens = config.token_file.as_deref().map(read_tokens).transpose().unwrap_or_else(|error| {
                errors.push((config.name.clone(), error));
                None
            });
            let tokens = tokens.unwrap_or_default();
            all.push(Credential { config: Arc::new(config.clone()), tokens });
        }
        (Self { all }, errors)
    }

    /// Whether no credential is configured.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The credential of a caller. Of several, the first one that asks for most: for a token and a certificate, then for a
    /// token, then for a certificate.
    #[must_use]
    pub fn find(&self, presented: Presented<'_>) -> Option<&Arc<CredentialConfig>> {
        let token = presented.token.map(Digest::of);
        let mut found: Option<(u8, &Arc<CredentialConfig>)> = None;
        // All tokens are compared, so that the time does not say which one was nearly right.
        for credential in &self.all {
            let has_token = token.is_some_and(|token| {
                credential.tokens.iter().fold(false, |known, expected| known | (*expected == token))
            });
            let Some(weight) = credential.config.weight(has_token, presented.certificate) else { continue };
            if found.is_none_or(|(before, _)| weight > before) {
                found = Some((weight, &credential.config));
            }
        }
        found.map(|(_, config)| config)
    }
}

impl CredentialConfig {
    /// How much the credential asks for, if all of that was presented.
    fn weight(&self, has_token: bool, certificate: Option<&PeerCertificate>) -> Option<u8> {
        let has_certificate = |name: &CertificateName| certificate.is_some_and(|certificate| name.is_of(certificate));
        match (&self.token_file, &self.certificate) {
            (Some(_), Some(name)) => (has_token && has_certificate(name)).then_some(2),
            (Some(_), None) => has_token.then_some(1),
            (None, Some(name)) => has_certificate(name).then_some(0),
            (None, None) => None,
        }
    }

    /// Whether it is for a tenant, which need not exist, at a door.
    #[must_use]
    pub fn is_for(&self, door: Door, tenant: &str) -> bool {
        let has_tenant = self.tenants.as_ref().is_none_or(|tenants| tenants.iter().any(|name| name == tenant));
        has_tenant && self.doors.has(door)
    }
}

/// The token of the scheme `Bearer` in a value of `Authorization`. The name of the scheme may be written in any case.
#[must_use]
pub fn bearer(authorization: &[u8]) -> Option<&[u8]> {
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
