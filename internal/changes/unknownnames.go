package changes

import (
	"log/slog"
	"sync"
	"sync/atomic"
)

// unknownNames counts statements that the server did not know by name, and says
// once what to do about it where a pooler in between may be why.
type unknownNames struct {
	count atomic.Int64
	once  sync.Once
}

// note counts one. s is the state of its connection, nil where that is not known.
func (l *unknownNames) note(logger *slog.Logger, s *Conn) {
	l.count.Add(1)
	if s != nil && s.forgot {
		return // by the program's own DEALLOCATE or DISCARD
	}
	l.once.Do(func() {
		logger.Warn("the server did not know a prepared statement, or knew its name already: statements run twice, and fail in batches." +
			" A pooler in between that does not keep prepared statements does that: then add default_query_exec_mode=exec to the connection string, or use PgBouncer 1.21 or later with max_prepared_statements")
	})
}

// CountUnknownName counts a statement that the server did not know by name. s is
// the state of its connection, nil where that is unknown.
func (t *Tracker) CountUnknownName(s *Conn) { t.unknownNames.note(t.logger, s) }

// LostNames returns how many there were.
func (t *Tracker) LostNames() int64 { return t.unknownNames.count.Load() }
