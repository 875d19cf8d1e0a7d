package settings

import (
	"strings"
	"testing"

	guardhouse "guardhouse.dev/sdk"
)

// panicOf returns the text of the panic of call.
func panicOf(call func()) (text string) {
	defer func() { text, _ = recover().(string) }()
	call()
	return ""
}

func TestAPluginThatRegistersNothingIsToldWhatToCall(t *testing.T) {
	before := registered
	defer func() { registered = before }()
	registered.read = nil
	text := panicOf(func() { described() })
	if !strings.Contains(text, "call settings.Check in func init") {
		t.Errorf("it panicked with %q", text)
	}
}

func TestAnEmptySchemaIsAPanic(t *testing.T) {
	for _, schema := range []string{"", " \n"} {
		text := panicOf(func() { Check(schema, func(*guardhouse.AuthContext, *struct{}) (bool, error) { return true, nil }) })
		if !strings.Contains(text, "the schema is empty") {
			t.Errorf("%q: it panicked with %q", schema, text)
		}
	}
}
