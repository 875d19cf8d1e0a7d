//! Reads the bytes of a fuzzer from the front, and zeros after the end.

/// The rest of an input.
#[derive(Debug)]
pub(super) struct Input<'a>(pub(super) &'a [u8]);

impl<'a> Input<'a> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn byte(&mut self) -> u8 {
        self.number::<1>()[0]
    }

    pub(super) fn short(&mut self) -> u32 {
        u16::from_le_bytes(self.number()).into()
    }

    pub(super) fn word(&mut self) -> u32 {
        u32::from_le_bytes(self.number())
    }

    /// This many bytes, or fewer at the end of the input.
    pub(super) fn bytes(&mut self, length: usize) -> &'a [u8] {
        let (bytes, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        bytes
    }

    fn number<const N: usize>(&mut self) -> [u8; N] {
        let mut number = [0; N];
        let bytes = self.bytes(N);
        number[..bytes.len()].copy_from_slice(bytes);
        number
    }
}
