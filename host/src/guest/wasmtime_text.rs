//! Parts of wasmtime's error texts. Some of its errors have no type, so their cause can only be read from the text.
//!
//! All of them are from wasmtime 48.0. If a text changes, a fault gets a more general cause, which the tests of the
//! causes notice; it still denies.

/// A memory would grow over the limiter's cap.
pub(crate) const MEMORY_LIMIT: &str = "exceeds memory limits";
/// A table would grow over the limiter's cap.
pub(crate) const TABLE_LIMIT: &str = "exceeds table limits";
/// A component consists of more core instances, memories or tables than the limiter allows.
pub(crate) const RESOURCE_LIMIT: &str = "resource limit exceeded";
/// A host call carried more bytes than `Store::set_hostcall_fuel` allows.
pub(crate) const HOST_CALL_FUEL: &str = "fuel allocated for hostcalls has been exhausted";
/// An instance held more handles than `Store::set_max_component_handles` allows.
pub(crate) const HANDLE_LIMIT: &str = "handle limit exceeded";
/// The table of WASI's resources is full.
pub(crate) const RESOURCE_TABLE_FULL: &str = "resource table has no free keys";
/// The first line of an error with a backtrace, which is reported separately.
pub(crate) const BACKTRACE: &str = "error while executing at wasm backtrace";
/// The prefix of every trap.
pub(crate) const TRAP: &str = "wasm trap: ";
/// A component needs more than one slot of the pooling allocator has.
pub(crate) const POOLING_ALLOCATOR: &str = "pooling allocator";
/// The body of a function is invalid; an offset and `: ` follow.
pub(crate) const INVALID_CODE: &str = "Invalid input WebAssembly code at offset ";
/// The end of an error about anything else that is invalid; a hexadecimal offset and `)` follow.
pub(crate) const AT_OFFSET: &str = " (at offset 0x";
/// The prefix of an error about an invalid module.
pub(crate) const INVALID_MODULE: &str = "failed to parse WebAssembly module: ";
