//! A compiler for WebAssembly: the one of rustup if it has the target, otherwise that of Debian.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::packages;
use crate::root;

const TARGET: &str = "wasm32-unknown-unknown";

/// Whether something may be installed on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Permission {
    Granted,
    Denied,
}

/// A compiler, its standard library and a linker.
#[derive(Debug, Clone)]
pub(crate) struct Toolchain {
    /// The versions that decide about the bytes it builds.
    pub(crate) description: String,
    kind: Kind,
    sysroot: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The one on the path. It comes with the standard library for the target.
    Default,
    /// The one in /usr/bin. It builds the standard library from source.
    Debian,
}

impl Toolchain {
    /// The toolchain described as `recorded` if it is installed, so that the same bytes are built; otherwise the
    /// default one; otherwise Debian's. Targets and packages are installed only with `permission`.
    pub(crate) fn find(recorded: Option<&str>, permission: Permission) -> Result<Self> {
        let default = Self::new(Kind::Default).ok();
        let debian = Self::new(Kind::Debian).ok();
        let complete = || [&debian, &default].into_iter().flatten().filter(|toolchain| toolchain.is_complete());
        let same = complete().find(|toolchain| Some(&*toolchain.description) == recorded);
        if let Some(toolchain) = same.or_else(|| complete().next_back()) {
            return Ok(toolchain.clone());
        }
        if permission == Permission::Denied {
            bail!(
                "a compiler for {TARGET} is not installed; allow its installation with `--install`, or install it\n\
                 with rustup: rustup target add {TARGET}\n\
                 with Debian: apt-get install --no-install-recommends {}",
                packages::ALL.join(" ")
            );
        }
        if let Some(toolchain) = default.filter(|_| packages::add_target(TARGET)).filter(Self::is_complete) {
            return Ok(toolchain);
        }
        packages::install().with_context(|| format!("cannot install a compiler for {TARGET}"))?;
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

    /// Whether the toolchain can build for the target, with nothing more installed.
    fn is_complete(&self) -> bool {
        match self.kind {
            Kind::Default => self.sysroot.join("lib/rustlib").join(TARGET).join("lib").exists(),
            Kind::Debian => packages::missing().is_ok_and(|missing| missing.is_empty()),
        }
    }

    /// Builds the library `library` of `package` into a core module with a stack of `stack` bytes.
    pub(crate) fn build(&self, package: &str, library: &str, stack: usize) -> Result<Vec<u8>> {
        let root = root()?;
        let target = root.join("target/guests");
        let mut cargo = self.kind.command("cargo");
        cargo
            .current_dir(root)
            .args(["rustc", "--quiet", "--locked", "--profile", "guest", "--target", TARGET, "--package", package])
            .arg("--lib")
            .arg("--target-dir")
            .arg(&target)
            .env("CARGO_ENCODED_RUSTFLAGS", self.flags()?);
        if self.kind == Kind::Debian {
            cargo.arg("-Zbuild-std=std,panic_abort").env("RUSTC_BOOTSTRAP", "1");
        }
        cargo.args(["--", &format!("-Clink-arg=-zstack-size={stack}")]);
        let status = cargo.status().context("cannot run cargo")?;
        ensure!(status.success(), "cannot build `{package}`");
        let path = target.join(TARGET).join("guest").join(library).with_extension("wasm");
        std::fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))
    }

    /// Compiler flags that keep the paths of this machine out of the result, and let a plugin provide the function that
    /// the crate `getrandom` calls.
    fn flags(&self) -> Result<OsString> {
        let source = self.sysroot.join("lib/rustlib/src/rust");
        let mut paths = vec![(root()?.to_owned(), "/guardhouse".to_owned())];
        paths.push((source.canonicalize().unwrap_or_else(|_| source.clone()), "/rust".to_owned()));
        paths.push((source, "/rust".to_owned()));
        for registry in registries()? {
            paths.push((registry, "/crates".to_owned()));
        }
        let mut flags = OsString::from("--cfg=getrandom_backend=\"custom\"");
        for (from, to) in paths {
            flags.push("\u{1f}--remap-path-prefix=");
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
        // The cargo that runs this program set these for itself.
        for name in ["CARGO", "RUSTC", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_INCREMENTAL", "CARGO_TARGET_DIR"]
        {
            command.env_remove(name);
        }
        command.env_remove("LD_LIBRARY_PATH");
        command
    }
}

/// The folders that cargo unpacks the sources of crates into.
fn registries() -> Result<Vec<PathBuf>> {
    let home = match std::env::var_os("CARGO_HOME") {
        Some(home) => PathBuf::from(home),
        None => std::env::home_dir().context("the home folder is unknown")?.join(".cargo"),
    };
    let Ok(entries) = std::fs::read_dir(home.join("registry/src")) else { return Ok(Vec::new()) };
    entries.map(|entry| Ok(entry?.path())).collect()
}

/// Runs a command and returns what it writes to standard output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("cannot run `{program}`"))?;
    ensure!(output.status.success(), "`{program}` failed");
    Ok(String::from_utf8(output.stdout)?)
}
