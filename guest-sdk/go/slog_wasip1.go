//go:build wasip1 && guardhouse_slog

package guardhouse

import (
	"bytes"
	"context"
	"log/slog"
	"math"
	"strings"
	"time"
)

// `guardhouse build` compiles this file into plugins that use log/slog: it would add two megabytes to others.
func init() {
	text := new(bytes.Buffer)
	options := &slog.HandlerOptions{Level: slog.Level(math.MinInt), ReplaceAttr: withoutRecord}
	slog.SetDefault(slog.New(operatorHandler{slog.NewTextHandler(text, options), text}))
}

// operatorHandler writes records to the operator's log, at their own levels.
type operatorHandler struct {
	slog.Handler
	// text is what the Handler writes to. Goroutines run one at a time, and the Handler has a lock.
	text *bytes.Buffer
}

// Handle writes the message, followed by its attributes.
func (handler operatorHandler) Handle(ctx context.Context, record slog.Record) error {
	handler.text.Reset()
	unnamed := slog.NewRecord(time.Time{}, record.Level, noMessage, record.PC)
	record.Attrs(func(attribute slog.Attr) bool {
		unnamed.AddAttrs(attribute)
		return true
	})
	if err := handler.Handler.Handle(ctx, unnamed); err != nil {
		return err
	}
	attributes := strings.TrimSpace(handler.text.String())
	Log(levelOf(record.Level), strings.TrimSpace(record.Message+" "+attributes))
	return nil
}

func (handler operatorHandler) WithAttrs(attributes []slog.Attr) slog.Handler {
	return operatorHandler{handler.Handler.WithAttrs(attributes), handler.text}
}

func (handler operatorHandler) WithGroup(name string) slog.Handler {
	return operatorHandler{handler.Handler.WithGroup(name), handler.text}
}

// noMessage stands for the message, which comes first and without quotes.
const noMessage = "\x00"

// withoutRecord removes the level and the message of a record, and keeps attributes of the same names.
func withoutRecord(groups []string, attribute slog.Attr) slog.Attr {
	_, isLevel := attribute.Value.Any().(slog.Level)
	isMessage := attribute.Key == slog.MessageKey && attribute.Value.String() == noMessage
	if len(groups) == 0 && (isMessage || isLevel && attribute.Key == slog.LevelKey) {
		return slog.Attr{}
	}
	return attribute
}

func levelOf(level slog.Level) Level {
	switch {
	case level < slog.LevelDebug:
		return LevelTrace
	case level < slog.LevelInfo:
		return LevelDebug
	case level < slog.LevelWarn:
		return LevelInfo
	case level < slog.LevelError:
		return LevelWarn
	default:
		return LevelError
	}
}
