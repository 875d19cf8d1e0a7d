package stepup

import (
	"slices"
	"testing"

	guardhouse "guardhouse.dev/sdk"
)

func TestNamed(t *testing.T) {
	answer := []string{"né", ""}
	panics := func() (panicked bool) {
		defer func() { panicked = recover() != nil }()
		named(&guardhouse.AuthContext{})
		return false
	}
	if !panics() {
		t.Error("there is an answer without a registered function")
	}
	MissingScopes(func(*guardhouse.AuthContext) []string { return answer })
	if scopes := named(&guardhouse.AuthContext{}); !slices.Equal(scopes, answer) {
		t.Errorf("misses %q", scopes)
	}
	answer = []string{"a", "\xff"}
	if !panics() {
		t.Error("a scope that is not UTF-8 is accepted")
	}
}
