//! A client of HTTP/1.1 that sends any bytes.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// The patience of a client: a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection of a client.
#[derive(Debug)]
pub(crate) struct Client {
    stream: TcpStream,
    /// What was received, and belongs to no answer yet.
    received: Vec<u8>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// The headers, with names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::of(TcpStream::connect(address).unwrap())
    }

    /// A client of a stream that is connected.
    pub(crate) fn of(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, received: Vec::new() }
    }

    /// Sends bytes as they are. A server that has closed the connection does not get them.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref());
    }

    /// Sends a request with a body.
    pub(crate) fn request(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) {
        self.send(request(method, path, headers, body));
    }

    /// Sends nothing more, and still reads.
    pub(crate) fn finish(&mut self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// Waits until the server asks for the body of a request with `Expect: 100-continue`.
    pub(crate) fn wait_for_continue(&mut self) {
        let mut asked = [0; 25];
        self.stream.read_exact(&mut asked).unwrap();
        assert_eq!(String::from_utf8_lossy(&asked), "HTTP/1.1 100 Continue\r\n\r\n");
    }

    /// The next answer.
    pub(crate) fn reply(&mut self) -> Reply {
        loop {
            if let Some((reply, length)) = parse(&self.received) {
                self.received.drain(..length);
                return reply;
            }
            let mut buffer = [0; 4_096];
            let read = self.stream.read(&mut buffer).unwrap();
            assert!(read > 0, "no answer but {:?}", String::from_utf8_lossy(&self.received));
            self.received.extend_from_slice(&buffer[..read]);
        }
    }

    /// Everything up to the end of the connection, which may be a reset.
    pub(crate) fn rest(&mut self) -> String {
        loop {
            let mut buffer = [0; 4_096];
            match self.stream.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => self.received.extend_from_slice(&buffer[..read]),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => break,
                Err(error) => panic!("the connection is still open: {error}"),
            }
        }
        String::from_utf8_lossy(&std::mem::take(&mut self.received)).into_owned()
    }
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(found, _)| found == name).map(|(_, value)| &**value);
        let value = values.next();
        assert_eq!(values.next(), None, "`{name}` is there twice");
        value
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

/// The bytes of a request. Without a header of that name it has a content type and the length of its body.
pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> String {
    let has = |name: &str| headers.iter().any(|(found, _)| found.eq_ignore_ascii_case(name));
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: pdp.example\r\n");
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    if !body.is_empty() && !has("content-type") {
        text += "Content-Type: application/json\r\n";
    }
    if !has("content-length") && !has("transfer-encoding") {
        text += &format!("Content-Length: {}\r\n", body.len());
    }
    text + "\r\n" + body
}

/// The first answer in some bytes, and its length.
fn parse(bytes: &[u8]) -> Option<(Reply, usize)> {
    let head_bytes = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&bytes[..head_bytes]).unwrap();
    let mut lines = head.trim_end().split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().unwrap();
    let header = |line: &str| {
        let (name, value) = line.split_once(':').unwrap();
        (name.to_ascii_lowercase(), value.trim().to_owned())
    };
    let headers: Vec<(String, String)> = lines.map(header).collect();
    if status == 100 {
        return parse(&bytes[head_bytes..]).map(|(reply, length)| (reply, head_bytes + length));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.map_or(0, |(_, length)| length.parse().unwrap());
    let body = bytes.get(head_bytes..head_bytes + length)?.to_vec();
    Some((Reply { status, headers, body }, head_bytes + length))
}
