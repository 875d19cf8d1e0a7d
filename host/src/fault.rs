//! From whatever ended an instance to the fault that the operator sees.

use wasmtime::{Error, PoolConcurrencyLimitError, Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use crate::outcome::{Cause, Fault};
use crate::store::Limiter;

/// A host function's reason to end the plugin.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct HostFault(pub(crate) Fault);

/// Names what ended an instance. Whatever it was, it denies: this only decides what it is called.
pub(crate) fn classify(error: &Error, limiter: &mut Limiter) -> Fault {
    let mut fault = name(error, limiter);
    fault.backtrace = error
        .downcast_ref::<WasmBacktrace>()
        .filter(|backtrace| !backtrace.frames().is_empty())
        .map(|backtrace| frames(&backtrace.to_string()));
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
        return Fault::new(Cause::NoRoom, chain(error));
    }
    if let Some(refused) = limiter.refused.take() {
        return refused;
    }
    let text = chain(error);
    let cause = if text.contains("fuel allocated for hostcalls has been exhausted") {
        Cause::HostCallLimit
    } else if text.contains("handle limit exceeded") || text.contains("resource table has no free keys") {
        Cause::HandleLimit
    } else if error.is::<WasmBacktrace>() {
        // A host function or a built-in of the component model ended it, on the plugin's behalf.
        Cause::Trap
    } else {
        Cause::InvalidResult
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

/// The lines of a backtrace below its heading.
fn frames(backtrace: &str) -> String {
    backtrace.split_once('\n').map_or(backtrace, |(_, frames)| frames).trim_end().to_owned()
}

/// The whole chain of causes in one line, without the backtrace.
pub(crate) fn chain(error: &Error) -> String {
    let mut texts: Vec<String> = Vec::new();
    for cause in error.chain() {
        let text = cause.to_string();
        if !text.starts_with("error while executing at wasm backtrace") && !texts.contains(&text) {
            texts.push(text);
        }
    }
    texts.join(": ")
}
