//! The handshake of TLS.

use std::io;
use std::sync::Arc;

use rustls::Error;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::socket::Socket;
use super::transport::SocketStream;
use crate::config::certificate::PeerCertificate;
use crate::tls::{CurrentTls, HTTP_2, peer_certificate};

/// A connection after its handshake.
pub(super) struct Secured {
    pub(super) stream: Box<TlsStream<SocketStream>>,
    pub(super) certificate: Option<PeerCertificate>,
    /// Whether both ends agreed on HTTP/2; none if they agreed on no protocol.
    pub(super) is_http_2: Option<bool>,
}

/// Shakes hands with a client.
///
/// # Errors
/// The reason as a word for the metrics.
pub(super) async fn shake_hands(tls: &CurrentTls, socket: Arc<Socket>) -> Result<Secured, &'static str> {
    let acceptor = TlsAcceptor::from(tls.settings());
    let stream = acceptor.accept(SocketStream::new(socket)).await.map_err(|error| reason(&error))?;
    let session = stream.get_ref().1;
    let is_http_2 = session.alpn_protocol().map(|protocol| protocol == HTTP_2);
    let certificate = session.peer_certificates().and_then(<[_]>::first).map(peer_certificate);
    Ok(Secured { stream: Box::new(stream), certificate, is_http_2 })
}

fn reason(error: &io::Error) -> &'static str {
    let Some(error) = error.get_ref().and_then(|error| error.downcast_ref::<Error>()) else { return "closed" };
    match error {
        Error::InvalidMessage(_) | Error::InappropriateMessage { .. } => "not-tls",
        Error::PeerIncompatible(_) | Error::NoApplicationProtocol => "incompatible",
        Error::NoCertificatesPresented | Error::InvalidCertificate(_) => "certificate",
        Error::AlertReceived(_) => "alert",
        _ => "other",
    }
}
