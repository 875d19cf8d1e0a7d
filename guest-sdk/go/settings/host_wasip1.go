//go:build wasip1

package settings

import (
	"guardhouse.dev/sdk/internal/abi"
	"guardhouse.dev/sdk/internal/hook"
)

var (
	// schemaText is what the last call of schema answered. The host reads it after the call.
	schemaText abi.String
	// answer is what the last call of configure answered.
	answer struct {
		abi.ResultUnitString
		message string
	}
)

//go:wasmexport guardhouse:auth/settings@0.1.0#schema
func schema() *abi.String {
	hook.Guard(func() { schemaText = abi.Lower(registered.schema) })
	return &schemaText
}

//go:wasmexport guardhouse:auth/settings@0.1.0#configure
func configure(pointer, length uint32) *abi.ResultUnitString {
	hook.Guard(func() {
		if registered.read == nil {
			panic("settings: no check is registered; call settings.Check in func init")
		}
		text := abi.String{Pointer: pointer, Length: length}.Lift()
		value, err := registered.read(text)
		answer.ResultUnitString = abi.ResultUnitString{}
		if err != nil {
			answer.message = err.Error()
			answer.Tag, answer.Error = 1, abi.Lower(answer.message)
			return
		}
		registered.value = value
	})
	return &answer.ResultUnitString
}
