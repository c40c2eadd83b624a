package stmtstats

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// A SlowLog logs statements that took long, at most 10 a second.
type SlowLog struct {
	Logger *slog.Logger
	From   time.Duration // 0: nothing is logged

	mu      sync.Mutex
	second  int64 // the unix second that lines were written in; guarded by mu
	lines   int   // written in it; guarded by mu
	dropped int   // not written since the last line; guarded by mu
}

const slowLinesPerSecond = 10

// Note writes a line about a statement, by its figures, if it took long.
// Arguments are never written.
func (l *SlowLog) Note(ctx context.Context, stats *Statement, took, wait time.Duration, rows int64) {
	if l.From == 0 || took < l.From {
		return
	}
	dropped, ok := l.admit(time.Now().Unix())
	if !ok {
		return
	}
	attrs := []slog.Attr{
		slog.String("statement", stats.text),
		slog.Uint64("fingerprint", stats.fingerprint),
		slog.Duration("took", took),
		slog.Duration("wait", wait),
		slog.Int64("rows", rows),
	}
	if stats.name != "" {
		attrs = append(attrs, slog.String("name", stats.name))
	}
	if dropped > 0 {
		attrs = append(attrs, slog.Int("not_logged_before", dropped))
	}
	l.Logger.LogAttrs(ctx, slog.LevelWarn, "slow statement", attrs...)
}

// admit reports whether a line may be written in the given second, and how
// many were not since the last one that was.
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
