//! The names in the certificate of a client.

use guardhouse::Digest;
use rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

use crate::config::certificate::PeerCertificate;

/// What a verified certificate says of its holder. One that cannot be read names nobody.
pub(crate) fn peer_certificate(certificate: &CertificateDer<'_>) -> PeerCertificate {
    let digest = Digest::of(certificate);
    let read = EndEntityCert::try_from(certificate);
    let (uris, dns_names) = read.map_or_else(
        |_| Default::default(),
        |read| {
            let uris = read.valid_uri_names().map(ToOwned::to_owned).collect();
            (uris, read.valid_dns_names().map(str::to_ascii_lowercase).collect())
        },
    );
    PeerCertificate { digest, uris, dns_names }
}
