//! The HTTP client for issuers: over TLS, without redirects, and bounded in bytes and time.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{Request, StatusCode, Uri};
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower_service::Service;

use super::file::WatchedFile;
use super::jwt::Reason;
use crate::lock::lock;
use crate::problem::clip;

/// The longest exchange, from the connection to the last byte of the answer.
pub(super) const EXCHANGE_TIME: Duration = Duration::from_secs(5);

/// The most bytes of a file with certificates.
const MAX_CA_BYTES: u64 = 1 << 20;

/// The most bytes of the head of an answer.
const MAX_HEAD_BYTES: usize = 64 << 10;

/// Connections that wait for the next question.
const IDLE_CONNECTIONS: usize = 8;
const IDLE_TIME: Duration = Duration::from_secs(30);

/// Why an issuer has no answer. It says nothing of a token.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("a file cannot be read: {0}")]
    File(#[from] io::Error),
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
    #[error("the exchange failed: {0}")]
    Exchange(String),
    #[error("the status of the answer is {0}, and not 200")]
    Status(u16),
    #[error("the answer is too large")]
    TooLarge,
    #[error("there is no answer in time")]
    Late,
    #[error("the document is invalid: {0}")]
    Document(Reason),
}

/// A client of one issuer. A clone is shallow.
#[derive(Debug, Clone)]
pub(super) struct IssuerClient(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    ca: Option<WatchedFile>,
    /// The client for the certificates that were read last.
    current: Mutex<Option<(Option<Bytes>, HttpClient)>>,
}

type HttpClient = Client<Connector, Full<Bytes>>;

impl IssuerClient {
    /// A client that trusts the certificates of a file, or else those of the system.
    pub(super) fn new(ca_file: Option<PathBuf>) -> Self {
        let ca = ca_file.map(|path| WatchedFile::new(path, MAX_CA_BYTES));
        Self(Arc::new(Inner { ca, current: Mutex::new(None) }))
    }

    /// The body of the answer, of at most `max` bytes, if its status is 200.
    pub(super) async fn exchange(&self, request: Request<Full<Bytes>>, max: usize) -> Result<Bytes, FetchError> {
        timeout(EXCHANGE_TIME, self.answer(request, max)).await.unwrap_or(Err(FetchError::Late))
    }

    async fn answer(&self, request: Request<Full<Bytes>>, max: usize) -> Result<Bytes, FetchError> {
        let inner = Arc::clone(&self.0);
        let client = tokio::task::spawn_blocking(move || inner.client()).await;
        let client = client.map_err(|error| FetchError::Tls(error.to_string()))??;
        let answer = client.request(request).await.map_err(|error| FetchError::Exchange(chain(&error)))?;
        if answer.status() != StatusCode::OK {
            return Err(FetchError::Status(answer.status().as_u16()));
        }
        match Limited::new(answer.into_body(), max).collect().await {
            Ok(body) => Ok(body.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => Err(FetchError::TooLarge),
            Err(error) => Err(FetchError::Exchange(chain(&*error))),
        }
    }
}

impl Inner {
    fn client(&self) -> Result<HttpClient, FetchError> {
        let ca = self.ca.as_ref().map(WatchedFile::read).transpose()?;
        let current = &mut *lock(&self.current);
        if let Some((_, client)) = current.as_ref().filter(|(known, _)| *known == ca) {
            return Ok(client.clone());
        }
        let client = build(tls(ca.as_deref())?);
        *current = Some((ca, client.clone()));
        Ok(client)
    }
}

/// The settings of TLS, with the provider of this crate, whatever other crates have made the default of the process.
fn tls(ca: Option<&[u8]>) -> Result<ClientConfig, FetchError> {
    let failed = |error: &dyn ToString| FetchError::Tls(error.to_string());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| failed(&error))?;
    let Some(ca) = ca else {
        return Ok(builder.with_native_roots()?.with_no_client_auth());
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca) {
        let certificate = certificate.map_err(|error| failed(&error))?;
        roots.add(certificate).map_err(|error| failed(&error))?;
    }
    if roots.is_empty() {
        return Err(failed(&"the file has no certificate"));
    }
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

fn build(tls: ClientConfig) -> HttpClient {
    let mut tcp = HttpConnector::new();
    // The configuration has `http` only for loopback addresses.
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    let connector = Connector(HttpsConnector::from((tcp, tls)));
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_TIME)
        .pool_max_idle_per_host(IDLE_CONNECTIONS)
        .http1_max_buf_size(MAX_HEAD_BYTES)
        .build(connector)
}

/// A connector that gives up, also when nobody waits for its connection any more.
#[derive(Debug, Clone)]
struct Connector(HttpsConnector<HttpConnector>);

type BoxError = Box<dyn Error + Send + Sync>;

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, url: Uri) -> Self::Future {
        let connecting = self.0.call(url);
        Box::pin(async move { timeout(EXCHANGE_TIME, connecting).await? })
    }
}

/// An error with its causes.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    clip(&text)
}
