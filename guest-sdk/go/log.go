package guardhouse

import "strings"

// Level is the severity of a message in the operator's log.
type Level uint8

// The levels, by increasing severity.
const (
	LevelTrace Level = iota
	LevelDebug
	LevelInfo
	LevelWarn
	LevelError
	LevelCritical
)

// Log writes message to the operator's log, which the caller never sees. In a unit test, it writes to
// standard error.
func Log(level Level, message string) { write(level, "", utf8Of(message)) }

// Trace logs a step of the control flow.
func Trace(message string) { Log(LevelTrace, message) }

// Debug logs a detail that helps to find errors.
func Debug(message string) { Log(LevelDebug, message) }

// Info logs a normal event.
func Info(message string) { Log(LevelInfo, message) }

// Warn logs a condition that may lead to an error.
func Warn(message string) { Log(LevelWarn, message) }

// Error logs an error.
func Error(message string) { Log(LevelError, message) }

// Critical logs an error after which the check cannot continue.
func Critical(message string) { Log(LevelCritical, message) }

// String returns the name of the level.
func (level Level) String() string {
	return [...]string{"trace", "debug", "info", "warn", "error", "critical"}[level]
}

// utf8Of replaces the parts of text that are not UTF-8, which the host does not accept.
func utf8Of(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }
