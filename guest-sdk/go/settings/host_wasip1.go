//go:build wasip1

package settings

import (
	"guardhouse.dev/sdk/internal/abi"
	"guardhouse.dev/sdk/internal/hook"
)

var (
	// schemaText is the result of the last call of schema. The host reads it after the call.
	schemaText abi.String
	// answer is the result of the last call of configure.
	answer struct {
		abi.ResultUnitString
		message string
	}
)

//go:wasmexport guardhouse:auth/settings@0.1.0#schema
func schema() *abi.String {
	hook.Guard(func() { schemaText = abi.Lower(described()) })
	return &schemaText
}

//go:wasmexport guardhouse:auth/settings@0.1.0#configure
func exportedConfigure(pointer, length uint32) *abi.ResultUnitString {
	hook.Guard(func() {
		message, rejected := configure(abi.String{Pointer: pointer, Length: length}.Lift())
		answer.ResultUnitString = abi.ResultUnitString{}
		if rejected {
			answer.message = message
			answer.Tag, answer.Error = 1, abi.Lower(answer.message)
		}
	})
	return &answer.ResultUnitString
}
