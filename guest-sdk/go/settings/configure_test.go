package settings

import (
	"errors"
	"testing"

	guardhouse "guardhouse.dev/sdk"
)

type sample struct {
	Text *string `json:"text"`
}

func (sample *sample) Validate() error {
	if sample.Text == nil {
		return errors.New("no text \xff")
	}
	return nil
}

func TestConfigure(t *testing.T) {
	Check("{}", func(_ *guardhouse.AuthContext, settings *sample) (bool, error) { return *settings.Text == "a", nil })
	asks := func() (panicked bool) {
		defer func() { panicked = recover() != nil }()
		return current[sample]() == nil
	}
	if !asks() {
		t.Error("a plugin that is not configured has settings")
	}
	for text, want := range map[string]string{
		`{}`:                       "no text \uFFFD",
		`{"text": null}`:           "no text \uFFFD",
		`{"text": "a", "more": 1}`: `json: unknown field "more"`,
		`{"Text": "a"}`:            "json: `/Text` must be `text` in settings.sample",
		`{"text": "a"} {}`:         "invalid character '{' after top-level value",
	} {
		if message, rejected := configure(text); !rejected || message != want {
			t.Errorf("%s: %q, %v", text, message, rejected)
		}
	}
	if !asks() {
		t.Error("rejected settings are used")
	}
	if message, rejected := configure(`{"text": "a"}`); rejected || *current[sample]().Text != "a" {
		t.Errorf("rejected: %s", message)
	}
	if message, rejected := configure(`{"text": "b"}`); !rejected || message != "the plugin is already configured" {
		t.Errorf("%q, %v", message, rejected)
	}
}
