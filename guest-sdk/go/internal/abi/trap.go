//go:build wasip1

package abi

// Trap ends the instance: no call of it returns any more.
func Trap()
