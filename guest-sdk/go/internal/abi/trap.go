//go:build wasip1

package abi

// Trap ends the instance. It does not return.
func Trap()
