package main

import (
	"errors"
	"slices"
	"testing"

	guardhouse "guardhouse.dev/sdk"
	"guardhouse.dev/sdk/guardhousetest"
	"guardhouse.dev/sdk/settings"
)

const written = `{"scopes": ["pay"], "suspended": ["mallory"], "limit": {"argument": "/amount", "max": 1000}}`

func parse(t *testing.T) *Settings {
	t.Helper()
	parsed, err := settings.Parse[Settings](written)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func transfer() *guardhousetest.Builder {
	return guardhousetest.Tool("transfer").ClientID("alice").Scopes("pay")
}

func TestAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		request *guardhousetest.Builder
		allowed bool
	}{
		"the limit itself":        {transfer().Argument("amount", 1000), true},
		"a list":                  {transfer().Action("tools/list"), true},
		"no token":                {guardhousetest.Tool("transfer").Argument("amount", 1), false},
		"a token without a scope": {guardhousetest.Tool("transfer").Scopes("read").Argument("amount", 1), false},
	} {
		t.Run(name, func(t *testing.T) {
			allowed, err := check(test.request.Context(), parse(t))
			if allowed != test.allowed || err != nil {
				t.Errorf("answered %v, %v", allowed, err)
			}
		})
	}
}

func TestDenials(t *testing.T) {
	const limit = "argument `/amount` must be a number of at most 1000"
	for name, test := range map[string]struct {
		request *guardhousetest.Builder
		message string
	}{
		"a suspended client": {guardhousetest.Tool("transfer").ClientID("mallory"), "client `mallory` is suspended"},
		"above the limit":    {transfer().Argument("amount", 1000.5), limit},
		"not a number":       {transfer().Argument("amount", true), limit},
		"no argument":        {transfer(), limit},
	} {
		t.Run(name, func(t *testing.T) {
			allowed, err := check(test.request.Context(), parse(t))
			var denial *guardhouse.AuthorizationError
			if allowed || !errors.As(err, &denial) || denial.Message != test.message {
				t.Errorf("answered %v, %v", allowed, err)
			}
		})
	}
}

func TestMissingScopes(t *testing.T) {
	settings := &Settings{Scopes: []string{"pay", "audit", "pay", "audit"}}
	if missing := missingScopes(transfer().Context(), settings); !slices.Equal(missing, []string{"audit"}) {
		t.Errorf("misses %v", missing)
	}
	if missing := missingScopes(guardhousetest.Tool("transfer").Context(), settings); len(missing) != 0 {
		t.Errorf("misses %v without a token", missing)
	}
}
