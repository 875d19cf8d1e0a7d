package guardhouse

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"guardhouse.dev/sdk/internal/exact"
	"guardhouse.dev/sdk/internal/hook"
)

type documents = hook.Documents

// Claim is a claim of the token, and whether it is there. Without a token none is.
//
// The value is what [json.Unmarshal] makes of any JSON: a number is a float64. ClaimInto keeps large
// integers exact.
func (ctx *AuthContext) Claim(pointer string) (value any, found bool) {
	return parse(ctx.claim(pointer))
}

// ClaimInto unmarshals a claim of the token into the value that target points to, and says whether the
// claim is there. An error says that it is there and does not fit.
//
// It is stricter than [json.Unmarshal]: a member must be written as its field is, in the same case, and
// null fits nothing but a pointer or an interface. As ever, a field without a member keeps what it holds.
func (ctx *AuthContext) ClaimInto(pointer string, target any) (found bool, err error) {
	return unmarshal(ctx.claim(pointer), target)
}

// Detail is a detail of the component, and whether it is there: its title, description, input schema,
// annotations, meta and whatever else the enforcement point knows of it.
func (ctx *AuthContext) Detail(pointer string) (value any, found bool) {
	return parse(ctx.detail(pointer))
}

// DetailInto is to Detail what ClaimInto is to Claim.
func (ctx *AuthContext) DetailInto(pointer string, target any) (found bool, err error) {
	return unmarshal(ctx.detail(pointer), target)
}

// Argument is an argument of the call, and whether it is there. Where nothing is called, as in a list,
// none is.
func (ctx *AuthContext) Argument(pointer string) (value any, found bool) {
	return parse(ctx.argument(pointer))
}

// ArgumentInto is to Argument what ClaimInto is to Claim.
func (ctx *AuthContext) ArgumentInto(pointer string, target any) (found bool, err error) {
	return unmarshal(ctx.argument(pointer), target)
}

// Attribute is anything else that the enforcement point sent, and whether it is there: headers, peer
// address, AuthZEN context.
func (ctx *AuthContext) Attribute(pointer string) (value any, found bool) {
	return parse(ctx.attribute(pointer))
}

// AttributeInto is to Attribute what ClaimInto is to Claim.
func (ctx *AuthContext) AttributeInto(pointer string, target any) (found bool, err error) {
	return unmarshal(ctx.attribute(pointer), target)
}

func (ctx *AuthContext) claim(pointer string) *string {
	mustBePointer(pointer)
	if ctx.documents != nil {
		return find(ctx.documents.Claims, pointer)
	}
	return hostClaim(pointer)
}

func (ctx *AuthContext) detail(pointer string) *string {
	mustBePointer(pointer)
	if ctx.documents != nil {
		return find(ctx.documents.Details, pointer)
	}
	return hostDetail(pointer)
}

func (ctx *AuthContext) argument(pointer string) *string {
	mustBePointer(pointer)
	if ctx.documents != nil {
		return find(ctx.documents.Arguments, pointer)
	}
	return hostArgument(pointer)
}

func (ctx *AuthContext) attribute(pointer string) *string {
	mustBePointer(pointer)
	if ctx.documents != nil {
		return find(ctx.documents.Attributes, pointer)
	}
	return hostAttribute(pointer)
}

// mustBePointer panics at what is no JSON pointer: it would find nothing, whatever is there.
func mustBePointer(text string) {
	if text != "" && text[0] != '/' || isWronglyEscaped(text) || !utf8.ValidString(text) {
		panic(fmt.Sprintf("guardhouse: %q is no JSON pointer: those begin with `/`, have 0 or 1 after `~`, and are UTF-8", text))
	}
}

func isWronglyEscaped(pointer string) bool {
	for _, rest := range strings.Split(pointer, "~")[1:] {
		if !strings.HasPrefix(rest, "0") && !strings.HasPrefix(rest, "1") {
			return true
		}
	}
	return false
}

// parse reads a document. One that cannot be read must not pass for something absent, so it is a fault.
func parse(text *string) (value any, found bool) {
	if text == nil {
		return nil, false
	}
	if err := json.Unmarshal([]byte(*text), &value); err != nil {
		panic(fmt.Errorf("the host sent a document that cannot be parsed: %w", err))
	}
	return value, true
}

func unmarshal(text *string, target any) (found bool, err error) {
	if text == nil {
		return false, nil
	}
	if err := exact.Fits([]byte(*text), target); err != nil {
		return true, err
	}
	return true, json.Unmarshal([]byte(*text), target)
}
