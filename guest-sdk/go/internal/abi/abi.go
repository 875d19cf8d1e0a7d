//go:build wasip1

// Code generated from wit/ by `cargo xtask bindings`. DO NOT EDIT.

// Package abi is the canonical ABI of the package guardhouse:auth@0.1.0: how its records lie in memory,
// and its functions.
package abi

import (
	"structs"
	"unsafe"
)

// String is `string`.
type String struct {
	_       structs.HostLayout
	Pointer uint32
	Length  uint32
}

var (
	_ [8]byte = [unsafe.Sizeof(String{})]byte{}
	_ [0]byte = [unsafe.Offsetof(String{}.Pointer)]byte{}
	_ [4]byte = [unsafe.Offsetof(String{}.Length)]byte{}
)

// OptionString is `option<string>`.
type OptionString struct {
	_     structs.HostLayout
	Some  uint8
	Value String
}

var (
	_ [12]byte = [unsafe.Sizeof(OptionString{})]byte{}
	_ [0]byte  = [unsafe.Offsetof(OptionString{}.Some)]byte{}
	_ [4]byte  = [unsafe.Offsetof(OptionString{}.Value)]byte{}
)

// ListString is `list<string>`.
type ListString struct {
	_       structs.HostLayout
	Pointer uint32
	Length  uint32
}

var (
	_ [8]byte = [unsafe.Sizeof(ListString{})]byte{}
	_ [0]byte = [unsafe.Offsetof(ListString{}.Pointer)]byte{}
	_ [4]byte = [unsafe.Offsetof(ListString{}.Length)]byte{}
)

// OptionS64 is `option<s64>`.
type OptionS64 struct {
	_     structs.HostLayout
	Some  uint8
	Value int64
}

var (
	_ [16]byte = [unsafe.Sizeof(OptionS64{})]byte{}
	_ [0]byte  = [unsafe.Offsetof(OptionS64{}.Some)]byte{}
	_ [8]byte  = [unsafe.Offsetof(OptionS64{}.Value)]byte{}
)

// AccessToken is `access-token`.
//
// A verified OAuth 2.0 access token, without the secret itself, for which see `raw-token`.
type AccessToken struct {
	_ structs.HostLayout
	// The OAuth client that presented the token (RFC 9068 `client_id`).
	ClientID String
	// The user for whom the token speaks (RFC 7519 `sub`); none for a client that acts for itself.
	Subject OptionString
	// The scopes granted. Scopes are equal if their code points are; they have no order and no hierarchy.
	Scopes ListString
	// Seconds since the Unix epoch; none if the token never expires. The verifier of the token checks the expiry; the
	// host does not.
	ExpiresAt OptionS64
	// The resource that the token was issued for (RFC 8707).
	ResourceIndicator OptionString
}

var (
	_ [64]byte = [unsafe.Sizeof(AccessToken{})]byte{}
	_ [0]byte  = [unsafe.Offsetof(AccessToken{}.ClientID)]byte{}
	_ [8]byte  = [unsafe.Offsetof(AccessToken{}.Subject)]byte{}
	_ [20]byte = [unsafe.Offsetof(AccessToken{}.Scopes)]byte{}
	_ [32]byte = [unsafe.Offsetof(AccessToken{}.ExpiresAt)]byte{}
	_ [48]byte = [unsafe.Offsetof(AccessToken{}.ResourceIndicator)]byte{}
)

// Component is `component`.
//
// The thing being accessed. "Component" is the Model Context Protocol's term here, not WebAssembly's.
type Component struct {
	_ structs.HostLayout
	// "tool", "resource", "resource-template", "prompt", or any other kind; see `docs/request.md`.
	Kind String
	// The name, unique within its kind.
	Name String
	// The URI of a resource, or the URI template of a resource template.
	URI OptionString
	// The version, if the component has one.
	Version OptionString
	// The labels that its author gave it. Labels inside `detail` are not among them.
	Tags ListString
}

var (
	_ [48]byte = [unsafe.Sizeof(Component{})]byte{}
	_ [0]byte  = [unsafe.Offsetof(Component{}.Kind)]byte{}
	_ [8]byte  = [unsafe.Offsetof(Component{}.Name)]byte{}
	_ [16]byte = [unsafe.Offsetof(Component{}.URI)]byte{}
	_ [28]byte = [unsafe.Offsetof(Component{}.Version)]byte{}
	_ [40]byte = [unsafe.Offsetof(Component{}.Tags)]byte{}
)

// OptionAccessToken is `option<access-token>`.
type OptionAccessToken struct {
	_     structs.HostLayout
	Some  uint8
	Value AccessToken
}

var (
	_ [72]byte = [unsafe.Sizeof(OptionAccessToken{})]byte{}
	_ [0]byte  = [unsafe.Offsetof(OptionAccessToken{}.Some)]byte{}
	_ [8]byte  = [unsafe.Offsetof(OptionAccessToken{}.Value)]byte{}
)

// AuthContext is `auth-context`.
//
// One request. Every check of one decision gets the same.
type AuthContext struct {
	_ structs.HostLayout
	// The verified token; none if the caller did not authenticate.
	Token OptionAccessToken
	// The thing being accessed.
	Component Component
	// The operation, for example "tools/call" or "tools/list"; empty if it is unknown. See `docs/request.md`.
	Action String
	// Seconds since the Unix epoch, the same for every check of one decision. A check has no other clock: WASI clocks,
	// which some languages' runtimes import, start at this instant and do not follow real time.
	Now int64
}

var (
	_ [136]byte = [unsafe.Sizeof(AuthContext{})]byte{}
	_ [0]byte   = [unsafe.Offsetof(AuthContext{}.Token)]byte{}
	_ [72]byte  = [unsafe.Offsetof(AuthContext{}.Component)]byte{}
	_ [120]byte = [unsafe.Offsetof(AuthContext{}.Action)]byte{}
	_ [128]byte = [unsafe.Offsetof(AuthContext{}.Now)]byte{}
)

// AuthorizationError is `authorization-error`.
//
// A denial with a message.
type AuthorizationError struct {
	_ structs.HostLayout
	// The text for the caller, who gets it exactly as it stands: not trimmed, not escaped.
	Message String
}

var (
	_ [8]byte = [unsafe.Sizeof(AuthorizationError{})]byte{}
	_ [0]byte = [unsafe.Offsetof(AuthorizationError{}.Message)]byte{}
)

// ResultBoolAuthorizationError is `result<bool, authorization-error>`.
type ResultBoolAuthorizationError struct {
	_ structs.HostLayout
	// 0 for ok, 1 for an error.
	Tag   uint8
	Error AuthorizationError
}

// OK is where the value lies if the tag is 0.
func (result *ResultBoolAuthorizationError) OK() *bool {
	return (*bool)(unsafe.Pointer(&result.Error))
}

var (
	_ [12]byte = [unsafe.Sizeof(ResultBoolAuthorizationError{})]byte{}
	_ [0]byte  = [unsafe.Offsetof(ResultBoolAuthorizationError{}.Tag)]byte{}
	_ [4]byte  = [unsafe.Offsetof(ResultBoolAuthorizationError{}.Error)]byte{}
)

// ResultUnitString is `result<_, string>`.
type ResultUnitString struct {
	_ structs.HostLayout
	// 0 for ok, 1 for an error.
	Tag   uint8
	Error String
}

var (
	_ [12]byte = [unsafe.Sizeof(ResultUnitString{})]byte{}
	_ [0]byte  = [unsafe.Offsetof(ResultUnitString{}.Tag)]byte{}
	_ [4]byte  = [unsafe.Offsetof(ResultUnitString{}.Error)]byte{}
)

// The cases of `level`.
const (
	LevelTrace    = 0
	LevelDebug    = 1
	LevelInfo     = 2
	LevelWarn     = 3
	LevelError    = 4
	LevelCritical = 5
)

// RequestClaim is the import `guardhouse:auth/request@0.1.0#claim`.
//
// A claim of the token; none also if there is no token.
//
//go:wasmimport guardhouse:auth/request@0.1.0 claim
func RequestClaim(pointer string, result *OptionString)

// RequestDetail is the import `guardhouse:auth/request@0.1.0#detail`.
//
// A member of the component's description: title, description, input schema, annotations, meta and so on.
//
//go:wasmimport guardhouse:auth/request@0.1.0 detail
func RequestDetail(pointer string, result *OptionString)

// RequestArgument is the import `guardhouse:auth/request@0.1.0#argument`.
//
// An argument of the call; none also if nothing is called, as in a list.
//
//go:wasmimport guardhouse:auth/request@0.1.0 argument
func RequestArgument(pointer string, result *OptionString)

// RequestAttribute is the import `guardhouse:auth/request@0.1.0#attribute`.
//
// An attribute: any other data from the enforcement point, such as HTTP headers, the peer's address, AuthZEN's
// context. `docs/request.md` defines their layout.
//
//go:wasmimport guardhouse:auth/request@0.1.0 attribute
func RequestAttribute(pointer string, result *OptionString)

// RawTokenGet is the import `guardhouse:auth/raw-token@0.1.0#get`.
//
// The token as it was presented; none if the caller did not authenticate, if the enforcement point did not pass the
// token on, and in `schema` and `configure`.
//
//go:wasmimport guardhouse:auth/raw-token@0.1.0 get
func RawTokenGet(result *OptionString)

// Log is the import `wasi:logging/logging@0.1.0-draft#log`.
//
// Emit a log message.
//
// A log message has a `level` describing what kind of message is being
// sent, a context, which is an uninterpreted string meant to help
// consumers group similar messages, and a string containing the message
// text.
//
//go:wasmimport wasi:logging/logging@0.1.0-draft log
func Log(level uint32, context string, message string)

// The names of the exports.
const (
	ExportCheckCheck          = "guardhouse:auth/check@0.1.0#check"
	ExportSettingsSchema      = "guardhouse:auth/settings@0.1.0#schema"
	ExportSettingsConfigure   = "guardhouse:auth/settings@0.1.0#configure"
	ExportStepUpMissingScopes = "guardhouse:auth/step-up@0.1.0#missing-scopes"
)
