//! TLS: the certificates of listeners, and those of their clients.

// In reading order.
mod error;
mod files;
mod peer;
mod settings;

mod current;

pub use self::current::{Certificates, CurrentTls};
pub use self::error::TlsError;
pub(crate) use self::peer::peer_certificate;
pub(crate) use self::settings::HTTP_2;
