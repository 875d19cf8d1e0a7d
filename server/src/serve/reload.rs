//! Reloading: what changes while the daemon runs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::config::ServerConfig;
use crate::config::credentials::{CredentialConfig, Credentials};
use crate::config::reach::{Unprotected, unprotected};
use crate::door::Doors;
use crate::tenants::Tenants;
use crate::tls::Certificates;

/// The interval at which the files of tokens and certificates are read again.
const PERIOD: Duration = Duration::from_secs(5);

/// What can be reloaded: the credentials, the certificates, the issuers of tokens, the settings of tenants, and the file
/// of the decision log.
pub(super) struct Reload {
    config: ServerConfig,
    file: Option<PathBuf>,
    doors: Doors,
    tenants: Tenants,
    certificates: Certificates,
    /// The errors of the credentials that were written to the log.
    known_errors: Vec<String>,
}

impl Reload {
    pub(super) fn new(
        config: ServerConfig,
        file: Option<PathBuf>,
        doors: Doors,
        tenants: Tenants,
        certificates: Certificates,
    ) -> Self {
        let errors = Credentials::read(&config.credentials).1;
        let known_errors = errors.into_iter().map(|(name, error)| format!("{name}: {error}")).collect();
        Self { config, file, doors, tenants, certificates, known_errors }
    }

    /// Reads the file again at each SIGHUP, and the files of tokens and certificates from time to time.
    pub(super) async fn run(mut self) {
        let mut hang_up = signal(SignalKind::hangup()).ok();
        if hang_up.is_none() {
            tracing::warn!(target: "guardhouse::server", "SIGHUP cannot be handled, so nothing is reloaded by it");
        }
        loop {
            tokio::select! {
                () = tokio::time::sleep(PERIOD) => {}
                () = received(hang_up.as_mut()) => {
                    if let Some(log) = self.doors.observers().log() {
                        log.reopen();
                    }
                    self.read_file();
                    // What was refused for a fault of the machine may work now.
                    self.tenants.retry_refused();
                }
            }
            if !self.config.credentials.is_empty() {
                self.read_tokens();
            }
            self.certificates.read_again();
        }
    }

    fn read_tokens(&mut self) {
        let (credentials, errors) = Credentials::read(&self.config.credentials);
        self.doors.set_credentials(credentials);
        let errors: Vec<String> = errors.into_iter().map(|(name, error)| format!("{name}: {error}")).collect();
        for error in errors.iter().filter(|error| !self.known_errors.contains(error)) {
            tracing::warn!(target: "guardhouse::server", error, "nobody can use the credential");
        }
        self.known_errors = errors;
    }

    fn read_file(&mut self) {
        let Some(file) = &self.file else {
            tracing::info!(target: "guardhouse::server", "there is no file to reload");
            return;
        };
        let folder = file.parent().unwrap_or(Path::new(""));
        let read = std::fs::read(file).map_err(|error| error.to_string());
        let read = read.and_then(|text| {
            ServerConfig::read(&text, folder)
                .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
        });
        match read.and_then(|new| check(&self.config, &new.credentials).map(|()| new)) {
            Ok(new) => self.take(new),
            Err(error) => {
                tracing::error!(target: "guardhouse::server", error, "the configuration stays as it was");
            }
        }
    }

    /// Takes what can change, and says what cannot.
    fn take(&mut self, new: ServerConfig) {
        self.config.credentials.clone_from(&new.credentials);
        self.config.issuers.clone_from(&new.issuers);
        self.config.tenants.clone_from(&new.tenants);
        self.doors.tokens().set(&new.issuers, &new.tenants);
        self.doors.set_tenants(new.tenants.clone());
        self.tenants.set_allowances(new.tenants.allowances());
        self.read_tokens();
        if new == self.config {
            tracing::info!(target: "guardhouse::server", "the configuration was reloaded");
        } else {
            tracing::warn!(
                target: "guardhouse::server",
                "the credentials, the issuers and the tenants were reloaded; the other changes need a restart"
            );
        }
    }
}

/// Checks that new credentials protect the listeners that are open. Those of the new file are not: they need a restart.
fn check(open: &ServerConfig, credentials: &[CredentialConfig]) -> Result<(), String> {
    // A file that was cut off has none either.
    if credentials.is_empty() && !open.credentials.is_empty() {
        return Err("there are no credentials any more, and everybody could ask for decisions: \
                    restart the server if that is intended"
            .to_owned());
    }
    match unprotected(&open.listeners, credentials) {
        None => Ok(()),
        Some(Unprotected::Decisions(listener) | Unprotected::TenantMetrics(listener)) => {
            Err(format!("the listener `{}`, which is open, is unprotected: restart the server", listener.address))
        }
    }
}

/// Waits for a signal; for ever without one.
async fn received(signal: Option<&mut Signal>) {
    let received = match signal {
        Some(signal) => signal.recv().await,
        None => None,
    };
    if received.is_none() {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::listener::ListenerConfig;

    #[test]
    fn credentials_are_judged_by_the_listeners_that_are_open() {
        let read = |listener: &str, credentials: &str| {
            let text = format!("version = 1\n[[listeners]]\n{listener}\ndoors = [\"native\"]\n{credentials}");
            ServerConfig::read(text.as_bytes(), Path::new("")).unwrap()
        };
        let [some, others] = ["a", "b"].map(|name| format!("[[credentials]]\nname = \"{name}\"\ntoken-file = \"t\""));
        let reached = "address = \"0.0.0.0:1\"";
        let anonymous = "address = \"0.0.0.0:1\"\nanonymous = true";
        let local = "address = \"127.0.0.1:1\"";
        let inherited = "address = \"systemd:0\"";
        for (listener, old, new, is_taken) in [
            (reached, &*some, &*others, true),
            (reached, &some, "", false),
            (inherited, &some, &others, true),
            (inherited, &some, "", false),
            (local, &some, &others, true),
            (local, &some, "", false),
            (local, "", &some, true),
            (local, "", "", true),
            (anonymous, &some, "", false),
            (anonymous, "", "", true),
        ] {
            let open = read(listener, old);
            // Whatever the file says of listeners now.
            for in_file in [local, anonymous] {
                let new = read(in_file, new);
                assert_eq!(check(&open, &new.credentials).is_ok(), is_taken, "{listener} {old:?} {new:?}");
            }
        }
        let cut_off = ServerConfig::read(b"version = 1", Path::new("")).unwrap();
        assert!(check(&read(reached, &some), &cut_off.credentials).is_err());
        // No file has such listeners; a program may.
        let listener = ListenerConfig { address: "0.0.0.0:1".parse().unwrap(), ..read(local, "").listeners.remove(0) };
        let open = ServerConfig { listeners: vec![listener], ..ServerConfig::default() };
        assert!(check(&open, &[]).unwrap_err().contains("0.0.0.0:1"));
    }
}
