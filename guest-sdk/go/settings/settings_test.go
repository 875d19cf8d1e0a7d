package settings_test

import (
	"errors"
	"testing"

	"guardhouse.dev/sdk/settings"
)

type limits struct {
	Max int64 `json:"max"`
}

func (limits *limits) Validate() error {
	if limits.Max < 0 {
		return errors.New("max is below zero")
	}
	return nil
}

func TestParse(t *testing.T) {
	if parsed, err := settings.Parse[limits](`{"max": 9007199254740993}`); err != nil || parsed.Max != 9007199254740993 {
		t.Errorf("parsed %v, %v", parsed, err)
	}
	for text, want := range map[string]string{
		`{"max": -1}`:           "max is below zero",
		`{"max": 1, "more": 2}`: `json: unknown field "more"`,
		`{"max": "1"}`:          "json: cannot unmarshal string into Go struct field limits.max of type int64",
	} {
		if parsed, err := settings.Parse[limits](text); parsed != nil || err == nil || err.Error() != want {
			t.Errorf("%s parsed to %v, %v", text, parsed, err)
		}
	}
}
