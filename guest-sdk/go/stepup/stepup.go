// Package stepup is for checks that can name missing scopes. A plugin that imports it exports the interface
// step-up, and promises that missing scopes are the only reason why the check returns false.
package stepup

import (
	"fmt"
	"unicode/utf8"

	guardhouse "guardhouse.dev/sdk"
)

// MissingScopes registers the function that names the scopes that a request lacks. The function must return
// none without a token, because the caller must authenticate first.
func MissingScopes(missing func(ctx *guardhouse.AuthContext) []string) {
	if registered != nil {
		panic("stepup: a function is registered already")
	}
	registered = missing
}

var registered func(ctx *guardhouse.AuthContext) []string

// named calls the registered function. A fault panics.
func named(ctx *guardhouse.AuthContext) []string {
	if registered == nil {
		panic("stepup: no function is registered; call stepup.MissingScopes in func init")
	}
	scopes := registered(ctx)
	for _, scope := range scopes {
		if !utf8.ValidString(scope) {
			panic(fmt.Sprintf("stepup: a scope that is not UTF-8: %q", scope))
		}
	}
	return scopes
}
