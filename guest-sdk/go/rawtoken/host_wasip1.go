//go:build wasip1

package rawtoken

import "guardhouse.dev/sdk/internal/abi"

func hostGet() *string {
	result := new(abi.OptionString)
	abi.RawTokenGet(result)
	return result.Lift()
}
