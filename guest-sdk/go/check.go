// Package guardhouse makes a Go program a Guardhouse check.
//
// A check is a function. It is registered before anything is asked:
//
//	func init() { guardhouse.Check(check) }
//
//	func check(ctx *guardhouse.AuthContext) (bool, error) {
//		return ctx.Token != nil && ctx.Token.HasScope("read"), nil
//	}
//
//	func main() {}
//
// Package settings is for checks with settings, stepup for those that name the scopes they miss,
// rawtoken for those that need the bearer secret, and guardhousetest for unit tests.
package guardhouse

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"guardhouse.dev/sdk/internal/hook"
)

// Check makes check the plugin's check.
//
// True allows, and false denies without a word. An [AuthorizationError] denies with its message, whatever
// the answer beside it. Every other error and every panic is a fault: the caller sees a denial without a
// word, the operator sees what happened, and the instance is gone.
//
// A check must depend on nothing but its settings and the context. Nothing that it remembers is there at
// the next call.
func Check(check func(ctx *AuthContext) (bool, error)) {
	if registered != nil {
		panic("guardhouse: a plugin has one check")
	}
	registered = check
	if author == nil {
		author = check
	}
}

var (
	registered func(ctx *AuthContext) (bool, error)
	// author is the function that the plugin's author wrote, if it is another.
	author any
)

// decide asks the check. A fault is a panic.
func decide(ctx *AuthContext) (allowed bool, denial *AuthorizationError) {
	if registered == nil {
		panic("guardhouse: no check is registered; call guardhouse.Check or settings.Check in func init")
	}
	allowed, err := registered(ctx)
	if err == nil {
		return allowed, nil
	}
	if !errors.As(err, &denial) || denial == nil {
		panic(returned{err})
	}
	if !utf8.ValidString(denial.Message) {
		panic(returned{fmt.Errorf("a denial whose message is no UTF-8: %q", denial.Message)})
	}
	return false, denial
}

// returned is an error that a check returned and that is no denial.
type returned struct{ err error }

func init() {
	hook.Announce = func(check any) { author = check }
	hook.WithDocuments = func(ctx any, documents *hook.Documents) { ctx.(*AuthContext).documents = documents }
	hook.DocumentsOf = func(ctx any) *hook.Documents { return ctx.(*AuthContext).documents }
}
