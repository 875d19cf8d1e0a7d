//go:build !wasip1

package guardhouse

import (
	"fmt"
	"os"
)

// Without a host, only the documents of a unit test exist.
func hostClaim(string) *string     { return nil }
func hostDetail(string) *string    { return nil }
func hostArgument(string) *string  { return nil }
func hostAttribute(string) *string { return nil }

func write(level Level, context, message string) {
	fmt.Fprintf(os.Stderr, "%s %s: %s\n", level, context, message)
}
