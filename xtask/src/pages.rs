//! `cargo xtask prove pages`: plays the page of each language on a Debian system with nothing installed.
//!
//! The system is the smallest that debootstrap makes, with the certificates of Debian. It gets the command `guardhouse`,
//! and what the page says that one needs: the page's own commands for Debian install it. Debian has no Rust that is new
//! enough, so the toolchain of this machine is mounted, with rustup.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::build::{GUARDHOUSE, Profile, Programs};
use crate::console::script;
use crate::process::{output, run as run_command};
use crate::release::folder::Folder;
use crate::root;

/// A page of docs/.
struct Page {
    name: &'static str,
    text: &'static str,
    /// Whether it needs the Rust toolchain of this machine.
    needs_rust: bool,
}

const PAGES: [Page; 6] = [
    Page { name: "c", text: "languages/c.md", needs_rust: false },
    Page { name: "go", text: "languages/go.md", needs_rust: false },
    Page { name: "javascript", text: "languages/javascript.md", needs_rust: false },
    Page { name: "python", text: "languages/python.md", needs_rust: false },
    Page { name: "rust", text: "languages/rust.md", needs_rust: true },
    Page { name: "zig", text: "languages/zig.md", needs_rust: false },
];

/// The release of Debian.
const RELEASE: &str = "trixie";

/// How the block with the commands for Debian begins, which no other player of the page runs.
const DEBIAN: &str = "```console title=\"Debian 13, as root\"";

/// Files of this machine that the system gets: how to reach the registries, and whom to trust.
const NETWORK: [&str; 3] = ["/etc/resolv.conf", "/etc/hosts", "/etc/ssl/certs/ca-certificates.crt"];

/// Variables with which programs find the certificates.
const CERTIFICATES: [&str; 4] = ["PIP_CERT", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "CARGO_HTTP_CAINFO"];

/// Plays the pages with these names, or all.
pub(crate) fn prove(words: &[&str]) -> Result<()> {
    let known = || PAGES.map(|page| page.name).join(", ");
    for word in words {
        ensure!(PAGES.iter().any(|page| page.name == *word), "page `{word}` does not exist; there are {}", known());
    }
    ensure!(output(Command::new("id").arg("-u"))?.trim() == "0", "only root can create and enter a Debian system");
    let programs = Programs::build(&[GUARDHOUSE], Profile::Dev)?;
    let folder = Folder::new("pages")?;
    let empty = folder.path().join("empty");
    println!("downloading Debian {RELEASE}");
    let mut debootstrap = Command::new("debootstrap");
    debootstrap.args(["--variant=minbase", "--include=ca-certificates", RELEASE]).arg(&empty);
    run_command(debootstrap.stdout(Stdio::null()))?;
    for page in PAGES.iter().filter(|page| words.is_empty() || words.contains(&page.name)) {
        println!("\n== {}", page.name);
        let system = folder.path().join(page.name);
        run_command(Command::new("cp").args(["--archive", "--reflink=auto"]).args([&empty, &system]))?;
        page.play(&system, programs.path(GUARDHOUSE)?).with_context(|| format!("in `docs/{}`", page.text))?;
        fs::remove_dir_all(&system).with_context(|| format!("cannot remove `{}`", system.display()))?;
    }
    Ok(())
}

impl Page {
    /// Runs the commands of the page in the system, as root, in a new folder.
    fn play(&self, system: &Path, guardhouse: &Path) -> Result<()> {
        let path = root()?.join("docs").join(self.text);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
        ensure!(text.contains(DEBIAN), "the page does not say what to install on Debian: `{DEBIAN}`");
        let script = script(&text.replace(DEBIAN, "```console"))?;
        copy(guardhouse, &system.join("usr/local/bin/guardhouse"))?;
        for file in NETWORK {
            copy(Path::new(file), &system.join(file.trim_start_matches('/')))?;
        }
        let work = "/root/work";
        fs::create_dir_all(system.join(work.trim_start_matches('/')))?;
        fs::write(system.join("root/page.sh"), format!("set -eu\ncd {work}\n{script}"))?;

        let mut mounts = String::from("mount -t proc proc \"$0/proc\" && mount --rbind /dev \"$0/dev\"");
        let mut programs = String::from("/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin");
        if self.needs_rust {
            for (name, own, place) in [("RUSTUP_HOME", ".rustup", "rustup"), ("CARGO_HOME", ".cargo", "cargo")] {
                let from = own_folder(name, own)?.display().to_string();
                ensure!(!from.contains('"'), "`{from}` has a quotation mark");
                fs::create_dir_all(system.join("opt").join(place))?;
                mounts += &format!(" && mount --bind -o ro \"{from}\" \"$0/opt/{place}\"");
            }
            programs = format!("/opt/cargo/bin:{programs}");
        }
        let mut command = Command::new("unshare");
        command.args(["--mount", "--pid", "--fork", "--kill-child", "bash", "-euc"]);
        command.arg(format!("{mounts} && exec chroot \"$0\" bash /root/page.sh")).arg(system);
        command.env_clear().env("PATH", programs + ":/root/bin").env("HOME", "/root").env("LANG", "C.UTF-8");
        command.env("DEBIAN_FRONTEND", "noninteractive").env("RUSTUP_HOME", "/opt/rustup");
        for name in CERTIFICATES {
            command.env(name, "/etc/ssl/certs/ca-certificates.crt");
        }
        run_command(&mut command)
    }
}

/// Copies a file with its rights, in place of what is there.
fn copy(from: &Path, to: &Path) -> Result<()> {
    if to.symlink_metadata().is_ok() {
        fs::remove_file(to).with_context(|| format!("cannot replace `{}`", to.display()))?;
    }
    fs::copy(from, to).with_context(|| format!("cannot copy `{}` to `{}`", from.display(), to.display()))?;
    Ok(())
}

/// A folder of the Rust toolchain of this machine.
fn own_folder(name: &str, folder: &str) -> Result<PathBuf> {
    let home = || std::env::home_dir().context("the home folder is unknown");
    std::env::var_os(name).map_or_else(|| Ok(home()?.join(folder)), |found| Ok(found.into()))
}
