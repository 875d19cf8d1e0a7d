//! Requests as people have them, which become contexts: messages of MCP, tokens, questions of Envoy.

mod additions;
mod envoy;
mod mcp;
mod token;

pub(crate) use self::additions::Additions;
pub(crate) use self::envoy::EnvoyOptions;
pub(crate) use self::mcp::context_of as mcp_context;
pub(crate) use self::token::{TokenOptions, token_of};
