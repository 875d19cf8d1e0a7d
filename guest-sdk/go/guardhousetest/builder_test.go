package guardhousetest_test

import (
	"reflect"
	"testing"

	"guardhouse.dev/sdk/guardhousetest"
	"guardhouse.dev/sdk/rawtoken"
)

func TestPointers(t *testing.T) {
	ctx := guardhousetest.Tool("transfer").Arguments(map[string]any{
		"amount": 250, "a/b": map[string]any{"m~n": []int{1, 2}}, "": "empty", "nothing": nil,
	}).Context()
	for pointer, want := range map[string]any{
		"/amount": 250.0, "/a~1b/m~0n/1": 2.0, "/": "empty", "/nothing": nil, "/a~1b/m~0n": []any{1.0, 2.0},
	} {
		if value, found := ctx.Argument(pointer); !found || !reflect.DeepEqual(value, want) {
			t.Errorf("%q finds %v, %v", pointer, value, found)
		}
	}
	for _, pointer := range []string{"/missing", "/a~1b/m~0n/2", "/a~1b/m~0n/01", "/a~1b/m~0n/-", "/amount/x"} {
		if value, found := ctx.Argument(pointer); found {
			t.Errorf("%q finds %v", pointer, value)
		}
	}
}

func TestInvalidPointers(t *testing.T) {
	ctx := guardhousetest.Tool("transfer").Claim("suspended", true).Context()
	for name, ask := range map[string]func(pointer string){
		"claim":     func(pointer string) { ctx.Claim(pointer) },
		"detail":    func(pointer string) { ctx.Detail(pointer) },
		"argument":  func(pointer string) { ctx.Argument(pointer) },
		"attribute": func(pointer string) { ctx.Attribute(pointer) },
	} {
		for _, pointer := range []string{"suspended", "/a~b", "/a~", "/\xff"} {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("the %s %q does not panic", name, pointer)
					}
				}()
				ask(pointer)
			}()
		}
	}
}

func TestIntoIsExact(t *testing.T) {
	var payment struct {
		Amount int64 `json:"amount"`
	}
	for _, arguments := range []map[string]any{
		{"amount": 5000, "Amount": 1}, {"AMOUNT": 1}, {"amount": nil}, nil,
	} {
		ctx := guardhousetest.Tool("transfer").Arguments(arguments).Context()
		if found, err := ctx.ArgumentInto("", &payment); !found || err == nil || payment.Amount != 0 {
			t.Errorf("%v became %v, %v, %v", arguments, payment, found, err)
		}
	}
}

func TestInto(t *testing.T) {
	ctx := guardhousetest.Tool("transfer").Claim("id", int64(9007199254740993)).Context()
	var id int64
	if found, err := ctx.ClaimInto("/id", &id); !found || err != nil || id != 9007199254740993 {
		t.Errorf("found %v, %v, %v", id, found, err)
	}
	var text string
	if found, err := ctx.ClaimInto("/id", &text); !found || err == nil {
		t.Errorf("found %v, %v", found, err)
	}
	if found, err := ctx.ClaimInto("/other", &id); found || err != nil {
		t.Errorf("found %v, %v", found, err)
	}
}

func TestAbsence(t *testing.T) {
	ctx := guardhousetest.Prompt("greet").Context()
	if _, found := ctx.Claim(""); found || ctx.Token != nil || ctx.Tool() != nil || rawtoken.Get(ctx) != nil {
		t.Error("there is a token")
	}
	if _, found := ctx.Argument(""); found {
		t.Error("there are arguments")
	}
	if value, found := ctx.Attribute(""); !found || !reflect.DeepEqual(value, map[string]any{}) {
		t.Errorf("the attributes are %v, %v", value, found)
	}
}

func TestContextsAreIndependent(t *testing.T) {
	builder := guardhousetest.Tool("transfer").Scopes("a").RawToken("secret").Detail("title", "Pay")
	first := builder.Context()
	second := builder.Scopes("b").Detail("title", "Other").Context()
	if first.Token.Scopes[0] != "a" || second.Token.Scopes[0] != "b" || *rawtoken.Get(first) != "secret" {
		t.Error("a finished context has changed")
	}
	if title, _ := first.Detail("/title"); title != "Pay" {
		t.Errorf("the title is %v", title)
	}
}
