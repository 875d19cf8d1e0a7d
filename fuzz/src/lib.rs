//! Custom mutators, which derive new inputs from known ones.

pub mod dice;
pub mod mutation;
pub mod panics;
pub mod sections;

/// The default mutator of libFuzzer, for at most `cap` bytes and at most the length that the closure is given.
pub fn changer(cap: usize) -> impl Fn(&[u8], usize) -> Vec<u8> {
    move |bytes, most| {
        let (size, most) = (bytes.len(), most.min(cap));
        let mut bytes = bytes.to_vec();
        bytes.resize(size.max(most), 0);
        let size = libfuzzer_sys::fuzzer_mutate(&mut bytes, size, most);
        bytes.truncate(size);
        bytes
    }
}

/// Copies as much of an input as fits, and returns the number of bytes.
pub fn put(bytes: &[u8], out: &mut [u8]) -> usize {
    let size = bytes.len().min(out.len());
    out[..size].copy_from_slice(&bytes[..size]);
    size
}
