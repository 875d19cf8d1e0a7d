//! The seeds of hash tables. WebAssembly without imports has no source of random bytes, and none is needed: an attacker
//! who finds colliding keys slows down one validation, which has a deadline like every call of a plugin.

use getrandom::Error;

/// The source that the crate `getrandom` calls, by this name, if it is built with `getrandom_backend="custom"`.
#[expect(unsafe_code, reason = "the crate declares the function with this signature")]
#[unsafe(no_mangle)]
unsafe extern "Rust" fn __getrandom_v03_custom(to: *mut u8, length: usize) -> Result<(), Error> {
    // SAFETY: the caller passes a buffer of this length that may be written.
    unsafe { std::ptr::write_bytes(to, 0x5a, length) };
    Ok(())
}
