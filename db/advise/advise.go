package advise

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/internal/sqltext"
	"github.com/headrace/headrace/querycache"
)

// Options configures Statement and Top. The zero value, and a nil *Options,
// mean the defaults.
type Options struct {
	// Analyze runs the statement to measure it: EXPLAIN ANALYZE, in a READ ONLY
	// transaction that is rolled back. Only queries are run, and only if they
	// call no volatile function and come with an argument for each parameter;
	// for other statements the report contains estimates, and NotMeasured says
	// why. Default: nothing is run.
	Analyze bool

	// Hypothetical asks the planner for its cost with the proposed indexes, by
	// the extension hypopg. HYPOPG CAN CRASH THE SERVER, which ends the
	// sessions of all clients: use it on a copy, or on a replica that you can
	// lose. Partial indexes are never tried, since they caused the known
	// crashes. Without the extension the report contains estimates, and
	// NotTried says why. Default: off.
	Hypothetical bool

	// Timeout bounds each statement that is sent to the server, including the
	// statement itself under Analyze. The wait for a lock is bounded to a
	// second. Default 5 seconds.
	Timeout time.Duration

	// Type is the struct that the rows are read into. If it is set, columns
	// that have no field in it are reported.
	Type reflect.Type

	// Keys is the number of different argument lists that the statement is
	// called with, for the prediction of what a cache would save. Default: the
	// number of distinct values of the columns that are compared with a
	// parameter, as the server estimates it.
	Keys int

	// Cache is the handle that serves the statement, or would. It knows which
	// tables invalidate a result, where the text of the statement alone does
	// not show it.
	Cache *querycache.ReadThrough
}

const (
	defaultTimeout = 5 * time.Second
	lockTimeout    = time.Second
)

func (o *Options) withDefaults() Options {
	var out Options
	if o != nil {
		out = *o
	}
	if out.Timeout == 0 {
		out.Timeout = defaultTimeout
	}
	return out
}

// validate returns an error that names the first invalid field. It runs before
// withDefaults.
func (o *Options) validate() error {
	switch {
	case o == nil:
		return nil
	case o.Timeout < 0:
		return fmt.Errorf("advise: Options.Timeout is %v: want 0 (the default) or more", o.Timeout)
	case o.Keys < 0:
		return fmt.Errorf("advise: Options.Keys is %d: want 0 (the default) or more", o.Keys)
	case o.Type != nil && structOf(o.Type) == nil:
		return fmt.Errorf("advise: Options.Type is %v: want a struct", o.Type)
	}
	return nil
}

// A Report describes a statement and what would make it faster. It contains no
// argument, and no constant of the statement's text.
type Report struct {
	Name        string // of the statement, or ""
	Text        string // the fingerprint's text, constants replaced
	Fingerprint uint64

	Plan   *Node    // nil if there is none; Problem says why
	Advice []Advice // what promises most comes first; empty if nothing was found

	// Generic reports that Plan is the plan for unknown arguments.
	Generic bool
	// Rebuilt reports that the text as it was sent was not available, so that
	// the plan is that of the fingerprint's text with a parameter for each
	// constant.
	Rebuilt bool

	Problem     string // why there is no plan, or why the advice is incomplete, or ""
	NotMeasured string // why the statement was not run although Analyze is set, or ""
	NotTried    string // why proposed indexes were not tried although Hypothetical is set, or ""
}

// Advice is one way to make a statement, or the work on a table, faster.
type Advice struct {
	Kind     Kind
	Table    string // schema.table, or ""
	Title    string // the problem, in one line
	Evidence string // the numbers
	Do       string // what to do
	SQL      string // statements to review and run, or ""; this package never runs them

	// CostBefore and CostAfter are costs of the statement in the planner's
	// unit; 0 if costs do not apply. CostAfter is the planner's own number if
	// Tried is set, and otherwise estimated from the planner's row estimates
	// and cost settings.
	CostBefore, CostAfter float64
	Tried                 bool

	// HitRatio and Saved belong to Caching: the predicted share of calls that a
	// cache answers, and the time that they took.
	HitRatio float64
	Saved    time.Duration
}

// Kind is the kind of an Advice.
type Kind string

// The kinds of advice. The documentation of the package explains each.
const (
	MissingIndex     Kind = "missing index"
	MissingSortIndex Kind = "missing index for order"
	MissingJoinIndex Kind = "missing index for join"
	ForeignKeyIndex  Kind = "foreign key without index"
	WrappedColumn    Kind = "expression around column"
	ImplicitCast     Kind = "cast of column"
	LeadingWildcard  Kind = "leading wildcard"
	RowEstimate      Kind = "wrong row estimate"
	GenericPlan      Kind = "generic plan"
	UnreadColumns    Kind = "unread columns"
	MissingLimit     Kind = "missing limit"
	OffsetPages      Kind = "offset pages"
	InsertLoop       Kind = "insert loop"
	Caching          Kind = "caching"
	UnusedIndex      Kind = "unused index"
	DuplicateIndex   Kind = "duplicate index"
)

var errNoHandle = errors.New("advise: the handle is nil")

// Statement reports what would make sql faster when it is called with args,
// which are passed to the server as pgx would pass them, and are neither kept
// nor shown. Without arguments for its parameters, the statement gets the plan
// for unknown arguments.
//
// It takes one connection of pg for the time of the call, outside of any
// transaction of the caller. Everything runs in READ ONLY transactions that are
// rolled back; none of it shows in Stats. A statement that has no plan, or that
// the server refuses to plan, gives a Report with a Problem. An error means
// that the server could not be asked.
func Statement(ctx context.Context, pg *db.DB, sql string, args []any, opts *Options) (*Report, error) {
	if pg == nil {
		return nil, errNoHandle
	}
	if err := opts.validate(); err != nil {
		return nil, err
	}
	var report *Report
	err := onSession(ctx, pg, opts.withDefaults(), func(s *session) (err error) {
		sql, args, err := s.plainArgs(ctx, sql, args)
		if err != nil {
			return err
		}
		st := subject{text: sqltext.Analyze(sql), args: args, all: pg.Stats().Statements}
		st.stats = st.find()
		report, err = s.report(ctx, st)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("advise: statement: %w", err)
	}
	return report, nil
}

// Top reports on the n statements that took the most time since the handle was
// opened, in descending order of their total time. Since Stats keeps no
// arguments, the plans are those for unknown arguments. Options.Type and
// Options.Keys, which belong to one statement, are ignored.
//
// A statement that cannot be planned gives a Report with a Problem. Each
// statement takes a few round trips. See [Statement].
func Top(ctx context.Context, pg *db.DB, n int, opts *Options) ([]*Report, error) {
	if pg == nil {
		return nil, errNoHandle
	}
	if err := opts.validate(); err != nil {
		return nil, err
	}
	own := opts.withDefaults()
	own.Type, own.Keys = nil, 0
	var reports []*Report
	err := onSession(ctx, pg, own, func(s *session) error {
		all := pg.Stats().Statements
		for i := range all {
			if len(reports) >= n {
				return nil
			}
			if all[i].Fingerprint == 0 || isControl(all[i].Text) {
				continue
			}
			report, err := s.report(ctx, ofStats(pg, all, i))
			if err != nil {
				return err
			}
			reports = append(reports, report)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("advise: top statements: %w", err)
	}
	return reports, nil
}

// onSession calls fn with a connection of the pool.
func onSession(ctx context.Context, pg *db.DB, opts Options, fn func(s *session) error) error {
	return pg.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		s, err := newSession(ctx, conn.Conn(), opts)
		if err != nil {
			return err
		}
		return fn(s)
	})
}
