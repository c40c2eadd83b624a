package db

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// slowLog writes statements that took long, at most slowLinesPerSecond.
type slowLog struct {
	logger *slog.Logger
	from   time.Duration // 0: nothing is written

	mu      sync.Mutex
	second  int64 // the unix second that lines were written in; guarded by mu
	lines   int   // written in it; guarded by mu
	dropped int   // not written since the last line; guarded by mu
}

const slowLinesPerSecond = 10

// note writes a line about a statement, by its figures, if it took long.
// Arguments are never written.
func (l *slowLog) note(ctx context.Context, stats *fingerprintStats, took, wait time.Duration, rows int64) {
	if l.from == 0 || took < l.from {
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
	l.logger.LogAttrs(ctx, slog.LevelWarn, "slow statement", attrs...)
}

// admit reports whether a line may be written in the given second, and how
// many were not since the last one that was.
func (l *slowLog) admit(second int64) (dropped int, ok bool) {
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

// lostNames counts statements that the server did not know by name, and says
// once what to do about it where a pooler in between may be why.
type lostNames struct {
	count atomic.Int64
	once  sync.Once
}

// note counts one. s is the state of its connection, nil where that is not known.
func (l *lostNames) note(logger *slog.Logger, s *connState) {
	l.count.Add(1)
	if s != nil && s.forgot {
		return // by the program's own DEALLOCATE or DISCARD
	}
	l.once.Do(func() {
		logger.Warn("the server did not know a prepared statement, or knew its name already: statements run twice, and fail in batches." +
			" A pooler in between that does not keep prepared statements does that: then add default_query_exec_mode=exec to the connection string, or use PgBouncer 1.21 or later with max_prepared_statements")
	})
}
