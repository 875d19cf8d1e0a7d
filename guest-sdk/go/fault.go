package guardhouse

import (
	"fmt"
	"reflect"
	"runtime"
	"runtime/debug"
	"strings"
)

// guard runs one call of the host. If it panics, or ends its goroutine, fault is called with what the
// operator should know.
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
			fault(fmt.Sprintf("%T: %s\nreturned by %s", reason.err, words(reason.err), place(author)))
		default:
			fault(fmt.Sprintf("panic: %T: %s\n%s", reason, words(reason), stack()))
		}
	}()
	call()
	finished = true
}

// The longest that words and a stack may be, in bytes: the log has room for both.
const (
	longestWords = 8_000
	longestStack = 16_000
)

// words is what value says. Its own methods may panic, which must not hide where it came from.
func words(value any) (text string) {
	defer func() {
		if recover() != nil {
			text = "(it panicked when asked for its text)"
		}
	}()
	return shortened(fmt.Sprint(value), longestWords)
}

// shortened is the beginning of text.
func shortened(text string, longest int) string {
	if len(text) > longest {
		text = fmt.Sprintf("%s… and %d bytes more", text[:longest], len(text)-longest)
	}
	return utf8Of(text)
}

// place is where a function is written.
func place(function any) string {
	entry := reflect.ValueOf(function).Pointer()
	code := runtime.FuncForPC(entry)
	file, line := code.FileLine(entry)
	return fmt.Sprintf("%s\n\t%s:%d", code.Name(), file, line)
}

// stack is the stack of a goroutine that panicked, from where it did.
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
