//go:build !wasip1

package rawtoken

// Without a host, only the secret of a unit test exists.
func hostGet() *string { return nil }
