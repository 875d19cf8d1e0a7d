//! Authorities that sign certificates, and clients of TLS.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use guardhouse_server::config::listener::{ClientCertificates, TlsConfig};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType, date_time_ymd,
};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// The name of the servers under test.
pub(crate) const SERVER: &str = "pdp.example";

/// The patience of a client.
const PATIENCE: Duration = Duration::from_secs(60);

/// An authority, which signs certificates.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) pem: String,
}

/// A certificate and its key.
pub(crate) struct Signed {
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) pem: String,
    pub(crate) key_pem: String,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let signed = params.self_signed(&key).unwrap();
        let (certificate, pem) = (signed.der().clone(), signed.pem());
        Self { issuer: Issuer::new(params, key), certificate, pem }
    }

    /// Signs a certificate with these DNS names and URIs.
    pub(crate) fn sign(&self, names: &[&str]) -> Signed {
        self.sign_with(names, |_| {})
    }

    /// Signs a certificate that is not valid any more.
    pub(crate) fn sign_expired(&self, names: &[&str]) -> Signed {
        self.sign_with(names, |params| params.not_after = date_time_ymd(2020, 1, 1))
    }

    pub(crate) fn sign_with(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Signed {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        let san = |name: &&str| match name.contains("://") {
            true => SanType::URI((*name).try_into().unwrap()),
            false => SanType::DnsName((*name).try_into().unwrap()),
        };
        params.subject_alt_names = names.iter().map(san).collect();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut params);
        let signed = params.signed_by(&key, &self.issuer).unwrap();
        Signed { certificate: signed.der().clone(), pem: signed.pem(), key_pem: key.serialize_pem() }
    }

    /// Writes the files of a server, and its configuration; with client certificates of some authorities.
    pub(crate) fn server(&self, folder: &Path, clients: Option<(&Authority, bool)>) -> TlsConfig {
        self.sign(&[SERVER]).write(folder);
        let authorities = folder.join("clients.pem");
        let clients = clients.map(|(authority, are_required)| {
            std::fs::write(&authorities, &authority.pem).unwrap();
            ClientCertificates { authorities, are_required }
        });
        TlsConfig { certificate: folder.join("server.pem"), key: folder.join("server.key"), clients }
    }

    /// What a client that trusts this authority, and has a certificate or not, brings.
    pub(crate) fn client(&self, signed: Option<&Signed>) -> ClientConfig {
        self.client_of(signed, rustls::ALL_VERSIONS)
    }

    pub(crate) fn client_of(
        &self,
        signed: Option<&Signed>,
        versions: &[&'static rustls::SupportedProtocolVersion],
    ) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots);
        match signed {
            None => builder.with_no_client_auth(),
            Some(signed) => {
                let key = PrivateKeyDer::from_pem_slice(signed.key_pem.as_bytes()).unwrap();
                builder.with_client_auth_cert(vec![signed.certificate.clone()], key).unwrap()
            }
        }
    }
}

impl Signed {
    /// Writes the files of a server.
    pub(crate) fn write(&self, folder: &Path) {
        std::fs::write(folder.join("server.pem"), &self.pem).unwrap();
        std::fs::write(folder.join("server.key"), &self.key_pem).unwrap();
    }
}

/// A client over TLS.
pub(crate) struct TlsClient(pub(crate) StreamOwned<ClientConnection, TcpStream>);

impl TlsClient {
    /// Connects, and finishes the handshake as far as the client knows.
    pub(crate) fn connect(address: SocketAddr, config: ClientConfig) -> std::io::Result<Self> {
        Self::connect_shared(address, &Arc::new(config))
    }

    pub(crate) fn connect_shared(address: SocketAddr, config: &Arc<ClientConfig>) -> std::io::Result<Self> {
        let session = ClientConnection::new(Arc::clone(config), SERVER.try_into().unwrap()).unwrap();
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut stream = StreamOwned::new(session, stream);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(Self(stream))
    }

    /// Sends a request, and returns the status and the whole answer.
    pub(crate) fn ask(&mut self, request: &str) -> std::io::Result<(u16, String)> {
        self.0.write_all(request.as_bytes())?;
        self.0.flush()?;
        let mut answer = Vec::new();
        loop {
            let mut buffer = [0; 4_096];
            let read = self.0.read(&mut buffer)?;
            if read == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            answer.extend_from_slice(&buffer[..read]);
            let text = String::from_utf8_lossy(&answer).into_owned();
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let length = head.to_ascii_lowercase();
            let length = length.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
            if body.len() >= length.unwrap_or_default() {
                let status = head.split(' ').nth(1).unwrap().parse().unwrap();
                return Ok((status, text));
            }
        }
    }

    /// The certificate of the server.
    pub(crate) fn server_certificate(&self) -> CertificateDer<'static> {
        self.0.conn.peer_certificates().unwrap()[0].clone().into_owned()
    }
}
