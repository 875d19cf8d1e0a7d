package guardhouse

import (
	"fmt"
	"reflect"
	"runtime"
	"runtime/debug"
	"strings"
)

// guard runs one call of the host. If it panics or ends its goroutine, guard calls fault with a report for
// the operator.
func guard(call func(), fault func(report string)) {
	finished := false
	defer func() {
		if finished {
			return
		}
		switch reason := recover().(type) {
		case nil:
			fault("the check ended its goroutine\n" + stack())
		case returned:
			fault(fmt.Sprintf("%T: %s\nreturned by %s", reason.err, message(reason.err), place(author)))
		default:
			fault(fmt.Sprintf("panic: %T: %s\n%s", reason, message(reason), stack()))
		}
	}()
	call()
	finished = true
}

// The maximal lengths of a message and a stack, in bytes: the log accepts both together.
const (
	longestMessage = 8_000
	longestStack = 16_000
)

// message is the text of value. A panic in a method of value must not hide the fault.
func message(value any) (text string) {
	defer func() {
		if recover() != nil {
			text = "(its text cannot be read: that panics)"
		}
	}()
	return shortened(fmt.Sprint(value), longestMessage)
}

// shortened is text, cut to the longest length in bytes.
func shortened(text string, longest int) string {
	if len(text) > longest {
		text = fmt.Sprintf("%s… and %d bytes more", text[:longest], len(text)-longest)
	}
	return utf8Of(text)
}

// place is the source position of a function.
func place(function any) string {
	entry := reflect.ValueOf(function).Pointer()
	code := runtime.FuncForPC(entry)
	file, line := code.FileLine(entry)
	return fmt.Sprintf("%s\n\t%s:%d", code.Name(), file, line)
}

// stack is the stack of a goroutine that panicked, without the frames of the panic itself.
func stack() string {
	text := string(debug.Stack())
	if _, after, found := strings.Cut(text, "\npanic("); found {
		if _, frames, found := strings.Cut(after, "\n\t"); found {
			if _, frames, found = strings.Cut(frames, "\n"); found {
				text = frames
			}
		}
	}
	return shortened(strings.TrimSpace(text), longestStack)
}
