package changes

import (
	"log/slog"
	"sync"
	"sync/atomic"
)

// unknownNames counts statements that the server did not know by name, and logs
// advice once if a pooler may be the cause.
type unknownNames struct {
	count atomic.Int64
	once  sync.Once
}

// note counts a statement. s is the state of its connection, nil if unknown.
func (l *unknownNames) note(logger *slog.Logger, s *Conn) {
	l.count.Add(1)
	if s != nil && s.forgot {
		return // caused by the program's own DEALLOCATE or DISCARD
	}
	l.once.Do(func() {
		logger.Warn("the server did not know a prepared statement, or knew its name already: statements are sent twice, and fail in batches." +
			" The cause may be a pooler without prepared-statement support: add default_query_exec_mode=exec to the connection string, or use PgBouncer 1.21 or later with max_prepared_statements")
	})
}

// CountUnknownName counts a statement that the server did not know by name. s
// is the state of its connection, nil if unknown.
func (t *Tracker) CountUnknownName(s *Conn) { t.unknownNames.note(t.logger, s) }

// LostNames returns the number of statements that the server did not know by
// name.
func (t *Tracker) LostNames() int64 { return t.unknownNames.count.Load() }
