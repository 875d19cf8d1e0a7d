//! From whatever ended an instance to the fault that the operator sees.

use std::fmt::Write;

use wasmtime::{Error, PoolConcurrencyLimitError, Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use crate::limiter::Limiter;
use crate::outcome::{Cause, Fault};
use crate::text::Bounded;

/// Functions of a backtrace that are written down.
const MAX_FRAMES: usize = 20;
/// Bytes of each of them.
const MAX_NAME_BYTES: usize = 200;
/// Bytes of one cause of an error.
const MAX_TEXT_BYTES: usize = 1_000;

/// A host function's reason to end the plugin.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct HostFault(pub(crate) Fault);

/// Names what ended an instance. Whatever it was, it denies: this only decides what it is called.
pub(crate) fn classify(error: &Error, limiter: &mut Limiter) -> Fault {
    let mut fault = name(error, limiter);
    fault.backtrace = error.downcast_ref().map(frames).filter(|frames| !frames.is_empty());
    fault
}

fn name(error: &Error, limiter: &mut Limiter) -> Fault {
    if let Some(HostFault(fault)) = error.downcast_ref() {
        return fault.clone();
    }
    if let Some(I32Exit(code)) = error.downcast_ref() {
        return Fault::new(Cause::Exit, format!("the plugin called exit with code {code}"));
    }
    if let Some(trap) = error.downcast_ref::<Trap>() {
        return trapped(*trap, error, limiter);
    }
    if error.is::<PoolConcurrencyLimitError>() {
        return Fault::new(Cause::NoCapacity, chain(error));
    }
    let text = chain(error);
    if text.contains("exceeds memory limits") || text.contains("exceeds table limits") {
        return limiter.refused.take().unwrap_or_else(|| Fault::new(Cause::MemoryLimit, text));
    }
    if text.contains("resource limit exceeded") {
        let detail = format!("it is made of more than `Limits::core_instances` allows: {text}");
        return Fault::new(Cause::InstanceLimit, detail);
    }
    let cause = if text.contains("fuel allocated for hostcalls has been exhausted") {
        Cause::HostCallLimit
    } else if text.contains("handle limit exceeded") || text.contains("resource table has no free keys") {
        Cause::HandleLimit
    } else if error.is::<WasmBacktrace>() {
        // A host function or a built-in of the component model ended it, on the plugin's behalf.
        Cause::Trap
    } else if limiter.instantiated {
        Cause::InvalidResult
    } else {
        Cause::Host
    };
    Fault::new(cause, text)
}

fn trapped(trap: Trap, error: &Error, limiter: &mut Limiter) -> Fault {
    match trap {
        Trap::StackOverflow => Fault::new(Cause::StackOverflow, "the plugin's stack overflowed"),
        Trap::OutOfFuel => Fault::new(Cause::OutOfFuel, "the plugin used up its fuel"),
        Trap::Interrupt => Fault::new(Cause::Deadline, "no answer within the deadline"),
        Trap::StringOutOfBounds
        | Trap::ListOutOfBounds
        | Trap::InvalidDiscriminant
        | Trap::InvalidChar
        | Trap::UnalignedPointer => Fault::new(Cause::InvalidResult, chain(error)),
        _ => match limiter.refused.take() {
            Some(refused) => {
                let detail = format!("{}, and then failed: {}", refused.detail, words(trap));
                Fault::new(refused.cause, detail)
            }
            None => Fault::new(Cause::Trap, words(trap)),
        },
    }
}

/// wasmtime's words without its own prefix: the cause says that it was a trap.
fn words(trap: Trap) -> String {
    let text = trap.to_string();
    text.strip_prefix("wasm trap: ").unwrap_or(&text).to_owned()
}

/// A line for each function on the stack. Its name is the plugin's, and a few bytes of it can stand for megabytes: what
/// is written of it is bounded while it is written.
fn frames(backtrace: &WasmBacktrace) -> String {
    let frame = |frame: &wasmtime::FrameInfo| {
        let index = frame.func_index();
        let name = frame.func_name().unwrap_or("unnamed");
        Bounded::of(MAX_NAME_BYTES, |out| write!(out, "function {index}: {:#}", rustc_demangle::demangle(name)))
    };
    backtrace.frames().iter().take(MAX_FRAMES).map(frame).collect::<Vec<_>>().join("\n")
}

/// The whole chain of causes in one line, without the backtrace, and no longer than an event should be.
pub(crate) fn chain(error: &Error) -> String {
    let mut texts: Vec<String> = Vec::new();
    for cause in error.chain() {
        let text = Bounded::of(MAX_TEXT_BYTES, |out| write!(out, "{cause}"));
        if !text.starts_with("error while executing at wasm backtrace") && !texts.contains(&text) {
            texts.push(text);
        }
    }
    texts.join(": ")
}
