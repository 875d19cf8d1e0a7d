//! Calls: the requests that are measured, each by the protocol of its door.

use std::net::SocketAddr;

use anyhow::{Result, ensure};

use super::grpc;
use crate::http::{Client, Request};

/// A request that is sent again and again.
pub(super) enum Call {
    /// To a server that answers a constant, over HTTP.
    Constant(Request),
    /// To a door whose answer says what it decided.
    Decision(Request),
    /// To a door whose status says what it decided.
    Status(Request),
    /// A message of gRPC.
    Grpc(Vec<u8>),
}

impl Call {
    /// Connects to a server. A call fails if its answer is not an allow.
    pub(super) fn connect(&self, address: SocketAddr) -> Result<Box<dyn FnMut() -> Result<()> + '_>> {
        match self {
            Self::Grpc(message) => {
                let mut client = grpc::Client::connect(address)?;
                Ok(Box::new(move || {
                    let code = client.check(message)?;
                    ensure!(code == 0, "not an allow: the status is {code}");
                    Ok(())
                }))
            }
            Self::Constant(request) | Self::Decision(request) | Self::Status(request) => {
                let mut client = Client::connect(address)?;
                let says = matches!(self, Self::Decision(_));
                Ok(Box::new(move || {
                    let answer = client.ask(request)?;
                    ensure!(answer.status == 200 && (!says || answer.allows()), "not an allow: {answer:?}");
                    Ok(())
                }))
            }
        }
    }
}
