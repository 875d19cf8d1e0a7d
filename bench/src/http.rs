//! A small HTTP client that costs as little as it can: one connection, one request at a time, and no parsing beyond the
//! length of the answer.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

/// The time after which a server that does not answer is a failure.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A request, as it is sent.
pub(crate) struct Request(Vec<u8>);

impl Request {
    /// A request with a JSON document.
    pub(crate) fn post(path: &str, body: &str) -> Self {
        let length = body.len();
        let head = format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n");
        Self(format!("{head}content-length: {length}\r\n\r\n{body}").into_bytes())
    }

    /// A request without a body.
    pub(crate) fn get(path: &str) -> Self {
        Self(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").into_bytes())
    }
}

impl Request {
    /// A request without a body, with headers.
    pub(crate) fn get_with(path: &str, headers: &[(&str, &str)]) -> Self {
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        Self(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n").into_bytes())
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Answer {
    /// Whether the answer is a decision, and allows.
    pub(crate) fn allows(&self) -> bool {
        self.status == 200 && (["\"allow\"", "true", "EFFECT_ALLOW"].iter().any(|word| self.body.contains(word)))
    }
}

/// A connection that is kept.
pub(crate) struct Client(BufReader<TcpStream>);

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect_timeout(&address, TIMEOUT).context("cannot connect")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Sends a request, and waits for its answer.
    pub(crate) fn ask(&mut self, request: &Request) -> Result<Answer> {
        self.0.get_mut().write_all(&request.0)?;
        let mut line = String::new();
        ensure!(self.0.read_line(&mut line)? > 0, "the server closed the connection");
        let status = line.split(' ').nth(1).context("an answer without a status")?.parse()?;
        let mut length = 0;
        loop {
            line.clear();
            ensure!(self.0.read_line(&mut line)? > 0, "the server closed the connection in the middle of an answer");
            let header = line.trim_end();
            if header.is_empty() {
                break;
            }
            if let Some((name, value)) = header.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse()?;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body)?;
        Ok(Answer { status, body: String::from_utf8(body)? })
    }
}
