package guardhouse

import "strings"

// Level is the kind of a word for the operator's log.
type Level uint8

// The levels, from the least to the gravest.
const (
	LevelTrace Level = iota
	LevelDebug
	LevelInfo
	LevelWarn
	LevelError
	LevelCritical
)

// Log writes message to the operator's log. The caller never sees it. In a unit test it goes to standard
// error.
func Log(level Level, message string) { write(level, "", utf8Of(message)) }

// Trace logs the flow of control, step by step.
func Trace(message string) { Log(LevelTrace, message) }

// Debug logs what helps to find a fault.
func Debug(message string) { Log(LevelDebug, message) }

// Info logs what is worth knowing while all is well.
func Info(message string) { Log(LevelInfo, message) }

// Warn logs what may become a fault.
func Warn(message string) { Log(LevelWarn, message) }

// Error logs a fault.
func Error(message string) { Log(LevelError, message) }

// Critical logs a fault after which the check cannot go on.
func Critical(message string) { Log(LevelCritical, message) }

// String is the name of the level.
func (level Level) String() string {
	return [...]string{"trace", "debug", "info", "warn", "error", "critical"}[level]
}

// utf8Of is what UTF-8 can hold of text. The host takes no other.
func utf8Of(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }
