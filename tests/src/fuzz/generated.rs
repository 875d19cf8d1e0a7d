//! Generated modules, run in every way.

use std::sync::OnceLock;
use std::time::Duration;

use guardhouse::{
    AuthContext, Cause, Check, CheckConfig, Component, Host, HostLimits, ImagePolicy, Limits, LoadError, Outcome,
    Plugin,
};
use wasmparser::{Parser, Payload};

use super::{HOUR, ask};
use crate::guest::assemble;

/// The exports that a module for [`generated`] must have.
pub const GENERATED_EXPORTS: &str = "(module
    (memory (export \"memory\") 1)
    (func (export \"run\") (param i32 i64 f32 f64) (result i64) unreachable))";

/// A core module with the [exports](GENERATED_EXPORTS) gives the same answer in baseline and in optimized code, with an
/// image and without, and in an instance that was made ahead of the request.
pub fn generated(module: &[u8]) {
    let bytes = wrap(module);
    let [baseline, optimized] = hosts();
    let loaded = [baseline, optimized].map(|host| Plugin::load(host, &bytes));
    let [baseline, optimized] = match &loaded {
        [Ok(baseline), Ok(optimized)] => [baseline, optimized],
        [Err(LoadError::Schema(_)), Err(LoadError::Schema(_))] => return,
        [one, other] => {
            assert_eq!(one.as_ref().err(), other.as_ref().err());
            return;
        }
    };
    let expected = outcomes(optimized, ImagePolicy::Never, 0);
    for (way, found) in [
        ("baseline code", outcomes(baseline, ImagePolicy::Never, 0)),
        ("an image", outcomes(optimized, ImagePolicy::Eager, 0)),
        ("a standby instance", outcomes(optimized, ImagePolicy::Never, 1)),
    ] {
        for (found, expected) in found.iter().zip(&expected) {
            assert!(are_equal(found, expected), "{way}: {found:?}, not {expected:?}");
        }
    }
}

/// The fixture with the module in place of its first one.
fn wrap(module: &[u8]) -> Vec<u8> {
    let fixture = assemble(include_str!("../../fixtures/generated.wat")).unwrap();
    let first = Parser::new(0).parse_all(&fixture).find_map(|payload| match payload.unwrap() {
        Payload::ModuleSection { unchecked_range, .. } => Some(unchecked_range),
        _ => None,
    });
    let first = first.unwrap();
    let start = first.start - 1 - size(first.len()).len();
    [&fixture[..start], &[1], &size(module.len()), module, &fixture[first.end..]].concat()
}

/// A number as WebAssembly encodes it (LEB128).
fn size(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// A host that compiles every plugin to baseline code first, and one that never does.
fn hosts() -> &'static [Host; 2] {
    static HOSTS: OnceLock<[Host; 2]> = OnceLock::new();
    HOSTS.get_or_init(|| {
        [0, usize::MAX].map(|baseline_from| {
            let limits = HostLimits { instances: 4, large_instances: 4, ..HostLimits::default() };
            Host::builder().limits(limits).baseline_from(baseline_from).build().unwrap()
        })
    })
}

/// The outcomes of two requests. The second one may get a standby instance.
fn outcomes(plugin: &Plugin, image: ImagePolicy, standby: u32) -> [Option<Outcome>; 2] {
    let limits = Limits {
        deadline: HOUR,
        configure_deadline: HOUR,
        configure_cpu_time: Duration::from_secs(5),
        cpu_time: Some(Duration::from_secs(5)),
        memory_bytes: 8 << 20,
        standby: Some(standby),
        ..Limits::default()
    };
    let config = CheckConfig { limits, image, ..CheckConfig::default() };
    let check = Check::new(plugin, config).ok();
    let context = AuthContext::new(Component::tool("t")).at(1_700_000_000);
    [(); 2].map(|()| {
        let report = ask(check.as_ref()?, &context);
        Some(report.checks.into_iter().next()?.evaluation.outcome)
    })
}

/// Whether two ways agree. One of them may end at a limit of time or of the stack.
fn are_equal(found: &Option<Outcome>, expected: &Option<Outcome>) -> bool {
    let is_exhausted = |outcome: &Option<Outcome>| {
        let fault = outcome.as_ref().and_then(Outcome::fault);
        fault.is_some_and(|fault| {
            matches!(fault.cause, Cause::StackOverflow | Cause::Deadline | Cause::CpuTimeLimit | Cause::OutOfFuel)
        })
    };
    match (found, expected) {
        (Some(Outcome::Failed(_)), Some(Outcome::Failed(_))) => true,
        _ => found == expected || is_exhausted(found) || is_exhausted(expected),
    }
}
