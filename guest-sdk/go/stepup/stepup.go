// Package stepup is for checks that can name the scopes they miss. To import it is to export that, and to
// promise that scopes are the only reason for which the check answers false.
package stepup

import (
	"fmt"
	"unicode/utf8"

	guardhouse "guardhouse.dev/sdk"
)

// MissingScopes registers the function that names the scopes that a request lacks: none if it lacks none,
// and none without a token, which is an authentication problem and not one of scopes.
func MissingScopes(missing func(ctx *guardhouse.AuthContext) []string) {
	if registered != nil {
		panic("stepup: a plugin has one function that names missing scopes")
	}
	registered = missing
}

var registered func(ctx *guardhouse.AuthContext) []string

// named asks the function that is registered. A fault is a panic.
func named(ctx *guardhouse.AuthContext) []string {
	if registered == nil {
		panic("stepup: nothing is registered; call stepup.MissingScopes in func init")
	}
	scopes := registered(ctx)
	for _, scope := range scopes {
		if !utf8.ValidString(scope) {
			panic(fmt.Sprintf("stepup: a scope that is no UTF-8: %q", scope))
		}
	}
	return scopes
}
