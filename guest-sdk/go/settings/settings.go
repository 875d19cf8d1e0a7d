// Package settings is for checks with settings. A plugin that imports it exports the interface settings.
package settings

import (
	"encoding/json"
	"fmt"
	"strings"

	guardhouse "guardhouse.dev/sdk"
	"guardhouse.dev/sdk/internal/exact"
	"guardhouse.dev/sdk/internal/hook"
)

// Validator can be implemented by *S to reject settings that match the schema but make no sense. The text of
// the error is for the operator.
type Validator interface {
	Validate() error
}

// Check registers the plugin's check, and S as the type of its settings.
//
// The schema (JSON Schema 2020-12) is usually embedded from a file. The host validates settings against it,
// and package encoding/json then unmarshals them into S. A member that S does not have in the same case is
// an error, because the check would ignore it, and so is null for a type that is not a pointer. Every call
// receives the same settings, which it must not change.
func Check[S any](schema string, check func(ctx *guardhouse.AuthContext, settings *S) (bool, error)) {
	if strings.TrimSpace(schema) == "" {
		panic("settings: the schema is empty; pass a JSON Schema, for example the text of settings.schema.json")
	}
	hook.Announce(check)
	guardhouse.Check(func(ctx *guardhouse.AuthContext) (bool, error) { return check(ctx, current[S]()) })
	registered.schema = schema
	registered.read = func(text string) (any, error) { return Parse[S](text) }
}

// With passes the settings to a function that is registered elsewhere:
//
//	stepup.MissingScopes(settings.With(missingScopes))
func With[S, R any](function func(ctx *guardhouse.AuthContext, settings *S) R) func(ctx *guardhouse.AuthContext) R {
	return func(ctx *guardhouse.AuthContext) R { return function(ctx, current[S]()) }
}

// Parse reads and validates settings, like a plugin that is being configured.
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

// registered holds the arguments of Check, and in value the settings once the host has sent them.
var registered struct {
	schema string
	read   func(text string) (any, error)
	value  any
}

// described returns the schema of the registered check. A plugin that imports this package exports it.
func described() string {
	if registered.read == nil {
		panic(unregistered)
	}
	return registered.schema
}

const unregistered = "settings: no check with settings is registered, although the plugin imports this package; " +
	"call settings.Check in func init"

// configure accepts the settings that the host sends, or returns a message for the operator that rejects them.
func configure(text string) (message string, rejected bool) {
	if registered.read == nil {
		panic(unregistered)
	}
	if registered.value != nil {
		return "the plugin is already configured", true
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
		panic(fmt.Sprintf("settings: the plugin has %T and not %T; configure it first", registered.value, settings))
	}
	return settings
}
