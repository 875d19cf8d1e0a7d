//! An issuer over HTTP, which answers as a test says.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, LOCATION};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// An issuer. It ends with the runtime of its test.
pub(super) struct Authority {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    reply: Mutex<Reply>,
    requests: Mutex<Vec<Asked>>,
    /// Wakes what waits while the reply is [`Reply::Hold`].
    released: Notify,
}

/// A request that was received.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) path: String,
    pub(super) authorization: Option<String>,
    pub(super) body: String,
}

#[derive(Debug, Clone)]
pub(super) enum Reply {
    Body(StatusCode, Bytes),
    Redirect(String),
    /// Nothing, for ever.
    Hang,
    /// This body, once the test releases it.
    Hold(Bytes),
}

impl Authority {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state =
            Arc::new(State { reply: Mutex::new(Reply::Hang), requests: Mutex::default(), released: Notify::new() });
        tokio::spawn(accept(listener, Arc::clone(&state)));
        Self { address, state }
    }

    pub(super) fn url(&self, path: &str) -> Uri {
        format!("http://{}{path}", self.address).parse().unwrap()
    }

    pub(super) fn reply(&self, reply: Reply) {
        *self.state.reply.lock().unwrap() = reply;
    }

    pub(super) fn reply_json(&self, body: &Value) {
        self.reply(Reply::Body(StatusCode::OK, body.to_string().into()));
    }

    pub(super) fn reply_status(&self, status: u16) {
        self.reply(Reply::Body(StatusCode::from_u16(status).unwrap(), Bytes::from_static(b"{\"keys\":[]}")));
    }

    /// Lets all held requests go on.
    pub(super) fn release(&self) {
        self.state.released.notify_waiters();
    }

    /// The requests until now.
    pub(super) fn requests(&self) -> Vec<Asked> {
        self.state.requests.lock().unwrap().clone()
    }

    pub(super) fn count(&self) -> usize {
        self.state.requests.lock().unwrap().len()
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { return };
        let state = Arc::clone(&state);
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, Arc::clone(&state)));
            // A client that goes away is no failure of the test.
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(request: Request<Incoming>, state: Arc<State>) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let authorization = request.headers().get(AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned());
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let body = String::from_utf8(body.to_vec()).unwrap();
    let released = state.released.notified();
    state.requests.lock().unwrap().push(Asked { path, authorization, body });
    let reply = state.reply.lock().unwrap().clone();
    let mut response = Response::new(Full::default());
    match reply {
        Reply::Body(status, body) => {
            *response.status_mut() = status;
            *response.body_mut() = Full::from(body);
        }
        Reply::Redirect(url) => {
            *response.status_mut() = StatusCode::FOUND;
            response.headers_mut().insert(LOCATION, url.parse().unwrap());
        }
        Reply::Hang => std::future::pending().await,
        Reply::Hold(body) => {
            released.await;
            *response.body_mut() = Full::from(body);
        }
    }
    Ok(response)
}

/// A key set over TLS at `localhost`.
pub(super) async fn serve_tls(certificate: &rcgen::Certificate, key: &rcgen::KeyPair, key_set: Value) -> Uri {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let key = rustls::pki_types::PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let config = builder.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let body = Bytes::from(key_set.to_string());
    tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else { return };
            // A client that does not trust the certificate ends the handshake.
            let Ok(stream) = acceptor.accept(stream).await else { continue };
            let service = service_fn(|_: Request<Incoming>| {
                let body = body.clone();
                async move { Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(body))) }
            });
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        }
    });
    format!("https://localhost:{port}/keys").parse().unwrap()
}
