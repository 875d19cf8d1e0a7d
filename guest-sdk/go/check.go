// Package guardhouse turns a Go program into a Guardhouse check.
//
// A check is a function, which an init function registers:
//
//	func init() { guardhouse.Check(check) }
//
//	func check(ctx *guardhouse.AuthContext) (bool, error) {
//		return ctx.Token != nil && ctx.Token.HasScope("read"), nil
//	}
//
//	func main() {}
//
// Package settings is for checks with settings, stepup for checks that name missing scopes, rawtoken
// for checks that need the bearer secret, and guardhousetest for unit tests.
package guardhouse

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"guardhouse.dev/sdk/internal/hook"
)

// Check registers the plugin's check.
//
// True allows, and false denies without a message. An [AuthorizationError] denies with its message, even
// if the bool is true. Every other error and every panic is a fault: the caller sees a denial without a
// message, the operator's log shows the error, and the instance ends.
//
// A check must depend only on its settings and the context. It cannot keep state for the next call.
func Check(check func(ctx *AuthContext) (bool, error)) {
	if registered != nil {
		panic("guardhouse: a check is registered already")
	}
	registered = check
	if author == nil {
		author = check
	}
}

var (
	registered func(ctx *AuthContext) (bool, error)
	// author is the function that the plugin's author wrote, which may be wrapped by registered.
	author any
)

// decide calls the check. A fault panics.
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
		panic(returned{fmt.Errorf("a denial whose message is not UTF-8: %q", denial.Message)})
	}
	return false, denial
}

// returned is an error that a check returned and that is not a denial.
type returned struct{ err error }

func init() {
	hook.Announce = func(check any) { author = check }
	hook.WithDocuments = func(ctx any, documents *hook.Documents) { ctx.(*AuthContext).documents = documents }
	hook.DocumentsOf = func(ctx any) *hook.Documents { return ctx.(*AuthContext).documents }
}
