//! A server in a process of its own, so that its processor time can be told from that of its clients.

use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::http::{Client, Request};

/// The time within which a server must answer for the first time.
const STARTUP: Duration = Duration::from_secs(120);

/// A server that runs until this is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
}

/// An address of this machine that nothing listens at.
pub(crate) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

impl Server {
    /// Starts a server that will listen at `address`, and waits until it answers `request` with the status 200.
    pub(crate) fn start(command: &mut Command, address: SocketAddr, request: &Request) -> Result<Self> {
        Self::start_until(command, address, |address| {
            let answer = Client::connect(address)?.ask(request)?;
            ensure!(answer.status == 200, "{answer:?}");
            Ok(())
        })
    }

    /// Starts a server that will listen at `address`, and waits until `ready` finds nothing wrong with it.
    pub(crate) fn start_until(
        command: &mut Command,
        address: SocketAddr,
        ready: impl Fn(SocketAddr) -> Result<()>,
    ) -> Result<Self> {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        let mut server = Self { child: child.context("cannot start the server")?, address };
        let end = Instant::now() + STARTUP;
        loop {
            if let Some(status) = server.child.try_wait()? {
                bail!("the server ended: {status}");
            }
            match ready(address) {
                Ok(()) => return Ok(server),
                Err(error) => ensure!(Instant::now() < end, "the server is not ready: {error:#}"),
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The processor time of the server so far, in all its threads. The kernel counts it in hundredths of a second.
    pub(crate) fn cpu_time(&self) -> Result<Duration> {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let (_, fields) = text.rsplit_once(") ").context("no fields in the statistics of the server")?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let ticks = |index: usize| -> Result<u64> { Ok(fields.get(index).context("a field is missing")?.parse()?) };
        Ok(Duration::from_millis((ticks(11)? + ticks(12)?) * 10))
    }

    /// The resident memory of the server, in bytes.
    pub(crate) fn resident_bytes(&self) -> Result<u64> {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        Ok(line.trim().trim_end_matches("kB").trim().parse::<u64>()? * 1024)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The server may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
