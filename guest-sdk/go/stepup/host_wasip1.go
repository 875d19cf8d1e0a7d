//go:build wasip1

package stepup

import (
	"unsafe"

	guardhouse "guardhouse.dev/sdk"
	"guardhouse.dev/sdk/internal/abi"
	"guardhouse.dev/sdk/internal/hook"
)

// answer is the result of the last call. The host reads it after the call.
var answer struct {
	list   abi.ListString
	scopes []string
	texts  []abi.String
}

//go:wasmexport guardhouse:auth/step-up@0.1.0#missing-scopes
func missingScopes(record *abi.AuthContext) *abi.ListString {
	hook.Guard(func() {
		answer.scopes = named(hook.Lift(unsafe.Pointer(record)).(*guardhouse.AuthContext))
		answer.texts, answer.list = abi.LowerList(answer.scopes)
	})
	return &answer.list
}
