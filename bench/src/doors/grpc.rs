//! Envoy's external authorization over gRPC: a client, and a server that answers a constant.

use std::collections::HashMap;
use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use bytes::{BufMut, Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper::service::service_fn;
use hyper::{Method, Request, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::Grpc;

/// The path of the method.
const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";

/// The parts of `envoy.service.auth.v3.CheckRequest` that Envoy always sends.
#[derive(Clone, PartialEq, Message)]
struct CheckRequest {
    #[prost(message, tag = "1")]
    attributes: Option<Attributes>,
}

#[derive(Clone, PartialEq, Message)]
struct Attributes {
    #[prost(message, tag = "4")]
    request: Option<AttributesRequest>,
    #[prost(map = "string, string", tag = "10")]
    context_extensions: HashMap<String, String>,
}

#[derive(Clone, PartialEq, Message)]
struct AttributesRequest {
    #[prost(message, tag = "2")]
    http: Option<Http>,
}

#[derive(Clone, PartialEq, Message)]
struct Http {
    #[prost(string, tag = "2")]
    method: String,
    #[prost(map = "string, string", tag = "3")]
    headers: HashMap<String, String>,
    #[prost(string, tag = "4")]
    path: String,
    #[prost(string, tag = "5")]
    host: String,
    #[prost(string, tag = "6")]
    scheme: String,
}

/// The part of `envoy.service.auth.v3.CheckResponse` that decides. An answer without a status allows.
#[derive(Clone, PartialEq, Message)]
struct CheckResponse {
    #[prost(message, tag = "1")]
    status: Option<Status>,
}

#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
}

/// A request with a token, as Envoy would send it.
pub(super) fn check_request(tenant: &str, path: &str, token: &str) -> Vec<u8> {
    let text = |text: &str| text.to_owned();
    let headers = [("authorization", &*format!("Bearer {token}")), ("accept", "*/*"), ("user-agent", "curl/8.5.0")];
    let http = Http {
        method: text("GET"),
        headers: headers.map(|(name, value)| (text(name), text(value))).into(),
        path: text(path),
        host: text("shop.example"),
        scheme: text("https"),
    };
    let attributes = Attributes {
        request: Some(AttributesRequest { http: Some(http) }),
        context_extensions: [(text("tenant"), text(tenant))].into(),
    };
    CheckRequest { attributes: Some(attributes) }.encode_to_vec()
}

/// A connection that is kept, on a runtime of its own.
pub(super) struct Client {
    runtime: Runtime,
    sender: SendRequest<Full<Bytes>>,
}

impl Client {
    pub(super) fn connect(address: SocketAddr) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let sender = runtime.block_on(async {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
            tokio::spawn(connection);
            anyhow::Ok(sender)
        })?;
        Ok(Self { runtime, sender })
    }

    /// Sends a message, and returns the status that its answer gives the request.
    pub(super) fn check(&mut self, message: &[u8]) -> Result<i32> {
        let Self { runtime, sender } = self;
        runtime.block_on(async {
            let mut framed = BytesMut::with_capacity(message.len() + 5);
            framed.put_u8(0);
            framed.put_u32(u32::try_from(message.len())?);
            framed.put_slice(message);
            let request = Request::builder()
                .method(Method::POST)
                .version(Version::HTTP_2)
                .uri(format!("http://localhost{CHECK}"))
                .header("content-type", "application/grpc")
                .header("te", "trailers")
                .body(Full::new(framed.freeze()))?;
            sender.ready().await?;
            let answer = sender.send_request(request).await?;
            let collected = answer.into_body().collect().await?;
            let status = collected.trailers().and_then(|trailers| trailers.get("grpc-status")).cloned();
            ensure!(status.is_some_and(|status| status == "0"), "the call failed");
            let body = collected.to_bytes();
            let response = CheckResponse::decode(body.get(5..).context("an answer without a message")?)?;
            Ok(response.status.context("an answer without a status")?.code)
        })
    }
}

/// Serves a constant until the process is killed, with tonic.
pub(super) async fn serve_constant(listener: TcpListener) -> Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let service = service_fn(|request: Request<hyper::body::Incoming>| async {
            let answer = |_: tonic::Request<CheckRequest>| async {
                Ok(tonic::Response::new(CheckResponse { status: Some(Status { code: 0 }) }))
            };
            Ok::<_, std::convert::Infallible>(Grpc::new(Messages).unary(tower::service_fn(answer), request).await)
        });
        let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        tokio::spawn(connection.serve_connection(TokioIo::new(stream), service));
    }
}

/// The messages of the method.
struct Messages;

impl Codec for Messages {
    type Encode = CheckResponse;
    type Decode = CheckRequest;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Messages {
    type Item = CheckResponse;
    type Error = tonic::Status;

    fn encode(&mut self, item: CheckResponse, buffer: &mut EncodeBuf<'_>) -> Result<(), tonic::Status> {
        item.encode(buffer).map_err(|error| tonic::Status::internal(error.to_string()))
    }
}

impl Decoder for Messages {
    type Item = CheckRequest;
    type Error = tonic::Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<CheckRequest>, tonic::Status> {
        CheckRequest::decode(buffer).map(Some).map_err(|error| tonic::Status::internal(error.to_string()))
    }
}
