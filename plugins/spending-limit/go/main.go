// A check with settings: scopes that a token must hold, suspended clients, and a limit on one argument of
// the call.
package main

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"

	guardhouse "guardhouse.dev/sdk"
	"guardhouse.dev/sdk/settings"
	"guardhouse.dev/sdk/stepup"
)

// Settings are the settings that settings.schema.json describes.
type Settings struct {
	// Scopes are the scopes that a token must hold.
	Scopes []string `json:"scopes"`
	// Suspended are the clients that are denied with a message.
	Suspended []string `json:"suspended"`
	// Limit limits an argument of the call; nil for no limit.
	Limit *Limit `json:"limit"`
}

// Limit is the maximum of an argument.
type Limit struct {
	// Argument is a JSON pointer.
	Argument string `json:"argument"`
	Max      int64  `json:"max"`
}

//go:embed settings.schema.json
var schema string

func init() {
	settings.Check(schema, check)
	stepup.MissingScopes(settings.With(missingScopes))
}

func check(ctx *guardhouse.AuthContext, settings *Settings) (bool, error) {
	token := ctx.Token
	if token == nil {
		return false, nil
	}
	if slices.Contains(settings.Suspended, token.ClientID) {
		return false, guardhouse.Deny(fmt.Sprintf("client `%s` is suspended", token.ClientID))
	}
	if !token.HasScopes(settings.Scopes...) {
		return false, nil
	}
	if settings.Limit == nil || strings.HasSuffix(ctx.Action, "/list") {
		return true, nil
	}
	return settings.Limit.check(ctx)
}

// check allows a call if its argument is a number within the limit.
func (limit *Limit) check(ctx *guardhouse.AuthContext) (bool, error) {
	argument, _ := ctx.Argument(limit.Argument)
	number, ok := argument.(float64)
	if !ok || number > float64(limit.Max) {
		return false, guardhouse.Deny(fmt.Sprintf("argument `%s` must be a number of at most %d", limit.Argument, limit.Max))
	}
	return true, nil
}

func missingScopes(ctx *guardhouse.AuthContext, settings *Settings) []string {
	if ctx.Token == nil {
		return nil
	}
	return ctx.Token.MissingScopes(settings.Scopes...)
}

// main is never called: the host calls check.
func main() {}
