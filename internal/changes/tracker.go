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

	"github.com/headrace/headrace/internal/netmeter"
	"github.com/headrace/headrace/internal/profile"
	"github.com/headrace/headrace/internal/sqltext"
	"github.com/headrace/headrace/internal/stmtstats"
)

// A Tracker follows what the connections of one pool do: which statements run,
// how long they take, what transactions change, and in which database. It is
// the tracer in each connection, and is safe for concurrent use.
type Tracker struct {
	logger      *slog.Logger
	connections atomic.Uint64 // number of connections that the pool has made

	statements *statementTable
	unknown    *statement // stands for an unknown text
	names      namesTable
	listeners  listeners
	examiner   *examiner
	requests   requests
	late       lateCommits
	doubts     doubts

	trackers      subscribers[placeTracker]
	current       atomic.Pointer[Database] // the database that the pool leads to; nil if unknown
	placedBy      uint64                   // number of the connection that reported current; guarded by databases.mu
	systemRefused atomic.Bool              // the role may not read the system identifier
	untracked     Database                 // used in place of current while trackers is empty

	slow         stmtstats.SlowLog
	watchers     subscribers[profile.Span] // that all statements count for
	sampleAll    atomic.Int32              // number of callers for whom every acquisition's stack is recorded
	recorder     profile.Recorder          // receives the spans that ran statements here; nil for none
	unknownNames unknownNames
	closed       atomic.Bool
}

// New returns a Tracker that logs statements of the given duration or longer,
// or none for 0. Call [Tracker.Start] once the pool's configuration is known.
func New(logger *slog.Logger, slow time.Duration) *Tracker {
	t := &Tracker{logger: logger, statements: newStatementTable()}
	t.requests.init()
	t.unknown = &statement{
		Statement: &sqltext.Statement{Kind: sqltext.Unrecognized, Count: 1, Err: errRewritten},
		stats:     t.statements.fingerprints.Other(),
	}
	t.slow.Logger, t.slow.From = logger, slow
	return t
}

// errRewritten is the error of a text that is rewritten before it is sent.
var errRewritten = errors.New("the text is rewritten before it is sent")

// Record sets the recorder of spans. It must be called before the first
// connection is made.
func (t *Tracker) Record(r profile.Recorder) { t.recorder = r }

// Recorder returns what Record set.
func (t *Tracker) Recorder() profile.Recorder { return t.recorder }

// Start sets the configuration for connections that examine statements. It must
// hold the program's own hooks only.
func (t *Tracker) Start(own *pgxpool.Config) { t.examiner = newExaminer(own) }

// ExamineOn makes the Tracker examine statements on idle connections of pool.
func (t *Tracker) ExamineOn(pool *pgxpool.Pool) { t.examiner.lend = pool }

// Closing records that the pool is about to be closed: connections found from
// now on are not registered with a database.
func (t *Tracker) Closing() { t.closed.Store(true) }

// Close stops the background work. The pool must be closed before.
func (t *Tracker) Close() {
	t.doubts.stop()
	t.requests.stop()
	t.examiner.close()
	databases.leave(t)
}

// Trace adds the Tracker to cfg, in addition to the tracer there, and measures
// the network connections.
func (t *Tracker) Trace(cfg *pgxpool.Config) {
	without, dial := cfg.ConnConfig.Tracer, cfg.ConnConfig.DialFunc
	cfg.ConnConfig.Tracer = t.withTracer(without)
	cfg.ConnConfig.DialFunc = netmeter.Dial(dial)
	if before := cfg.BeforeConnect; before != nil { // the hook may set a tracer and a way to connect
		cfg.BeforeConnect = func(ctx context.Context, connConfig *pgx.ConnConfig) error {
			connConfig.Tracer, connConfig.DialFunc = without, dial
			err := before(ctx, connConfig)
			connConfig.Tracer, connConfig.DialFunc = t.withTracer(connConfig.Tracer), netmeter.Dial(connConfig.DialFunc)
			return err
		}
	}
}

// withTracer returns a tracer that calls t, and theirs if it is not nil.
func (t *Tracker) withTracer(theirs pgx.QueryTracer) pgx.QueryTracer {
	if theirs == nil {
		return t
	}
	return multitracer.New(t, theirs)
}

// Text returns the analysis of a text, remembered from an earlier run or made
// now. If sql is the normalized text of a compiled statement, at its own
// address, Text returns that statement, which has its name.
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

// Statistics returns the figures of all statements.
func (t *Tracker) Statistics() []stmtstats.Snapshot { return t.statements.fingerprints.Snapshot() }

// Sample returns a text of the statement with a fingerprint and name as it was
// sent, with its constants. It reports false if none is remembered.
func (t *Tracker) Sample(fingerprint uint64, name string) (sql string, ok bool) {
	return t.statements.sample(fingerprint, name)
}

// OnExaminer runs fn with the connection that examines statements, one caller
// at a time. fn must leave the connection as it found it.
func (t *Tracker) OnExaminer(ctx context.Context, fn func(ctx context.Context, conn *pgx.Conn) error) error {
	return t.examiner.do(ctx, fn)
}

// CloseExaminer closes the connection of OnExaminer until it is next needed.
func (t *Tracker) CloseExaminer() { t.examiner.closeIdle() }
