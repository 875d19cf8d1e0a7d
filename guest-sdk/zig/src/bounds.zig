//! Pointers that the host accepts.

/// The pointer of a slice. For an empty slice, it is an arbitrary address in memory, which the host requires.
pub fn inBounds(comptime Item: type, slice: []const Item) [*]const Item {
    return if (slice.len == 0) @ptrFromInt(@alignOf(Item)) else slice.ptr;
}
