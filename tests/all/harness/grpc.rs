//! Clients of gRPC over HTTP/2, and of HTTP/2 frame by frame.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use h2::{Reason, RecvStream, SendStream};
use hyper::{HeaderMap, Request};
use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::Runtime;
use tokio_rustls::TlsConnector;

use super::tls::SERVER;

pub(crate) const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";

/// The patience of a client.
const PATIENCE: Duration = Duration::from_secs(60);

/// A runtime for the clients of a test.
pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

/// A frame of gRPC.
pub(crate) fn message(bytes: &[u8]) -> Vec<u8> {
    let mut frame = vec![0];
    frame.extend(u32::try_from(bytes.len()).unwrap().to_be_bytes());
    frame.extend(bytes);
    frame
}

/// A connection of gRPC.
pub(crate) struct Grpc {
    send: SendRequest<Bytes>,
}

/// An answer to a call.
#[derive(Debug)]
pub(crate) struct Called {
    pub(crate) status: u16,
    /// The status of gRPC.
    pub(crate) code: Option<String>,
    /// The messages, each without its frame.
    pub(crate) messages: Vec<Vec<u8>>,
}

impl Grpc {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::over(tokio::net::TcpStream::connect(address).await.unwrap()).await
    }

    /// Connects from an address of this machine.
    pub(crate) async fn connect_from(from: IpAddr, address: SocketAddr) -> Self {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(from, 0)).unwrap();
        Self::over(socket.connect(address).await.unwrap()).await
    }

    /// Connects over TLS.
    pub(crate) async fn connect_secured(address: SocketAddr, mut config: ClientConfig) -> Self {
        config.alpn_protocols = vec![b"h2".to_vec()];
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let connector = TlsConnector::from(Arc::new(config));
        let stream = connector.connect(SERVER.try_into().unwrap(), stream).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        Self::over(stream).await
    }

    async fn over(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        let (send, connection) = h2::client::handshake(stream).await.unwrap();
        // It ends with the connection, whatever the reason.
        tokio::spawn(async { drop(connection.await) });
        Self { send }
    }

    /// Begins a call; its body is still open.
    pub(crate) async fn begin(
        &self,
        path: &str,
        headers: &[(&str, &str)],
    ) -> (h2::client::ResponseFuture, SendStream<Bytes>) {
        let uri = format!("http://pdp.example{path}");
        let mut request = Request::post(uri).header("te", "trailers");
        if !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/grpc");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut send = self.send.clone().ready().await.unwrap();
        send.send_request(request.body(()).unwrap(), false).unwrap()
    }

    /// Calls a method with the bytes of a body.
    pub(crate) async fn call(&self, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Called {
        let (answer, mut stream) = self.begin(path, headers).await;
        // A call that is refused for its head is answered before its body is sent.
        let _ = stream.send_data(body.into(), true);
        called(answer).await
    }

    /// Calls a method that answers with messages for as long as it is listened to.
    pub(crate) async fn watch(&self, path: &str, body: Vec<u8>) -> Watching {
        let (answer, mut stream) = self.begin(path, &[]).await;
        stream.send_data(body.into(), true).unwrap();
        let answer = tokio::time::timeout(PATIENCE, answer).await.unwrap().unwrap();
        Watching { body: answer.into_body(), received: Vec::new() }
    }
}

/// The whole answer to a call.
pub(crate) async fn called(answer: h2::client::ResponseFuture) -> Called {
    let answer = tokio::time::timeout(PATIENCE, answer).await.unwrap().unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let mut watching = Watching { body: answer.into_body(), received: Vec::new() };
    let mut messages = Vec::new();
    while let Some(message) = watching.next().await {
        messages.push(message);
    }
    let trailers = watching.trailers().await;
    let code = |headers: &HeaderMap| headers.get("grpc-status").map(|code| code.to_str().unwrap().to_owned());
    Called { status, code: trailers.as_ref().and_then(code).or_else(|| code(&headers)), messages }
}

/// The messages of an answer, one by one.
pub(crate) struct Watching {
    body: RecvStream,
    received: Vec<u8>,
}

impl Watching {
    /// The next message; none at the end.
    pub(crate) async fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(length) = self.received.get(1..5) {
                let length = 5 + u32::from_be_bytes(length.try_into().unwrap()) as usize;
                if self.received.len() >= length {
                    let message = self.received[5..length].to_vec();
                    self.received.drain(..length);
                    return Some(message);
                }
            }
            let data = tokio::time::timeout(PATIENCE, self.body.data()).await.unwrap()?.unwrap();
            self.body.flow_control().release_capacity(data.len()).unwrap();
            self.received.extend(data);
        }
    }

    /// What follows the messages.
    pub(crate) async fn trailers(&mut self) -> Option<HeaderMap> {
        assert!(self.received.is_empty(), "{:?}", self.received);
        tokio::time::timeout(PATIENCE, self.body.trailers()).await.unwrap().unwrap()
    }
}

/// A connection of HTTP/2 whose client sends any bytes.
pub(crate) struct Raw(pub(crate) TcpStream);

/// A frame (RFC 9113 section 4.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RawFrame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

impl RawFrame {
    /// The last stream and the reason of a GOAWAY.
    pub(crate) fn goaway(&self) -> (u32, Reason) {
        let number = |range: std::ops::Range<usize>| u32::from_be_bytes(self.payload[range].try_into().unwrap());
        assert_eq!(self.kind, GOAWAY);
        (number(0..4), number(4..8).into())
    }
}

impl Raw {
    /// A connection on which nothing was sent.
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self(stream)
    }

    /// A connection with its preface and some settings.
    pub(crate) fn begin(address: SocketAddr, settings: &[(u16, u32)]) -> Self {
        let mut raw = Self::connect(address);
        raw.send(PREFACE);
        let payload = settings
            .iter()
            .flat_map(|(name, value)| name.to_be_bytes().into_iter().chain(value.to_be_bytes()).collect::<Vec<u8>>());
        raw.frame(SETTINGS, 0, 0, &payload.collect::<Vec<u8>>());
        raw
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes);
    }

    pub(crate) fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        self.send(&frame(kind, flags, stream, payload));
    }

    /// Sends the head of a call; it may be the end of the stream.
    pub(crate) fn head(&mut self, stream: u32, path: &str, is_end: bool) {
        self.frame(HEADERS, 4 | u8::from(is_end), stream, &head(path, &[]));
    }

    /// The next frame; none at the end of the connection. Answers settings, and pings if told so.
    pub(crate) fn next(&mut self, answers_pings: bool) -> Option<RawFrame> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).ok()?;
        let [a, b, c, kind, flags, stream @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        self.0.read_exact(&mut payload).ok()?;
        if kind == SETTINGS && flags & 1 == 0 {
            self.frame(SETTINGS, 1, 0, &[]);
        }
        if kind == PING && flags & 1 == 0 && answers_pings {
            self.frame(PING, 1, 0, &payload);
        }
        Some(RawFrame { kind, flags, stream: u32::from_be_bytes(stream), payload })
    }

    /// The next frame of one kind.
    pub(crate) fn next_of(&mut self, kind: u8, answers_pings: bool) -> Option<RawFrame> {
        std::iter::from_fn(|| self.next(answers_pings)).find(|frame| frame.kind == kind)
    }

    /// The frames of a stream up to its end.
    pub(crate) fn rest_of_stream(&mut self, stream: u32) -> Vec<RawFrame> {
        let mut frames = Vec::new();
        while let Some(frame) = self.next(true) {
            let is_end = frame.kind == RST_STREAM || (matches!(frame.kind, DATA | HEADERS) && frame.flags & 1 == 1);
            if frame.stream == stream {
                frames.push(frame);
                if is_end {
                    break;
                }
            }
        }
        frames
    }

    /// All frames up to the end of the connection.
    pub(crate) fn rest(&mut self, answers_pings: bool) -> Vec<RawFrame> {
        std::iter::from_fn(|| self.next(answers_pings)).collect()
    }
}

/// The bytes of a frame.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// The header block of a call, without compression (RFC 7541).
pub(crate) fn head(path: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let text = |text: &str| {
        let mut bytes = length(text.len());
        bytes.extend(text.as_bytes());
        bytes
    };
    // `:method: POST` and `:scheme: http` of the static table, and then literals.
    let mut block = vec![0x83, 0x86];
    for (name, value) in
        [(":path", path), (":authority", "pdp.example"), ("content-type", "application/grpc"), ("te", "trailers")]
            .iter()
            .chain(more)
    {
        block.push(0);
        block.extend(text(name));
        block.extend(text(value));
    }
    block
}

/// A length with a prefix of seven bits (RFC 7541 section 5.1).
fn length(length: usize) -> Vec<u8> {
    if length < 127 {
        return vec![u8::try_from(length).unwrap()];
    }
    let mut bytes = vec![127];
    let mut rest = length - 127;
    while rest >= 128 {
        bytes.push(u8::try_from(rest % 128).unwrap() | 128);
        rest /= 128;
    }
    bytes.push(u8::try_from(rest).unwrap());
    bytes
}
