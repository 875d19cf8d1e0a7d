//! `cargo xtask prove old-glibc`: runs the command of the wheel in an older Debian.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use super::build;
use super::folder::Folder;
use super::installed::use_command;
use super::wheel::extract_command;
use crate::process::{output, run as run_command};

/// Releases of Debian, the oldest first, each with the server that carries it if it is not debootstrap's default.
const RELEASES: [(&str, Option<&str>); 2] = [("buster", Some("http://archive.debian.org/debian")), ("bullseye", None)];

/// Runs the proof. The only word is `--install`, which allows to install debootstrap.
pub(crate) fn prove(words: &[&str]) -> Result<()> {
    ensure!(output(Command::new("id").arg("-u"))?.trim() == "0", "only root can create and enter a Debian system");
    if !has_debootstrap() {
        ensure!(words.contains(&crate::bench::INSTALL), "debootstrap is not installed; allow it with `--install`");
        run_command(Command::new("apt-get").args(["install", "--yes", "--no-install-recommends", "debootstrap"]))?;
    }
    build(&[])?;
    let folder = Folder::new("old-glibc")?;
    let system = folder.path().join("system");
    let release = make_system(&system)?;
    fs::rename(extract_command(folder.path())?, system.join("usr/local/bin/guardhouse"))?;
    let libc = output(enter(&system).args(["ldd", "--version"]))?;
    println!("{release}: {}", libc.lines().next().unwrap_or_default());
    use_command(|| {
        let mut command = enter(&system);
        command.arg("guardhouse");
        command
    })
}

fn has_debootstrap() -> bool {
    Command::new("debootstrap").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Creates a system of the oldest release that can be downloaded, and returns the release's name.
fn make_system(system: &Path) -> Result<&'static str> {
    for (release, server) in RELEASES {
        println!("downloading Debian {release}");
        let mut debootstrap = Command::new("debootstrap");
        debootstrap.args(["--variant=minbase", release]).arg(system).args(server).stdout(Stdio::null());
        if debootstrap.status().context("cannot run debootstrap")?.success() {
            return Ok(release);
        }
        if system.exists() {
            fs::remove_dir_all(system)?;
        }
    }
    bail!("none of these releases of Debian can be downloaded: {}", RELEASES.map(|(release, _)| release).join(", "))
}

/// A program inside the system. Its `/proc` is mounted for this program alone, and vanishes with it.
fn enter(system: &Path) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--mount", "--pid", "--fork"]);
    command.arg(format!("--mount-proc={}", system.join("proc").display())).arg("chroot").arg(system);
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin");
    command
}
