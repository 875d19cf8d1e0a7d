//! The version of HTTP that a client speaks.

use std::io;

use bytes::Bytes;
use tokio::io::AsyncReadExt as _;

use super::stream::Stream;

/// What a client of HTTP/2 sends first (RFC 9113 section 3.4). No request of HTTP/1.1 begins like this.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Whether the client speaks HTTP/2, by its first bytes. They are put back.
pub(super) async fn speaks_http_2(stream: &mut Stream) -> io::Result<bool> {
    let mut first = [0; PREFACE.len()];
    let mut length = 0;
    while let Some(rest) = first.get_mut(length..).filter(|rest| !rest.is_empty()) {
        let read = stream.read(rest).await?;
        length = length.saturating_add(read);
        let is_preface = first.get(..length).is_some_and(|read| PREFACE.starts_with(read));
        if read == 0 || !is_preface {
            break;
        }
    }
    let read = first.get(..length).unwrap_or_default();
    stream.put_back(Bytes::copy_from_slice(read));
    Ok(read == PREFACE)
}
