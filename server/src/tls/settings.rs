//! The settings of TLS for one listener.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig};

use super::error::TlsError;
use super::files::TlsFiles;
use crate::config::listener::{ClientCertificates, Door, DoorSet, TlsConfig};

/// The protocol of HTTP/2 (RFC 9113 section 3.2).
pub(crate) const HTTP_2: &[u8] = b"h2";

/// The protocol of HTTP/1.1 (RFC 7301 section 6).
const HTTP_1_1: &[u8] = b"http/1.1";

/// The settings of a listener with these doors. Each call makes a cache of sessions of its own: no session that was made
/// under other authorities is resumed.
///
/// # Errors
/// The content of a file is not what it must be, or the key is not that of the certificate.
pub(super) fn settings(config: &TlsConfig, doors: DoorSet, files: &TlsFiles<'_>) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let unusable = |error: rustls::Error| {
        let help = "use a certificate and the private key that belongs to it, of RSA, ECDSA or Ed25519";
        TlsError::new(&config.key, error, help)
    };
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(unusable)?;
    let verifier = verifier(config.clients.as_ref(), files, provider)?;
    let verifies = verifier.is_some();
    let builder = match verifier {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let mut settings = builder.with_single_cert(files.chain()?, files.key()?).map_err(unusable)?;
    settings.alpn_protocols = vec![HTTP_1_1.to_vec()];
    if doors.has(Door::ExtAuthz) {
        settings.alpn_protocols.insert(0, HTTP_2.to_vec());
    }
    // A request that can be replayed has no place here (RFC 8446 section 8).
    settings.max_early_data_size = 0;
    if verifies {
        // The certificate of a client that resumes a session is not verified again, not even whether it has expired.
        settings.session_storage = Arc::new(NoServerSessionStorage {});
        settings.send_tls13_tickets = 0;
    }
    Ok(settings)
}

fn verifier(
    clients: Option<&ClientCertificates>,
    files: &TlsFiles<'_>,
    provider: Arc<rustls::crypto::CryptoProvider>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, TlsError> {
    let Some((clients, authorities)) = clients.zip(files.authorities()?) else { return Ok(None) };
    let help = "write the certificates of the authorities in PEM";
    let unusable = |error: String| TlsError::new(&clients.authorities, error, help);
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add(authority).map_err(|error| unusable(error.to_string()))?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let builder = if clients.are_required { builder } else { builder.allow_unauthenticated() };
    builder.build().map(Some).map_err(|error| unusable(error.to_string()))
}
