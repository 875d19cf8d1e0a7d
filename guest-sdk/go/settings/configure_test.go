package settings

import (
	"errors"
	"testing"

	guardhouse "guardhouse.dev/sdk"
)

type words struct {
	Text *string `json:"text"`
}

func (words *words) Validate() error {
	if words.Text == nil {
		return errors.New("no text \xff")
	}
	return nil
}

func TestConfigure(t *testing.T) {
	Check("{}", func(_ *guardhouse.AuthContext, settings *words) (bool, error) { return *settings.Text == "a", nil })
	asks := func() (panicked bool) {
		defer func() { panicked = recover() != nil }()
		return current[words]() == nil
	}
	if !asks() {
		t.Error("a plugin that is not configured has settings")
	}
	for text, want := range map[string]string{
		`{}`:                       "no text \uFFFD",
		`{"text": null}`:           "no text \uFFFD",
		`{"text": "a", "more": 1}`: `json: unknown field "more"`,
		`{"Text": "a"}`:            "json: `/Text` is written `text` in settings.words",
		`{"text": "a"} {}`:         "invalid character '{' after top-level value",
	} {
		if refusal, refused := configure(text); !refused || refusal != want {
			t.Errorf("%s: %q, %v", text, refusal, refused)
		}
	}
	if !asks() {
		t.Error("settings that were refused are used")
	}
	if refusal, refused := configure(`{"text": "a"}`); refused || *current[words]().Text != "a" {
		t.Errorf("refused: %s", refusal)
	}
	if refusal, refused := configure(`{"text": "b"}`); !refused || refusal != "the plugin was configured before" {
		t.Errorf("%q, %v", refusal, refused)
	}
}
