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

// Claim returns a claim of the token, and whether it exists. Without a token, no claim exists.
//
// The value has the type that [json.Unmarshal] stores in an any: a number is a float64. An integer beyond 2^53
// panics, because a float64 would make it equal to its neighbors; ClaimInto reads it into an int64 or uint64.
func (ctx *AuthContext) Claim(pointer string) (value any, found bool) {
	return parse(ctx.claim(pointer))
}

// ClaimInto unmarshals a claim of the token into the value that target points to, and returns whether the
// claim exists. An error means that the claim exists but does not match the type.
//
// It is stricter than [json.Unmarshal]: a member must have the same case as its field, null matches only
// pointers and interfaces, and an integer beyond 2^53 matches neither an any nor a float64, which would round
// it. A field without a member keeps its value.
func (ctx *AuthContext) ClaimInto(pointer string, target any) (found bool, err error) {
	return unmarshal(ctx.claim(pointer), target)
}

// Detail returns a detail of the component, and whether it exists: its title, description, input schema,
// annotations, meta and anything else that the enforcement point knows of it.
func (ctx *AuthContext) Detail(pointer string) (value any, found bool) {
	return parse(ctx.detail(pointer))
}

// DetailInto unmarshals a detail of the component, like ClaimInto.
func (ctx *AuthContext) DetailInto(pointer string, target any) (found bool, err error) {
	return unmarshal(ctx.detail(pointer), target)
}

// Argument returns an argument of the call, and whether it exists. If the action is not a call, for
// example a list, no argument exists.
func (ctx *AuthContext) Argument(pointer string) (value any, found bool) {
	return parse(ctx.argument(pointer))
}

// ArgumentInto unmarshals an argument of the call, like ClaimInto.
func (ctx *AuthContext) ArgumentInto(pointer string, target any) (found bool, err error) {
	return unmarshal(ctx.argument(pointer), target)
}

// Attribute returns an attribute of the request that the enforcement point sent, and whether it exists: a
// header, the peer address, AuthZEN context.
func (ctx *AuthContext) Attribute(pointer string) (value any, found bool) {
	return parse(ctx.attribute(pointer))
}

// AttributeInto unmarshals an attribute of the request, like ClaimInto.
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

// mustBePointer panics if text is not a JSON pointer, because it would never find anything.
func mustBePointer(text string) {
	if text != "" && text[0] != '/' || isWronglyEscaped(text) || !utf8.ValidString(text) {
		panic(fmt.Sprintf("guardhouse: %q is not a JSON pointer: it must begin with `/`, with 0 or 1 after each `~`, in UTF-8", text))
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

// parse reads a document. Invalid JSON is a fault, and not an absent document.
func parse(text *string) (value any, found bool) {
	if text == nil {
		return nil, false
	}
	if err := exact.Fits([]byte(*text), &value); err != nil {
		panic(fmt.Errorf("guardhouse: the value cannot be read: %w", err))
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
