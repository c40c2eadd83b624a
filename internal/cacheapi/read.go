package cacheapi

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/sqltext"
)

// A Read describes one typed read to a handle that may answer it without
// asking the server. It is valid during the call that it is passed to, and no
// longer: the handle copies what it keeps.
type Read struct {
	Text *sqltext.Statement

	// Form tells apart what the results of one statement and its arguments have
	// become: the rows of one Go type, one row of it, a page of them. Two reads
	// with the same Text.Identity, Form and Key have results of one Go type.
	Form uint64

	// Key is the arguments in an encoding that differs where the server could
	// tell them apart. It is meaningless unless Keyed.
	Key   []byte
	Keyed bool // false: some argument has no such encoding

	// Shares is true where copies of a value would share memory that a caller
	// could change, so that only one who hands out the value itself may keep it.
	Shares bool
}

// A Querier is a db.Querier.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// A LoadFunc reads a value from q, and returns the number of bytes that the
// value keeps alive, -1 if that cannot be known, so that it must not be kept.
type LoadFunc = func(ctx context.Context, q Querier) (value any, size int64, err error)

// A TypedReader is a handle that may answer a typed read from values it keeps
// decoded. The functions and methods of package db that read rows into Go values
// ask for it, the way io.Copy asks for io.WriterTo; other handles are read from
// by Query.
type TypedReader interface {
	// Source returns the *db.DB that values are loaded from. What is not worth
	// keeping, such as a stream, is read from it directly.
	Source() Querier

	// Cached returns the value kept for r. shared means that the caller may be
	// handed the value itself; else package db hands out a copy.
	Cached(ctx context.Context, r *Read) (value any, shared, ok bool)

	// Load is called when nothing is kept. It runs load, or waits for a load of
	// the same read that is under way, and may keep the value. load may be called
	// more than once.
	Load(ctx context.Context, r *Read, load LoadFunc) (value any, shared bool, err error)
}

// The forms that the results of a Go type may have. The forms of all types are
// numbered in one row: a type's begin at a multiple of Forms.
const (
	FormAll = iota
	FormOne
	FormPage
	Forms // how many there are
)

// IsPage reports whether a [Read.Form] is that of a page.
func IsPage(form uint64) bool { return form%Forms == FormPage }
