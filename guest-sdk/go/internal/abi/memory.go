//go:build wasip1

package abi

import "unsafe"

// blockSize is the size of the blocks that small pieces are cut from, so that many scopes take few allocations.
const blockSize = 4096

var (
	// block is the block that pieces are cut from now, and free is the rest of it.
	block unsafe.Pointer
	free  []byte
	// held keeps the other blocks of this call alive: the collector does not see the host's pointers.
	held []unsafe.Pointer
)

// realloc allocates memory for the host's arguments. It never moves or frees earlier memory: lifted texts
// refer to it for as long as they are in use.
//
//go:wasmexport cabi_realloc
func realloc(old unsafe.Pointer, oldSize, align, size uint32) unsafe.Pointer {
	if size == 0 {
		return at(align)
	}
	// The host is inside a call. A collection would let other goroutines run, and these could call the
	// host, which is forbidden now.
	procPin()
	piece := reserve(int(size))
	procUnpin()
	if old != nil {
		copy(unsafe.Slice((*byte)(piece), size), unsafe.Slice((*byte)(old), oldSize))
	}
	return piece
}

// Release frees the memory of this call's arguments.
func Release() {
	clear(held)
	held = held[:0]
}

// reserve returns memory for size bytes, at an address that is a multiple of eight.
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

// words allocates size bytes as whole words, which are aligned, and which the collector does not scan.
func words(size int) unsafe.Pointer {
	return unsafe.Pointer(unsafe.SliceData(make([]uint64, size/8)))
}

// at converts an address of the host to a pointer.
func at(pointer uint32) unsafe.Pointer {
	return unsafe.Add(unsafe.Pointer(nil), pointer)
}

// procPin prevents collections until procUnpin. The runtime keeps both for packages that link to them by
// name.
//
//go:linkname procPin runtime.procPin
func procPin() int

//go:linkname procUnpin runtime.procUnpin
func procUnpin()
