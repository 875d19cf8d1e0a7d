//! The settings of TLS that new connections get, and their change.

use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use guardhouse::Digest;
use rustls::ServerConfig;

use super::error::TlsError;
use super::files::TlsFiles;
use super::settings::settings;
use crate::config::listener::{DoorSet, TlsConfig};
use crate::lock::lock;

/// The settings of TLS of one listener.
#[derive(Debug)]
pub struct CurrentTls {
    config: TlsConfig,
    doors: DoorSet,
    settings: ArcSwap<ServerConfig>,
    last: Mutex<Last>,
}

/// What was read last.
#[derive(Debug)]
struct Last {
    /// The digests of the files, whether they could be used or not.
    digests: [Digest; 3],
    error: Option<TlsError>,
}

impl CurrentTls {
    /// Reads the files of a listener.
    ///
    /// # Errors
    /// [`TlsError`] for the first file that cannot be used.
    pub fn read(config: &TlsConfig, doors: DoorSet) -> Result<Self, TlsError> {
        let files = TlsFiles::read(config)?;
        Ok(Self {
            settings: ArcSwap::from_pointee(settings(config, doors, &files)?),
            last: Mutex::new(Last { digests: files.digests(), error: None }),
            config: config.clone(),
            doors,
        })
    }

    /// The settings for a new connection.
    pub(crate) fn settings(&self) -> Arc<ServerConfig> {
        self.settings.load_full()
    }

    /// Reads the files again, and takes them if they have changed and can be used. Connections that are open stay as they
    /// are. Returns whether new ones were taken.
    ///
    /// # Errors
    /// The files cannot be used, for a reason that the last reading did not have. The settings stay as they were.
    pub fn read_again(&self) -> Result<bool, TlsError> {
        let mut last = lock(&self.last);
        let files = TlsFiles::read(&self.config);
        let read = match files {
            Ok(files) if files.digests() == last.digests => {
                last.error = None;
                return Ok(false);
            }
            Ok(files) => {
                last.digests = files.digests();
                settings(&self.config, self.doors, &files)
            }
            Err(error) => Err(error),
        };
        match read {
            Ok(settings) => {
                self.settings.store(Arc::new(settings));
                last.error = None;
                Ok(true)
            }
            Err(error) if last.error.as_ref() == Some(&error) => Ok(false),
            Err(error) => {
                last.error = Some(error.clone());
                Err(error)
            }
        }
    }
}

/// The settings of TLS of all listeners. A clone is shallow.
#[derive(Debug, Clone, Default)]
pub struct Certificates(Vec<Arc<CurrentTls>>);

impl Certificates {
    /// Whether no listener has TLS.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads all files again, and logs what became of it.
    pub fn read_again(&self) {
        for tls in &self.0 {
            match tls.read_again() {
                Ok(false) => {}
                Ok(true) => {
                    let certificate = tls.config.certificate.display();
                    tracing::info!(target: "guardhouse::server", %certificate, "new connections get the new certificate");
                }
                Err(error) => {
                    tracing::warn!(target: "guardhouse::server", %error, "the certificate before stays in use");
                }
            }
        }
    }
}

impl FromIterator<Arc<CurrentTls>> for Certificates {
    fn from_iter<I: IntoIterator<Item = Arc<CurrentTls>>>(all: I) -> Self {
        Self(all.into_iter().collect())
    }
}
