//! The time from the bytes of a plugin to its first answer.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use guardhouse::{
    AuthContext, Check, CheckConfig, CompilerProcess, Host, HostBuilder, ImagePolicy, Json, Plugin,
    run_auth_checks_blocking,
};
use serde_json::Value;

use crate::meter::{median_milliseconds, milliseconds};
use crate::requests::{builtin_plugin, check, real, two_scopes};
use crate::table::{Row, quantile};

/// A plugin to compile.
pub(crate) struct Subject {
    pub(crate) size: &'static str,
    pub(crate) bytes: Vec<u8>,
    pub(crate) settings: Option<Value>,
    pub(crate) times: usize,
}

pub(crate) fn run(subjects: &[Subject]) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for subject in subjects {
        rows.extend(compile(subject)?);
    }
    rows.extend(images()?);
    Ok(rows)
}

fn compile(subject: &Subject) -> Result<Vec<Row>> {
    let Subject { size, bytes, times, .. } = subject;
    let folder = tempfile::tempdir()?;
    let slow = || Host::builder().baseline_from(usize::MAX);
    let cached = || Host::builder().cache(folder.path().join("cache"));
    let process = CompilerProcess::new(std::env::current_exe()?).argument(crate::COMPILER);
    // Fills the cache, also with the optimized code that a large plugin would get only in the background.
    load(&slow().cache(folder.path().join("cache")).build()?, bytes)?;
    let row = |what: &str, build: &dyn Fn() -> HostBuilder, times| -> Result<Row> {
        let hosts = (0..times).map(|_| build().build()).collect::<Result<Vec<_>, _>>()?;
        let mut hosts = hosts.iter();
        let milliseconds = median_milliseconds(times, || hosts.next().map(|host| load(host, bytes)));
        Ok(Row::new(format!("compile_{size}_{what}_ms"), "ms", milliseconds))
    };
    let mut rows = vec![
        row("cranelift", &slow, *times)?,
        row("winch", &|| Host::builder().baseline_from(0), *times)?,
        row("child_process", &|| slow().compiler(process.clone()), *times)?,
        row("cached", &cached, 15)?,
    ];
    let context = real()?;
    let hosts = (0..*times).map(|_| Host::new()).collect::<Result<Vec<_>, _>>()?;
    let mut first = Vec::new();
    for host in hosts {
        let (time, check) = milliseconds(|| first_answer(&host, subject, &context));
        first.push(time);
        // Waits for the optimization in the background, which would slow down the next measurement.
        let (check, patience) = (check?, Instant::now() + Duration::from_secs(120));
        while !check.plugin().is_optimized() && Instant::now() < patience {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    rows.push(Row::new(format!("compile_{size}_first_answer_ms"), "ms", quantile(&mut first, 0.5)));
    Ok(rows)
}

fn load(host: &Host, bytes: &[u8]) -> Result<()> {
    let _ = Plugin::load(host, bytes)?.digest();
    Ok(())
}

/// Loads and configures a plugin with all defaults, and makes a decision.
fn first_answer(host: &Host, subject: &Subject, context: &AuthContext) -> Result<Check> {
    let plugin = Plugin::load(host, &subject.bytes)?;
    let config = CheckConfig { settings: subject.settings.clone().map(Json::from), ..CheckConfig::default() };
    let check = Check::new(&plugin, config)?;
    let decision = run_auth_checks_blocking(&[&check], context);
    ensure!(decision.is_allow(), "{decision:?}");
    Ok(check)
}

/// The time to make the first image of a plugin, and the time to make each further image.
fn images() -> Result<Vec<Row>> {
    let plugin = builtin_plugin(&Host::new()?, "require-scopes")?;
    let (first, made) = milliseconds(|| check(&plugin, two_scopes(), ImagePolicy::Eager));
    drop(made?);
    let mut number = 0;
    let other = median_milliseconds(50, || {
        number += 1;
        check(&plugin, serde_json::json!({ "scopes": [format!("tenant-{number}")] }), ImagePolicy::Eager).map(drop)
    });
    Ok(vec![
        Row::new("image_making_first_ms", "ms", first),
        Row::new("image_making_ms", "ms", other).against("image_making_first_ms"),
    ])
}

/// The plugins that are compiled: one of 20 KB, one of a megabyte, and one of 12 megabytes if it was built.
pub(crate) fn subjects(regexes: Vec<u8>, javascript: Option<&Path>) -> Result<Vec<Subject>> {
    let mut subjects = vec![
        Subject {
            size: "20kb",
            bytes: guardhouse::builtin::bytes("require-auth").unwrap_or_default().to_vec(),
            settings: None,
            times: 15,
        },
        Subject { size: "1mb", bytes: regexes, settings: Some(crate::requests::patterns(10)), times: 3 },
    ];
    match javascript.map(std::fs::read).transpose()? {
        Some(bytes) => subjects.push(Subject { size: "12mb", bytes, settings: None, times: 1 }),
        None => eprintln!("left out: compile_12mb: the plugin of that size was not built (needs npm)"),
    }
    Ok(subjects)
}
