package stmtstats

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// A SlowLog logs slow statements, at most 10 per second.
type SlowLog struct {
	Logger *slog.Logger
	From   time.Duration // shortest duration to log; 0 for no logging

	mu      sync.Mutex
	second  int64 // the unix second of the last line; guarded by mu
	lines   int   // lines written in that second; guarded by mu
	dropped int   // lines not written since the last one; guarded by mu
}

const slowLinesPerSecond = 10

// Note logs a statement with its figures if it was slow. It never logs
// arguments.
func (l *SlowLog) Note(ctx context.Context, stats *Statement, c Call) {
	if l.From == 0 || c.Took < l.From {
		return
	}
	dropped, ok := l.admit(time.Now().Unix())
	if !ok {
		return
	}
	attrs := []slog.Attr{
		slog.String("statement", stats.text),
		slog.Uint64("fingerprint", stats.fingerprint),
		slog.Duration("took", c.Took),
		slog.Duration("wait", c.Wait),
		slog.Int64("rows", c.Rows),
	}
	if stats.name != "" {
		attrs = append(attrs, slog.String("name", stats.name))
	}
	if dropped > 0 {
		attrs = append(attrs, slog.Int("not_logged_before", dropped))
	}
	l.Logger.LogAttrs(ctx, slog.LevelWarn, "slow statement", attrs...)
}

// admit reports whether a line may be written in the given second, and how many
// lines were dropped since the last one.
func (l *SlowLog) admit(second int64) (dropped int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if second != l.second {
		l.second, l.lines = second, 0
	}
	if l.lines >= slowLinesPerSecond {
		l.dropped++
		return 0, false
	}
	l.lines++
	dropped, l.dropped = l.dropped, 0
	return dropped, true
}
