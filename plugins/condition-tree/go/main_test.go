package main

import (
	"errors"
	"testing"

	guardhouse "guardhouse.dev/sdk"
	"guardhouse.dev/sdk/guardhousetest"
	"guardhouse.dev/sdk/settings"
)

const small = `{"compare": {"argument": "/amount", "is": "<=", "number": 1000}}`

func parse(t *testing.T, condition string) *Settings {
	t.Helper()
	parsed, err := settings.Parse[Settings](`{"condition": ` + condition + `}`)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func TestACondition(t *testing.T) {
	for amount, expected := range map[float64]bool{1000: true, 1000.5: false} {
		ctx := guardhousetest.Tool("transfer").Argument("amount", amount).Context()
		if allowed, err := check(ctx, parse(t, small)); allowed != expected || err != nil {
			t.Errorf("%v: answered %v, %v", amount, allowed, err)
		}
	}
}

func TestAMissingInputDeniesAlsoUnderANegation(t *testing.T) {
	for _, condition := range []string{small, `{"none": [` + small + `]}`} {
		allowed, err := check(guardhousetest.Tool("transfer").Context(), parse(t, condition))
		var denial *guardhouse.AuthorizationError
		if allowed || !errors.As(err, &denial) {
			t.Errorf("%s: answered %v, %v", condition, allowed, err)
		}
	}
}

func TestTextsThatAreNotNetworksAreRejected(t *testing.T) {
	for _, network := range []string{"192.0.2.0/33", "192.0.2/24", "2001:db8::/129"} {
		written := `{"condition": {"network": {"attribute": "/peer/address", "in": ["` + network + `"]}}}`
		if _, err := settings.Parse[Settings](written); err == nil {
			t.Errorf("%s: accepted", network)
		}
	}
}
