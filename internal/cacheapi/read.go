package cacheapi

import (
	"context"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/argkey"
	"github.com/headrace/headrace/internal/sqltext"
)

// A Read describes a typed read to a handle that may serve it from memory. It
// is valid only during the call that it is passed to: the handle copies what it
// stores.
type Read struct {
	Text *sqltext.Statement

	// Form distinguishes the forms of a statement's result: all rows of a Go
	// type, one row, a page. Two reads with the same Text.Identity, Form and
	// Key have results of one Go type.
	Form uint64

	// Key encodes the arguments so that lists that the server could distinguish
	// differ. It is meaningless unless Keyed.
	Key   []byte
	Keyed bool // false if an argument has no such encoding

	// Shares reports that copies of a value would share memory that a caller
	// could modify: only a policy that hands out the stored value itself may
	// store it.
	Shares bool
}

// reads pools Reads with room for their keys.
var reads = sync.Pool{New: func() any { return &Read{Key: make([]byte, 0, 256)} }}

// NewRead returns a pooled Read for the given statement, form and arguments.
// The caller must Release it.
func NewRead(text *sqltext.Statement, form uint64, args []any) *Read {
	r := reads.Get().(*Read)
	r.Text, r.Form, r.Shares = text, form, false
	r.Key, r.Keyed = argkey.Append(r.Key[:0], args)
	return r
}

// maxPooledKey keeps the memory of a huge key out of the pool.
const maxPooledKey = 16 << 10

// Release returns r to the pool.
func (r *Read) Release() {
	r.Text = nil
	if cap(r.Key) <= maxPooledKey {
		reads.Put(r)
	}
}

// A Querier is a db.Querier.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// A LoadFunc reads a value from q, and returns the number of bytes that the
// value keeps alive, or -1 if that is unknown, in which case it must not be
// stored.
type LoadFunc = func(ctx context.Context, q Querier) (value any, size int64, err error)

// NoRow is the value of a read of one row that found none.
type NoRow struct{}

// A TypedReader is a handle that may serve a typed read from decoded values in
// memory. The functions of package db that read rows into Go values check for
// it, as io.Copy checks for io.WriterTo; they read from other handles by Query.
type TypedReader interface {
	// Source returns the *db.DB that values are loaded from. Reads that are not
	// worth caching, such as streams, use it directly.
	Source() Querier

	// Cached returns the stored value for r. shared reports that the caller may
	// receive the value itself; otherwise package db returns a copy.
	Cached(ctx context.Context, r *Read) (value any, shared, ok bool)

	// Load is called when no value is stored. It runs load, or waits for a
	// running load of the same read, and may store the value. It may call load
	// more than once.
	Load(ctx context.Context, r *Read, load LoadFunc) (value any, shared bool, err error)
}

// The forms of the results of a Go type. The forms of all types are numbered
// consecutively; those of a type begin at a multiple of Forms.
const (
	FormAll = iota
	FormOne
	FormPage
	Forms // the number of forms
)

// IsPage reports whether a [Read.Form] is that of a page.
func IsPage(form uint64) bool { return form%Forms == FormPage }
