//! Untrusted plugins: compiled in a process of its own, with a cache, and under limits.
//!
//! A plugin can be made so that compiling it takes forever or uses up all memory. A separate process can be bounded and
//! killed. This program is its own compiler: with one argument it serves, and otherwise it starts itself with it.
//!
//! ```console
//! $ cargo run --example compiler_process
//! ```

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use guardhouse::{
    AuthChecks, AuthContext, Check, CheckConfig, CompilerProcess, Component, Host, HostLimits, Limits, Plugin, builtin,
};
use serde_json::json;

const COMPILE: &str = "compile-plugin";

fn main() -> Result<ExitCode, Box<dyn Error>> {
    // Before anything else: the compiler gives up every right that it does not need.
    if std::env::args().nth(1).as_deref() == Some(COMPILE) {
        return Ok(CompilerProcess::serve());
    }
    let compiler = CompilerProcess::new(std::env::current_exe()?).argument(COMPILE);
    let folder = std::env::temp_dir().join(format!("guardhouse-example-{}", std::process::id()));
    let decided = decide(Host::builder().compiler(compiler).cache(&folder).limits(host_limits()));
    std::fs::remove_dir_all(&folder)?;
    decided?;
    Ok(ExitCode::SUCCESS)
}

/// The limits of all plugins together, and of every plugin before it is compiled.
fn host_limits() -> HostLimits {
    HostLimits {
        plugin_bytes: 4 << 20,
        compiler_time: Duration::from_secs(20),
        compiler_bytes: 1 << 30,
        ..HostLimits::default()
    }
}

/// The limits of one check.
fn limits() -> Limits {
    Limits { deadline: Duration::from_millis(50), memory_bytes: 16 << 20, log_bytes: 4 << 10, ..Limits::default() }
}

fn decide(builder: guardhouse::HostBuilder) -> Result<(), Box<dyn Error>> {
    let host = builder.build()?;
    for advice in host.advice() {
        eprintln!("advice: {advice}");
    }
    let plugin = Plugin::load(&host, builtin::DENY_WITH_MESSAGE)?;
    let config = CheckConfig {
        tenant: Some(host.tenant("acme")),
        limits: limits(),
        ..CheckConfig::from(json!({ "message": "closed for maintenance" }))
    };
    let checks = [Check::new(&plugin, config)?];
    let decision = AuthChecks::new(&checks).run_blocking(&AuthContext::new(Component::tool("search")));
    println!("{}", serde_json::to_string(&decision)?);

    // The compiler never sees a file that is over a limit, and a file that it rejects costs the host nothing.
    let error = Plugin::load(&host, b"\0asm\x0d\0\x01\0garbage").err();
    println!("{}", error.ok_or("garbage was loaded")?);
    println!("{}", serde_json::to_string(&host.tenant_usage())?);
    Ok(())
}
