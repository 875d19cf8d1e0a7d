//! Client certificates: what one says of its holder, and what a credential asks for.

use std::fmt;
use std::str::FromStr;

use guardhouse::Digest;

/// The verified certificate of the other end of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerCertificate {
    /// The digest of its DER form.
    pub digest: Digest,
    /// The URIs among its subject alternative names, as they are written.
    pub uris: Vec<String>,
    /// The DNS names among its subject alternative names, in lower case.
    pub dns_names: Vec<String>,
}

/// The name by which a credential knows a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateName {
    /// A URI among the subject alternative names, compared byte by byte: `spiffe://shop.example/envoy`.
    Uri(String),
    /// A DNS name among the subject alternative names, in lower case: `envoy.shop.example`. A wildcard names nobody.
    Dns(String),
    /// The digest of the DER form.
    Digest(Digest),
}

/// A text that names no certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not the name of a certificate: expected a URI such as `spiffe://shop.example/envoy`, a DNS name without a wildcard, \
     or `sha256:` and 64 hexadecimal digits"
)]
pub struct CertificateNameError;

impl CertificateName {
    /// Whether a certificate has the name.
    #[must_use]
    pub fn is_of(&self, certificate: &PeerCertificate) -> bool {
        match self {
            Self::Uri(uri) => certificate.uris.contains(uri),
            Self::Dns(name) => certificate.dns_names.contains(name),
            Self::Digest(digest) => certificate.digest == *digest,
        }
    }
}

impl FromStr for CertificateName {
    type Err = CertificateNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.starts_with("sha256:") {
            return text.parse().map(Self::Digest).map_err(|_| CertificateNameError);
        }
        if let Some((scheme, rest)) = text.split_once("://") {
            let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
                && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
            let is_uri = is_scheme && !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic());
            return if is_uri { Ok(Self::Uri(text.to_owned())) } else { Err(CertificateNameError) };
        }
        let is_label = |label: &str| {
            !label.is_empty()
                && label.len() <= 63
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        };
        if text.len() <= 253 && text.split('.').all(is_label) {
            return Ok(Self::Dns(text.to_ascii_lowercase()));
        }
        Err(CertificateNameError)
    }
}

impl fmt::Display for CertificateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uri(name) | Self::Dns(name) => f.write_str(name),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_uri_or_a_dns_name_or_a_digest() {
        let digest = Digest::of("certificate");
        let certificate = PeerCertificate {
            digest,
            uris: vec!["spiffe://shop.example/envoy".to_owned()],
            dns_names: vec!["envoy.shop.example".to_owned(), "*.shop.example".to_owned()],
        };
        let is_of = |text: &str| text.parse::<CertificateName>().unwrap().is_of(&certificate);
        for name in ["spiffe://shop.example/envoy", "envoy.shop.example", "Envoy.Shop.Example", &digest.to_string()] {
            assert!(is_of(name), "{name}");
        }
        let other = Digest::of("other").to_string();
        for name in [
            "spiffe://shop.example/Envoy",
            "spiffe://shop.example/envoy/",
            "spiffe://shop.example",
            "shop.example",
            "web.shop.example",
            "other",
            &other,
        ] {
            assert!(!is_of(name), "{name}");
        }
        for text in
            ["", "*.shop.example", "a..b", "a b", "sha256:00", "://a", "spiffe://", "spiffe:// a", "a/b", "ä.de"]
        {
            assert_eq!(text.parse::<CertificateName>(), Err(CertificateNameError), "{text}");
        }
    }
}
