package db

import (
	"fmt"
	"log/slog"
	"reflect"
	"time"
)

// Options configures a DB. The zero value, and a nil *Options, mean the defaults.
type Options struct {
	// MaxRetries is how often work is run again that the server asked to be
	// run again: transactions of InTx after a serialization failure or a
	// deadlock. Default 3; -1 means never.
	MaxRetries int

	// MaxRows bounds how many rows a typed read may return; one that returns
	// more fails with ErrTooManyRows. It keeps a missing LIMIT from taking the
	// process down. It counts for All, pages and Gather, on the handle and on
	// whatever uses its connections: transactions, connections, Pool; on a
	// handle of New for reads from itself alone. It does not count for Each,
	// whose memory does not grow with the rows, nor for what a Loader asks for
	// together. Default 0: no bound. WithMaxRows sets it for one call.
	MaxRows int

	// SlowQuery is the duration from which on a statement is logged at level
	// Warn: its fingerprint as number and as text, name, duration, rows and wait,
	// never its arguments. At most ten lines a second are written. COPY FROM STDIN,
	// which lasts as long as the program sends rows, is not among them. Default 0:
	// nothing is logged.
	SlowQuery time.Duration

	// Types names the server's types (enums, composites, domains, ranges of
	// your own) to load and register on each new connection, by name, with or
	// without schema. Their arrays come with them, and so do the types that they
	// are made of. Base types that extensions add as a kind of text, such as
	// citext, become text; others need a codec that the program registers, in
	// the hook AfterConnect of OpenConfig. Only Open and OpenConfig can give it.
	Types []string

	// Prepare are statements that each new connection prepares at once, so that
	// no caller pays for their first use: for the statements that must always
	// be fast. One that cannot be prepared makes the connection fail. It has
	// no effect in the exec modes that name no statements, and behind a pooler
	// that knows no names none that counts (Stats.LostNames). Only Open and
	// OpenConfig can give it.
	Prepare []Compiled

	// ExamineOnPool has the server asked what statements do on connections of
	// the pool that nobody uses just then, in place of one beside the pool: for
	// servers that allow a program no further connection. Nothing waits for
	// such a connection. What cannot be asked meanwhile is announced as a change
	// to all tables by OnChange, and is not cached. Default: one connection
	// beside the pool, made when it is first needed and closed after a minute
	// without use.
	ExamineOnPool bool

	// Logger receives what the package has to say. Default slog.Default().
	Logger *slog.Logger
}

const defaultMaxRetries = 3

// withDefaults returns a copy of o whose zero values are replaced.
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

// validate says which field cannot be as it is. It runs before withDefaults.
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
