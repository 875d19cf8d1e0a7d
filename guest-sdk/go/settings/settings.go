// Package settings is for checks that take settings. To import it is to export them.
package settings

import (
	"encoding/json"
	"fmt"
	"strings"

	guardhouse "guardhouse.dev/sdk"
	"guardhouse.dev/sdk/internal/exact"
	"guardhouse.dev/sdk/internal/hook"
)

// Validator is what *S may be, to refuse settings that fit the schema and yet make no sense. The words of
// the error are for the operator.
type Validator interface {
	Validate() error
}

// Check makes check the plugin's check, and S the type of its settings.
//
// The schema (JSON Schema 2020-12) is usually embedded from a file. The host holds settings against it;
// what fits is then unmarshalled into S by package encoding/json. A member that S does not have, in this
// very case, is refused, because nobody would look at it; and so is null for what is no pointer. Every call
// is given the same settings, which it must not change.
func Check[S any](schema string, check func(ctx *guardhouse.AuthContext, settings *S) (bool, error)) {
	hook.Announce(check)
	guardhouse.Check(func(ctx *guardhouse.AuthContext) (bool, error) { return check(ctx, current[S]()) })
	registered.schema = schema
	registered.read = func(text string) (any, error) { return Parse[S](text) }
}

// With gives a function the settings, for those that are registered elsewhere:
//
//	stepup.MissingScopes(settings.With(missingScopes))
func With[S, R any](function func(ctx *guardhouse.AuthContext, settings *S) R) func(ctx *guardhouse.AuthContext) R {
	return func(ctx *guardhouse.AuthContext) R { return function(ctx, current[S]()) }
}

// Parse reads settings as a plugin does when it is configured, and validates them.
func Parse[S any](text string) (*S, error) {
	settings := new(S)
	if err := exact.Fits([]byte(text), settings); err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(settings); err != nil {
		return nil, err
	}
	if validator, ok := any(settings).(Validator); ok {
		if err := validator.Validate(); err != nil {
			return nil, err
		}
	}
	return settings, nil
}

// registered is what Check was told, and value the settings once the host has sent them.
var registered struct {
	schema string
	read   func(text string) (any, error)
	value  any
}

// configure takes the settings that the host sends. A refusal is words for the operator.
func configure(text string) (refusal string, refused bool) {
	if registered.read == nil {
		panic("settings: no check is registered; call settings.Check in func init")
	}
	if registered.value != nil {
		return "the plugin was configured before", true
	}
	value, err := registered.read(text)
	if err != nil {
		return strings.ToValidUTF8(err.Error(), "\uFFFD"), true
	}
	registered.value = value
	return "", false
}

func current[S any]() *S {
	settings, ok := registered.value.(*S)
	if !ok {
		panic(fmt.Sprintf("settings: they are %T and not %T", registered.value, settings))
	}
	return settings
}
