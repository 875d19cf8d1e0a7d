package main

import (
	"errors"
	"testing"

	guardhouse "guardhouse.dev/sdk"
	"guardhouse.dev/sdk/guardhousetest"
	"guardhouse.dev/sdk/settings"
)

const written = `{"claim": "/roles", "roles": {"teller": {
	"allow": [{"component": "tool:{read,list}-*"}], "deny": [{"component": "*:**secret**"}]}}}`

func decide(t *testing.T, tool, role string) (bool, error) {
	t.Helper()
	parsed, err := settings.Parse[Settings](written)
	if err != nil {
		t.Fatal(err)
	}
	return check(guardhousetest.Tool(tool).Claim("roles", []string{role}).Context(), parsed)
}

func TestAPatternOfARoleAllows(t *testing.T) {
	for role, expected := range map[string]bool{"teller": true, "guest": false} {
		if allowed, err := decide(t, "list-orders", role); allowed != expected || err != nil {
			t.Errorf("%s: answered %v, %v", role, allowed, err)
		}
	}
}

func TestADenialWins(t *testing.T) {
	allowed, err := decide(t, "read-secrets", "teller")
	var denial *guardhouse.AuthorizationError
	if allowed || !errors.As(err, &denial) || denial.Message != "role `teller` must not use `tool:read-secrets`" {
		t.Errorf("answered %v, %v", allowed, err)
	}
}

func TestPatterns(t *testing.T) {
	for text, expected := range map[string]bool{"*": false, "**": true, "{b,a/}?": true, "a.b": false} {
		if pattern(text).MatchString("a/b") != expected {
			t.Errorf("%s: not %v", text, expected)
		}
	}
}
