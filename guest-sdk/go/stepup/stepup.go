// Package stepup is for checks that can name the scopes they miss. To import it is to export that, and to
// promise that scopes are the only reason for which the check answers false.
package stepup

import guardhouse "guardhouse.dev/sdk"

// MissingScopes registers the function that names the scopes that a request lacks: none if it lacks none,
// and none without a token, which is an authentication problem and not one of scopes.
func MissingScopes(missing func(ctx *guardhouse.AuthContext) []string) {
	if registered != nil {
		panic("stepup: a plugin has one function that names missing scopes")
	}
	registered = missing
}

var registered func(ctx *guardhouse.AuthContext) []string
