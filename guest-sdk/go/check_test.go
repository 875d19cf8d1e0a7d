package guardhouse

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"
)

// ask registers a check and calls it, and returns its answer or the report of its fault.
func ask(t *testing.T, check func(ctx *AuthContext) (bool, error)) (allowed bool, denial *AuthorizationError, report string) {
	t.Helper()
	registered, author = check, check
	t.Cleanup(func() { registered, author = nil, nil })
	done := make(chan struct{})
	go func() {
		defer close(done)
		guard(func() { allowed, denial = decide(&AuthContext{}) }, func(text string) { report = text })
	}()
	<-done
	return allowed, denial, report
}

func TestAnswers(t *testing.T) {
	for _, answer := range []bool{true, false} {
		allowed, denial, report := ask(t, func(*AuthContext) (bool, error) { return answer, nil })
		if allowed != answer || denial != nil || report != "" {
			t.Errorf("%v became %v, %v, %q", answer, allowed, denial, report)
		}
	}
}

func TestDenials(t *testing.T) {
	for name, err := range map[string]error{
		"a denial":         Deny("né 🙂"),
		"a wrapped denial": fmt.Errorf("secret: %w", Deny("né 🙂")),
		"a joined denial":  errors.Join(errors.New("secret"), Deny("né 🙂")),
	} {
		t.Run(name, func(t *testing.T) {
			allowed, denial, report := ask(t, func(*AuthContext) (bool, error) { return true, err })
			if allowed || denial == nil || denial.Message != "né 🙂" || report != "" {
				t.Errorf("answered %v, %v, %q", allowed, denial, report)
			}
		})
	}
}

type embedding struct{ *AuthorizationError }

func TestFaults(t *testing.T) {
	for name, test := range map[string]struct {
		check func(ctx *AuthContext) (bool, error)
		parts []string
	}{
		"an error": {
			func(*AuthContext) (bool, error) { return true, errors.New("secret 7f3a") },
			[]string{"*errors.errorString: secret 7f3a", "check_test.go:"},
		},
		"a denial that is nil": {
			func(*AuthContext) (bool, error) { return true, (*AuthorizationError)(nil) },
			[]string{"*guardhouse.AuthorizationError", "check_test.go:"},
		},
		"a panic": {
			func(*AuthContext) (bool, error) { panic(errors.New("secret 7f3a")) },
			[]string{"panic: *errors.errorString: secret 7f3a\n", "check_test.go:"},
		},
		"a denial that panics": {
			func(*AuthContext) (bool, error) { panic(Deny("no")) },
			[]string{"panic: *guardhouse.AuthorizationError: no", "check_test.go:"},
		},
		"a denial that is not text": {
			func(*AuthContext) (bool, error) { return true, Deny("secret \xff") },
			[]string{"not UTF-8: \"secret \\xff\"", "check_test.go:"},
		},
		"an error that embeds a denial": {
			func(*AuthContext) (bool, error) { return true, embedding{&AuthorizationError{"secret 7f3a"}} },
			[]string{"guardhouse.embedding: secret 7f3a", "check_test.go:"},
		},
		"an error that is not text": {
			func(*AuthContext) (bool, error) { panic(errors.New("secret \xff 7f3a")) },
			[]string{"secret \uFFFD 7f3a\n", "check_test.go:"},
		},
		"an error of a megabyte": {
			func(*AuthContext) (bool, error) { panic(errors.New(strings.Repeat("🙂", 1<<18))) },
			[]string{"*errors.errorString: 🙂", "bytes more\n", "check_test.go:"},
		},
		"a goroutine that ends": {
			func(*AuthContext) (bool, error) { runtime.Goexit(); return true, nil },
			[]string{"ended its goroutine", "check_test.go:"},
		},
		"no check": {nil, []string{"no check is registered"}},
	} {
		t.Run(name, func(t *testing.T) {
			allowed, denial, report := ask(t, test.check)
			if allowed || denial != nil {
				t.Errorf("answered %v, %v", allowed, denial)
			}
			if len(report) > 32_768 || !utf8.ValidString(report) {
				t.Errorf("the log does not accept %d bytes", len(report))
			}
			for _, part := range test.parts {
				if !strings.Contains(report, part) {
					t.Errorf("%q is missing in %s", part, report)
				}
			}
		})
	}
}

func TestTokens(t *testing.T) {
	token := &AccessToken{Scopes: []string{"read", ""}}
	if !token.HasScope("") || token.HasScope("Read") || !token.HasScopes() || token.HasScopes("read", "write") {
		t.Error("scopes are compared wrongly")
	}
	if missing := token.MissingScopes("b", "read", "a", "b"); strings.Join(missing, ",") != "b,a" {
		t.Errorf("misses %v", missing)
	}
}
