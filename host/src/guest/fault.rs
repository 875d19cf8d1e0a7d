//! Classification: the error that ended an instance becomes the fault that the operator sees.

use std::fmt::Write;

use wasmtime::{Error, PoolConcurrencyLimitError, Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use crate::fault::{Cause, Fault};
use crate::guest::reason::error_chain;
use crate::guest::wasmtime_text::{
    HANDLE_LIMIT, HOST_CALL_FUEL, MEMORY_LIMIT, RESOURCE_LIMIT, RESOURCE_TABLE_FULL, TABLE_LIMIT, TRAP,
};
use crate::util::text::Bounded;

/// The maximum number of functions in a reported backtrace.
const MAX_FRAMES: usize = 20;
/// The maximum number of functions in the detail of a fault.
const MAX_INNERMOST: usize = 3;
/// The maximum length of the name of each function, in bytes.
const MAX_NAME_BYTES: usize = 200;

/// The fault with which a host function ends the plugin.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct HostFault(pub(crate) Fault);

/// The facts about an instance that are not part of its error.
pub(super) struct Circumstances<'a> {
    /// The last request for memory or table elements that the limiter refused.
    pub(super) refused: &'a mut Option<Fault>,
    /// Whether the instance was made. A failure before that is not an answer of the plugin.
    pub(super) is_instantiated: bool,
}

/// Classifies the error that ended an instance. Every error denies; only the cause that the operator sees is decided
/// here.
pub(super) fn classify(error: &Error, circumstances: Circumstances<'_>) -> Fault {
    let mut fault = classify_cause(error, circumstances);
    let Some(backtrace) = error.downcast_ref() else { return fault };
    fault.backtrace = Some(frames(backtrace)).filter(|frames| !frames.is_empty());
    // Such a fault has no words of the plugin: the functions that it was in are all that its author can look at.
    if matches!(fault.cause, Cause::Deadline | Cause::CpuTimeLimit | Cause::OutOfFuel | Cause::StackOverflow) {
        fault.detail += &innermost(backtrace);
    }
    fault
}

fn classify_cause(error: &Error, circumstances: Circumstances<'_>) -> Fault {
    if let Some(HostFault(fault)) = error.downcast_ref() {
        return fault.clone();
    }
    if let Some(I32Exit(code)) = error.downcast_ref() {
        return Fault::new(Cause::Exit, format!("the plugin called exit with code {code}"));
    }
    if let Some(trap) = error.downcast_ref::<Trap>() {
        return classify_trap(*trap, error, circumstances);
    }
    if error.is::<PoolConcurrencyLimitError>() {
        return Fault::new(Cause::NoCapacity, error_chain(error));
    }
    let text = error_chain(error);
    if text.contains(MEMORY_LIMIT) || text.contains(TABLE_LIMIT) {
        return circumstances.refused.take().unwrap_or_else(|| Fault::new(Cause::MemoryLimit, text));
    }
    if text.contains(RESOURCE_LIMIT) {
        let detail = format!("it consists of more than `Limits::core_instances` allows: {text}");
        return Fault::new(Cause::InstanceLimit, detail);
    }
    let cause = if text.contains(HOST_CALL_FUEL) {
        Cause::HostCallLimit
    } else if text.contains(HANDLE_LIMIT) || text.contains(RESOURCE_TABLE_FULL) {
        Cause::HandleLimit
    } else if error.is::<WasmBacktrace>() {
        // A host function, or a built-in function of the component model, failed because of the plugin's call.
        Cause::Trap
    } else if circumstances.is_instantiated {
        Cause::InvalidResult
    } else {
        Cause::Host
    };
    Fault::new(cause, text)
}

fn classify_trap(trap: Trap, error: &Error, circumstances: Circumstances<'_>) -> Fault {
    match trap {
        Trap::StackOverflow => Fault::new(Cause::StackOverflow, "the plugin's stack overflowed"),
        Trap::OutOfFuel => Fault::new(Cause::OutOfFuel, "the plugin used up its fuel"),
        Trap::Interrupt => Fault::new(Cause::Deadline, "no answer within the deadline"),
        Trap::StringOutOfBounds
        | Trap::ListOutOfBounds
        | Trap::InvalidDiscriminant
        | Trap::InvalidChar
        | Trap::UnalignedPointer => Fault::new(Cause::InvalidResult, error_chain(error)),
        _ => match circumstances.refused.take() {
            Some(refused) => {
                let detail = format!("{}, and then failed: {}", refused.detail, trap_message(trap));
                Fault::new(refused.cause, detail)
            }
            None => Fault::new(Cause::Trap, trap_message(trap)),
        },
    }
}

/// The message of a trap without wasmtime's prefix: the cause already says that it was a trap.
fn trap_message(trap: Trap) -> String {
    let text = trap.to_string();
    text.strip_prefix(TRAP).unwrap_or(&text).to_owned()
}

/// A line for each function on the stack. The names are the plugin's, and demangling can turn a few bytes into
/// megabytes, so the text is bounded while it is written.
fn frames(backtrace: &WasmBacktrace) -> String {
    let frame = |frame: &wasmtime::FrameInfo| {
        let index = frame.func_index();
        let name = frame.func_name().unwrap_or("unnamed");
        Bounded::of(MAX_NAME_BYTES, |out| write!(out, "function {index}: {:#}", rustc_demangle::demangle(name)))
    };
    backtrace.frames().iter().take(MAX_FRAMES).map(frame).collect::<Vec<_>>().join("\n")
}

/// The names of the innermost functions on the stack, as the end of a sentence: ``, in `a`, called by `b` ``. It is
/// empty if they have no names. A function that called itself is named once.
fn innermost(backtrace: &WasmBacktrace) -> String {
    let mut names: Vec<&str> = backtrace.frames().iter().filter_map(wasmtime::FrameInfo::func_name).collect();
    names.dedup();
    let quoted = names
        .iter()
        .take(MAX_INNERMOST)
        .map(|name| Bounded::of(MAX_NAME_BYTES, |out| write!(out, "`{:#}", rustc_demangle::demangle(name))) + "`");
    let quoted = quoted.collect::<Vec<_>>().join(", called by ");
    if quoted.is_empty() { quoted } else { format!(", in {quoted}") }
}
