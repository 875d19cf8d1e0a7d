//! The files of a listener with TLS, as they are on the disk.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use guardhouse::Digest;
use rustls::pki_types::pem::{Error, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::error::TlsError;
use crate::config::listener::TlsConfig;

/// The largest file, in bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// What the files of a listener have in them.
pub(super) struct TlsFiles<'a> {
    config: &'a TlsConfig,
    certificate: Vec<u8>,
    key: Vec<u8>,
    authorities: Option<Vec<u8>>,
}

impl<'a> TlsFiles<'a> {
    /// Reads all of them.
    ///
    /// # Errors
    /// One of them cannot be read, or is too large.
    pub(super) fn read(config: &'a TlsConfig) -> Result<Self, TlsError> {
        let authorities = config.clients.as_ref().map(|clients| read(&clients.authorities)).transpose()?;
        Ok(Self { config, certificate: read(&config.certificate)?, key: read(&config.key)?, authorities })
    }

    /// The digests of the files, by which a change is noticed.
    pub(super) fn digests(&self) -> [Digest; 3] {
        [&self.certificate, &self.key, self.authorities.as_ref().unwrap_or(&Vec::new())].map(Digest::of)
    }

    /// The certificate of the server, and then those of authorities.
    pub(super) fn chain(&self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        certificates(&self.config.certificate, &self.certificate)
    }

    /// The private key.
    pub(super) fn key(&self) -> Result<PrivateKeyDer<'static>, TlsError> {
        PrivateKeyDer::from_pem_slice(&self.key).map_err(|error| match error {
            Error::NoItemsFound => TlsError::new(
                &self.config.key,
                "it has no private key",
                "write one in PEM: PKCS #8, PKCS #1 or SEC1, without a passphrase",
            ),
            error => invalid(&self.config.key, &error),
        })
    }

    /// The authorities that sign the certificates of clients, if there are any.
    pub(super) fn authorities(&self) -> Result<Option<Vec<CertificateDer<'static>>>, TlsError> {
        let Some((text, clients)) = self.authorities.as_ref().zip(self.config.clients.as_ref()) else {
            return Ok(None);
        };
        certificates(&clients.authorities, text).map(Some)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let mut text = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut text))
        .map_err(|error| TlsError::new(path, error, "mend its path or its rights"))?;
    if u64::try_from(text.len()).is_ok_and(|length| length <= MAX_FILE_BYTES) {
        return Ok(text);
    }
    Err(TlsError::new(path, format!("it has more than {MAX_FILE_BYTES} bytes"), "keep only what is needed in it"))
}

fn certificates(path: &Path, text: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    match certificates {
        Ok(certificates) if certificates.is_empty() => {
            Err(TlsError::new(path, "it has no certificate", "write at least one in PEM"))
        }
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(invalid(path, &error)),
    }
}

/// The errors of the parser repeat bytes of the file, which may be those of a key.
fn invalid(path: &Path, error: &Error) -> TlsError {
    let reason = match error {
        Error::MissingSectionEnd { .. } => "a section of PEM has no end",
        Error::IllegalSectionStart { .. } => "a section of PEM has no valid beginning",
        Error::Base64Decode(_) => "a section of PEM is not in Base64",
        _ => "it is not valid PEM",
    };
    TlsError::new(path, reason, "copy the file again as a whole")
}
