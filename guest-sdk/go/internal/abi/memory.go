//go:build wasip1

package abi

import "unsafe"

// blockSize is what small pieces are cut from: ten thousand scopes take few allocations.
const blockSize = 4096

var (
	// block is what pieces are cut from now, and free is the rest of it.
	block unsafe.Pointer
	free  []byte
	// held keeps the other blocks of this call. The host knows where they are; the collector does not
	// see that.
	held []unsafe.Pointer
)

// realloc makes room for what the host passes. It never moves or frees what it gave before: texts that
// were lifted lie there still, for as long as the collector finds them in use.
//
//go:wasmexport cabi_realloc
func realloc(old unsafe.Pointer, oldSize, align, size uint32) unsafe.Pointer {
	if size == 0 {
		return at(align)
	}
	// The host is inside a call. A collection here would let other goroutines run, and those could call
	// the host, which it forbids.
	procPin()
	piece := reserve(int(size))
	procUnpin()
	if old != nil {
		copy(unsafe.Slice((*byte)(piece), size), unsafe.Slice((*byte)(old), oldSize))
	}
	return piece
}

// Release lets go of what the host passed in this call.
func Release() {
	clear(held)
	held = held[:0]
}

// reserve returns room for size bytes, at an address that is a multiple of eight.
func reserve(size int) unsafe.Pointer {
	size = (size + 7) &^ 7
	if size > blockSize/2 {
		large := words(size)
		held = append(held, large)
		return large
	}
	if size > len(free) {
		if block != nil {
			held = append(held, block)
		}
		block = words(blockSize)
		free = unsafe.Slice((*byte)(block), blockSize)
	}
	piece := unsafe.Pointer(&free[0])
	free = free[size:]
	return piece
}

// words allocates size bytes as whole words, which the collector aligns and never looks into.
func words(size int) unsafe.Pointer {
	return unsafe.Pointer(unsafe.SliceData(make([]uint64, size/8)))
}

// at is the address that the host calls pointer.
func at(pointer uint32) unsafe.Pointer {
	return unsafe.Add(unsafe.Pointer(nil), pointer)
}

// procPin keeps the collector from starting, or asking for help, until procUnpin. Both are kept by the
// runtime for packages that link to them by name.
//
//go:linkname procPin runtime.procPin
func procPin() int

//go:linkname procUnpin runtime.procUnpin
func procUnpin()
