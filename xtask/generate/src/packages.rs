//! Installs a compiler for WebAssembly, once the user has allowed it.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::toolchain::output;

/// The Debian packages with a compiler, the source of its standard library and a linker.
pub(crate) const ALL: [&str; 5] = ["rustc-web", "cargo-web", "rust-web-src", "rust-web-llvm", "lld-22"];

/// The time that rustup may take to install a target.
const PATIENCE: Duration = Duration::from_secs(30);

/// The packages of [`ALL`] that are not installed.
pub(crate) fn missing() -> Result<Vec<&'static str>> {
    output(Command::new("dpkg-query").arg("--version")).context("this system is not a Debian")?;
    let installed = |package: &&str| {
        output(Command::new("dpkg-query").args(["--show", "--showformat=${Status}", *package]))
            .is_ok_and(|status| status == "install ok installed")
    };
    Ok(ALL.into_iter().filter(|package| !installed(package)).collect())
}

/// Installs the missing packages, if this process is root's.
pub(crate) fn install() -> Result<()> {
    let packages = missing()?;
    let list = packages.join(" ");
    ensure!(output(Command::new("id").arg("-u"))?.trim() == "0", "only root may install the missing packages: {list}");
    println!("installing {list}");
    for arguments in [&["update"][..], &["install", "--yes", "--no-install-recommends"][..]] {
        let mut apt = Command::new("apt-get");
        apt.env("DEBIAN_FRONTEND", "noninteractive")
            .stdin(Stdio::null())
            .args(["--quiet", "-o", "Acquire::http::Timeout=60", "-o", "Dpkg::Options::=--force-confold"])
            .args(arguments);
        if arguments.len() > 1 {
            apt.args(&packages);
        }
        let status = apt.status().context("cannot run apt-get")?;
        ensure!(status.success(), "apt-get cannot install {list}");
    }
    Ok(())
}

/// Has rustup install a target, and returns whether it did so within [`PATIENCE`].
pub(crate) fn add_target(target: &str) -> bool {
    println!("installing {target} with rustup");
    let child = Command::new("rustup")
        .args(["target", "add", target])
        .env("RUSTUP_MAX_RETRIES", "0")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = child else { return false };
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Ok(Some(status)) = child.try_wait() {
            return status.success();
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    // It is too late, even if rustup cannot be stopped.
    child.kill().and_then(|()| child.wait()).ok();
    false
}
