package main

import (
	"errors"
	"testing"

	guardhouse "guardhouse.dev/sdk"
	"guardhouse.dev/sdk/guardhousetest"
	"guardhouse.dev/sdk/settings"
)

const (
	rest = `"zone": "Europe/Berlin", "offset": 60, "holidays": ["2026-02-03"],
		"calendar": {"first": "2026-01-01", "last": "2026-12-31"}`
	written      = `{"hours": [{"days": ["mon", "tue", "wed"], "opens": "09:00", "closes": "17:00"}], ` + rest + `}`
	reversed     = `{"hours": [{"days": ["mon"], "opens": "17:00", "closes": "09:00"}], ` + rest + `}`
	mondayAtNine = 1770019200
)

func TestCheck(t *testing.T) {
	parsed, err := settings.Parse[Settings](written)
	if err != nil {
		t.Fatal(err)
	}
	if allowed, err := check(guardhousetest.Tool("transfer").Now(mondayAtNine).Context(), parsed); !allowed || err != nil {
		t.Errorf("answered %v, %v", allowed, err)
	}
	allowed, err := check(guardhousetest.Tool("transfer").Now(mondayAtNine+8*3600).Context(), parsed)
	var denial *guardhouse.AuthorizationError
	if allowed || !errors.As(err, &denial) || denial.Message != "the office is closed until 2026-02-04 09:00 (Europe/Berlin)" {
		t.Errorf("answered %v, %v", allowed, err)
	}
}

func TestHoursInTheWrongOrderAreRejected(t *testing.T) {
	if _, err := settings.Parse[Settings](reversed); err == nil {
		t.Error("accepted")
	}
}
