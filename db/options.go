package db

import (
	"fmt"
	"log/slog"
	"reflect"
	"time"
)

// Options configures a DB. The zero value, and a nil *Options, mean the
// defaults.
type Options struct {
	// MaxRetries is how often InTx retries a transaction after a serialization
	// failure, a deadlock, or a connection that broke before COMMIT was sent.
	// Default 3; -1 means never, and also turns off the retries of InTx after
	// errors of prepared statements, which otherwise have a limit of their own.
	MaxRetries int

	// MaxRows bounds the rows that a typed read may return; a read that returns
	// more fails with ErrTooManyRows. It keeps a missing LIMIT from exhausting
	// the memory of the process. It applies to All, pages and Gather, on the
	// handle and on anything that uses its connections: transactions,
	// connections, Pool. On a handle of New it applies to reads from the handle
	// itself only. It does not apply to Each, whose memory does not grow with
	// the rows, nor to the combined statement of a Loader. Default 0: no bound.
	// WithMaxRows overrides it for one call.
	MaxRows int

	// SlowQuery is the duration from which on a statement is logged at level
	// Warn, with its fingerprint (number and text), name, duration, rows and
	// wait, and never its arguments. At most ten lines a second are written.
	// COPY FROM STDIN is never logged, since it lasts as long as the program
	// sends rows. Default 0: no logging.
	SlowQuery time.Duration

	// Types names types of the server (enums, composites, domains, ranges of
	// your own) to load and register on each new connection, with or without
	// schema. Their arrays and component types are loaded too. Base types that
	// extensions add as a kind of text, such as citext, become text; other base
	// types need a codec, which the program registers in the hook AfterConnect
	// of OpenConfig. Requires Open or OpenConfig.
	Types []string

	// Prepare lists statements that each new connection prepares at once, so
	// that no caller pays for their first use. A statement that cannot be
	// prepared makes the connection fail. It has no effect in exec modes
	// without named statements, and no lasting effect behind a pooler without
	// prepared-statement support (Stats.LostNames). Requires Open or
	// OpenConfig.
	Prepare []Compiled

	// ExamineOnPool examines statements on idle connections of the pool instead
	// of on a separate connection, for servers that allow the program no
	// further connection. It never waits for a connection: while none is idle,
	// OnChange reports writes that are not examined yet as changes to all
	// tables, and reads that are not examined yet are not cached. Default: one
	// separate connection, made when it is first needed and closed after a
	// minute without use.
	ExamineOnPool bool

	// Logger receives the log messages of the handle. Default slog.Default().
	Logger *slog.Logger
}

const defaultMaxRetries = 3

// withDefaults returns a copy of o with zero values replaced by defaults.
func (o *Options) withDefaults() Options {
	var out Options
	if o != nil {
		out = *o
	}
	switch out.MaxRetries {
	case 0:
		out.MaxRetries = defaultMaxRetries
	case -1:
		out.MaxRetries = 0
	}
	if out.Logger == nil {
		out.Logger = slog.Default()
	}
	return out
}

// validate returns an error that names the first invalid field. It runs before
// withDefaults.
func (o *Options) validate() error {
	if o == nil {
		return nil
	}
	switch {
	case o.MaxRetries < -1:
		return fmt.Errorf("db: Options.MaxRetries is %d: want -1 (never), 0 (the default) or more", o.MaxRetries)
	case o.MaxRows < 0:
		return fmt.Errorf("db: Options.MaxRows is %d: want 0 (no bound) or more", o.MaxRows)
	case o.SlowQuery < 0:
		return fmt.Errorf("db: Options.SlowQuery is %v: want 0 (off) or more", o.SlowQuery)
	}
	for i, stmt := range o.Prepare {
		if v := reflect.ValueOf(stmt); !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
			return fmt.Errorf("db: Options.Prepare[%d] is nil", i)
		}
	}
	return nil
}
