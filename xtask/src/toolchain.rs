//! A compiler for WebAssembly: rustup's where it has the target, Debian's otherwise.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};

use crate::process::forget_cargo;
use crate::root;

const TARGET: &str = "wasm32-unknown-unknown";

/// Debian's compiler, its library's source and a linker.
const PACKAGES: [&str; 5] = ["rustc-web", "cargo-web", "rust-web-src", "rust-web-llvm", "lld-22"];

/// How long rustup may take to install the target.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, Clone)]
pub(crate) struct Toolchain {
    /// What decides about the bytes it makes.
    pub(crate) description: String,
    kind: Kind,
    sysroot: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The one on the path. It has the standard library for the target.
    Default,
    /// In /usr/bin. It builds the standard library from source.
    Debian,
}

impl Toolchain {
    /// The toolchain described as `recorded` if it is here; otherwise the default one if it has the
    /// target or can get it, otherwise Debian's, which is installed if need be.
    pub(crate) fn find(recorded: Option<&str>) -> Result<Self> {
        let default = Self::new(Kind::Default).ok();
        let same = |toolchain: &Self| toolchain.is_complete() && Some(&*toolchain.description) == recorded;
        if let Some(toolchain) = [Self::new(Kind::Debian).ok(), default.clone()].into_iter().flatten().find(same) {
            return Ok(toolchain);
        }
        if let Some(toolchain) = default.filter(|toolchain| toolchain.is_complete() || toolchain.add_target()) {
            return Ok(toolchain);
        }
        Self::debian().map_err(|cause| {
            anyhow!(
                "no compiler for {TARGET}: {cause:#}\n\
                 with rustup:    rustup target add {TARGET}\n\
                 with Debian 12: apt-get install --no-install-recommends {}",
                PACKAGES.join(" ")
            )
        })
    }

    /// Debian's toolchain, installed if it is missing and that is allowed.
    fn debian() -> Result<Self> {
        let missing = missing_packages().context("this is no Debian")?;
        if !missing.is_empty() {
            install(&missing)?;
        }
        Self::new(Kind::Debian)
    }

    fn new(kind: Kind) -> Result<Self> {
        let version = output(kind.command("rustc").arg("-vV"))?;
        let line = |start: &str| version.lines().find_map(|line| line.strip_prefix(start)).unwrap_or("unknown");
        let std = match kind {
            Kind::Default => "std as shipped",
            Kind::Debian => "std from source",
        };
        let description =
            format!("rustc {}, LLVM {}, {}, {std}", line("rustc "), line("LLVM version: "), line("host: "));
        let sysroot = output(kind.command("rustc").args(["--print", "sysroot"]))?;
        Ok(Self { description, kind, sysroot: PathBuf::from(sysroot.trim()) })
    }

    /// Whether it can build for the target as it is.
    fn is_complete(&self) -> bool {
        match self.kind {
            Kind::Default => self.sysroot.join("lib/rustlib").join(TARGET).join("lib").exists(),
            Kind::Debian => missing_packages().is_ok_and(|missing| missing.is_empty()),
        }
    }

    /// Asks rustup for the target, and gives up soon.
    fn add_target(&self) -> bool {
        println!("asking rustup for {TARGET}");
        let child = Command::new("rustup")
            .args(["target", "add", TARGET])
            .env("RUSTUP_MAX_RETRIES", "0")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut child) = child else { return false };
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if let Ok(Some(status)) = child.try_wait() {
                return status.success() && self.is_complete();
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        // Too late, whether or not it can be stopped.
        child.kill().and_then(|()| child.wait()).ok();
        false
    }

    /// Builds the library `library` of `package` into a core module.
    pub(crate) fn build(&self, package: &str, library: &str) -> Result<Vec<u8>> {
        let root = root()?;
        let target = root.join("target/guests");
        let mut cargo = self.kind.command("cargo");
        cargo
            .current_dir(root)
            .args(["build", "--quiet", "--locked", "--profile", "guest", "--target", TARGET, "--package", package])
            .arg("--target-dir")
            .arg(&target)
            .env("CARGO_ENCODED_RUSTFLAGS", self.remapped_paths()?);
        if self.kind == Kind::Debian {
            cargo.arg("-Zbuild-std=std,panic_abort").env("RUSTC_BOOTSTRAP", "1");
        }
        let status = cargo.status().context("cannot run cargo")?;
        ensure!(status.success(), "`{package}` does not build");
        let path = target.join(TARGET).join("guest").join(library).with_extension("wasm");
        std::fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))
    }

    /// Flags that keep the paths of this machine out of the result.
    fn remapped_paths(&self) -> Result<OsString> {
        let source = self.sysroot.join("lib/rustlib/src/rust");
        let mut paths = vec![(root()?.to_owned(), "/guardhouse".to_owned())];
        paths.push((source.canonicalize().unwrap_or_else(|_| source.clone()), "/rust".to_owned()));
        paths.push((source, "/rust".to_owned()));
        for registry in registries()? {
            paths.push((registry, "/crates".to_owned()));
        }
        let mut flags = OsString::new();
        for (from, to) in paths {
            if !flags.is_empty() {
                flags.push("\u{1f}");
            }
            flags.push("--remap-path-prefix=");
            flags.push(from);
            flags.push(format!("={to}"));
        }
        Ok(flags)
    }
}

impl Kind {
    fn command(self, program: &str) -> Command {
        let mut command = match self {
            Kind::Default => Command::new(program),
            Kind::Debian => {
                let path = std::env::var_os("PATH").unwrap_or_default();
                let mut debian_first = OsString::from("/usr/bin:");
                debian_first.push(path);
                let mut command = Command::new(Path::new("/usr/bin").join(program));
                command.env("PATH", debian_first);
                command
            }
        };
        forget_cargo(&mut command);
        command
    }
}

/// Where cargo unpacks the sources of crates.
fn registries() -> Result<Vec<PathBuf>> {
    let home = match std::env::var_os("CARGO_HOME") {
        Some(home) => PathBuf::from(home),
        None => std::env::home_dir().context("there is no home folder")?.join(".cargo"),
    };
    let Ok(entries) = std::fs::read_dir(home.join("registry/src")) else { return Ok(Vec::new()) };
    entries.map(|entry| Ok(entry?.path())).collect()
}

fn missing_packages() -> Result<Vec<&'static str>> {
    output(Command::new("dpkg-query").arg("--version"))?;
    let installed = |package: &&str| {
        output(Command::new("dpkg-query").args(["--show", "--showformat=${Status}", *package]))
            .is_ok_and(|status| status == "install ok installed")
    };
    Ok(PACKAGES.into_iter().filter(|package| !installed(package)).collect())
}

/// Installs Debian packages, if this is root.
fn install(packages: &[&str]) -> Result<()> {
    let list = packages.join(" ");
    if output(Command::new("id").arg("-u"))?.trim() != "0" {
        bail!("missing packages, and only root may install them: {list}");
    }
    println!("installing {list}");
    for arguments in [&["update"][..], &["install", "--yes", "--no-install-recommends"][..]] {
        let mut apt = Command::new("apt-get");
        apt.env("DEBIAN_FRONTEND", "noninteractive")
            .stdin(Stdio::null())
            .args(["--quiet", "-o", "Acquire::http::Timeout=60", "-o", "Dpkg::Options::=--force-confold"])
            .args(arguments);
        if arguments.len() > 1 {
            apt.args(packages);
        }
        let status = apt.status().context("cannot run apt-get")?;
        ensure!(status.success(), "apt-get cannot install {list}");
    }
    Ok(())
}

/// What a command prints, if it succeeds.
fn output(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("cannot run `{program}`"))?;
    ensure!(output.status.success(), "`{program}` fails");
    Ok(String::from_utf8(output.stdout)?)
}
