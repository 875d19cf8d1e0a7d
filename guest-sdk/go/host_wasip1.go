//go:build wasip1

package guardhouse

import (
	"unsafe"

	"guardhouse.dev/sdk/internal/abi"
	"guardhouse.dev/sdk/internal/hook"
)

// answer is the result of the last call of check. The host reads it after the call.
var answer struct {
	abi.ResultBoolAuthorizationError
	message string
}

//go:wasmexport guardhouse:auth/check@0.1.0#check
func check(record *abi.AuthContext) *abi.ResultBoolAuthorizationError {
	hostGuard(func() {
		allowed, denial := decide(lift(record))
		answer.ResultBoolAuthorizationError = abi.ResultBoolAuthorizationError{}
		if denial != nil {
			answer.message = denial.Message
			answer.Tag, answer.Error.Message = 1, abi.Lower(answer.message)
		} else {
			*answer.OK() = allowed
		}
	})
	return &answer.ResultBoolAuthorizationError
}

// hostGuard runs one call of the host, and ends the instance after a fault.
func hostGuard(call func()) {
	defer abi.Release()
	guard(call, func(report string) {
		endLines()
		write(LevelCritical, "exception", report)
		abi.Trap()
	})
	endLines()
}

// lift converts the record that the host passed to a context.
func lift(record *abi.AuthContext) *AuthContext {
	setNow(record.Now)
	ctx := &AuthContext{
		Component: Component{
			Kind:    record.Component.Kind.Lift(),
			Name:    record.Component.Name.Lift(),
			URI:     record.Component.URI.Lift(),
			Version: record.Component.Version.Lift(),
			Tags:    record.Component.Tags.Lift(),
		},
		Action: record.Action.Lift(),
		Now:    record.Now,
	}
	if record.Token.Some != 0 {
		token := &record.Token.Value
		ctx.Token = &AccessToken{
			ClientID:          token.ClientID.Lift(),
			Subject:           token.Subject.Lift(),
			Scopes:            token.Scopes.Lift(),
			ExpiresAt:         token.ExpiresAt.Lift(),
			ResourceIndicator: token.ResourceIndicator.Lift(),
		}
	}
	return ctx
}

func hostClaim(pointer string) *string {
	result := new(abi.OptionString)
	abi.RequestClaim(pointer, result)
	return result.Lift()
}

func hostDetail(pointer string) *string {
	result := new(abi.OptionString)
	abi.RequestDetail(pointer, result)
	return result.Lift()
}

func hostArgument(pointer string) *string {
	result := new(abi.OptionString)
	abi.RequestArgument(pointer, result)
	return result.Lift()
}

func hostAttribute(pointer string) *string {
	result := new(abi.OptionString)
	abi.RequestAttribute(pointer, result)
	return result.Lift()
}

// lineBuffers hold the unfinished lines of standard output and standard error. They are lent before any other
// package of the plugin is initialized that imports this one, so that an early panic is logged line by line too.
var lineBuffers = lent(new([2][16 << 10]byte))

func lent(buffers *[2][16 << 10]byte) *[2][16 << 10]byte {
	lendLines(unsafe.Pointer(buffers), uint32(len(buffers[0])))
	return buffers
}

//go:wasmimport wasi_snapshot_preview1 guardhouse_lend_lines
func lendLines(buffers unsafe.Pointer, capacity uint32)

// endLines logs unfinished lines.
//
//go:wasmimport wasi_snapshot_preview1 guardhouse_end_lines
func endLines()

func write(level Level, context, message string) {
	abi.Log(uint32(level), context, message)
}

// setNow sets the clock.
//
//go:wasmimport wasi_snapshot_preview1 guardhouse_set_now
func setNow(seconds int64)

func init() {
	hook.Lift = func(record unsafe.Pointer) any { return lift((*abi.AuthContext)(record)) }
	hook.Guard = hostGuard
}
