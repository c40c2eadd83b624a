package changes

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/multitracer"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/internal/sqltext"
	"github.com/headrace/headrace/internal/stmtstats"
)

// A Tracker knows what the connections of one pool do: which statements run,
// how long they take, what transactions change, and in which database. It is
// the tracer in each connection, and may be used by many goroutines at once.
type Tracker struct {
	logger      *slog.Logger
	connections atomic.Uint64 // that the pool has made

	statements *Statements
	unknown    *statement // stands for a text that cannot be told
	names      namesTable
	listeners  listeners
	examiner   *examiner
	requests   requests
	late       lateCommits
	doubts     doubts

	trackers      subscribers[placeTracker]
	current       atomic.Pointer[Database] // where the pool leads; nil where that is not known
	placedBy      uint64                   // the connection that told; guarded by databases.mu
	systemRefused atomic.Bool              // the role may not read the server's identifier
	untracked     Database                 // in place of current while nobody needs that

	slow         stmtstats.SlowLog
	unknownNames unknownNames
	closed       atomic.Bool
}

// New returns a Tracker that logs statements of the given duration or longer,
// none for 0. [Tracker.Start] follows once the pool's configuration is known.
func New(logger *slog.Logger, slow time.Duration) *Tracker {
	t := &Tracker{logger: logger, statements: NewStatements()}
	t.requests.init()
	t.unknown = &statement{
		Statement: &sqltext.Statement{Kind: sqltext.Unrecognized, Count: 1, Err: errRewritten},
		stats:     t.statements.fingerprints.Other(),
	}
	t.slow.Logger, t.slow.From = logger, slow
	return t
}

// errRewritten is why nothing can be told of a text that is not the one sent.
var errRewritten = errors.New("the text is rewritten before it is sent")

// Start gives the Tracker the configuration, with the program's own hooks only,
// by which it connects to examine statements.
func (t *Tracker) Start(own *pgxpool.Config) { t.examiner = newExaminer(own) }

// ExamineOn has statements examined on idle connections of pool.
func (t *Tracker) ExamineOn(pool *pgxpool.Pool) { t.examiner.lend = pool }

// Closing notes that the pool is about to be closed: connections found from now
// on count for no database.
func (t *Tracker) Closing() { t.closed.Store(true) }

// Close ends what runs in the background. The pool has been closed.
func (t *Tracker) Close() {
	t.doubts.stop()
	t.requests.stop()
	t.examiner.close()
	databases.leave(t)
}

// Trace puts the Tracker beside the tracer in cfg.
func (t *Tracker) Trace(cfg *pgxpool.Config) {
	without := cfg.ConnConfig.Tracer
	cfg.ConnConfig.Tracer = t.withTracer(without)
	if before := cfg.BeforeConnect; before != nil { // which may bring a tracer of its own
		cfg.BeforeConnect = func(ctx context.Context, connConfig *pgx.ConnConfig) error {
			connConfig.Tracer = without
			err := before(ctx, connConfig)
			connConfig.Tracer = t.withTracer(connConfig.Tracer)
			return err
		}
	}
}

// withTracer returns a tracer that calls t, and theirs if there is one.
func (t *Tracker) withTracer(theirs pgx.QueryTracer) pgx.QueryTracer {
	if theirs == nil {
		return t
	}
	return multitracer.New(t, theirs)
}

// Text returns what is known of a text, remembered from when it last ran or
// analyzed now. The normalized text of a compiled statement, at its own place in
// memory, is that statement, which has its name.
func (t *Tracker) Text(sql string) *sqltext.Statement {
	if compiled := compiledNames.text(sql); compiled != nil {
		return compiled
	}
	return t.statements.get(sql).Statement
}

// ReadOnly reports whether the text shows that it changes nothing.
func (t *Tracker) ReadOnly(sql string) bool {
	return t.statements.get(sql).ReadOnly == sqltext.Yes
}

// Statistics returns the figures of statements.
func (t *Tracker) Statistics() []stmtstats.Snapshot { return t.statements.fingerprints.Snapshot() }

// OnExaminer runs fn with the connection on which statements are examined, one
// caller at a time. fn must leave the connection as it found it.
func (t *Tracker) OnExaminer(ctx context.Context, fn func(ctx context.Context, conn *pgx.Conn) error) error {
	return t.examiner.do(ctx, fn)
}

// CloseExaminer closes the connection of OnExaminer until it is needed again.
func (t *Tracker) CloseExaminer() { t.examiner.closeIdle() }
