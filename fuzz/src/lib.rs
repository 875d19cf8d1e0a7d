//! What makes new inputs of old ones.

pub mod dice;
pub mod mutation;
pub mod panics;
pub mod sections;

/// libFuzzer's own change of bytes, to no more than `cap` bytes and the length that it is given.
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

/// Writes as much of an input as there is room for, and says how much that was.
pub fn put(bytes: &[u8], out: &mut [u8]) -> usize {
    let size = bytes.len().min(out.len());
    out[..size].copy_from_slice(&bytes[..size]);
    size
}
