package db

import (
	"context"
	"reflect"
	"sync"
	"sync/atomic"

	"github.com/headrace/headrace/internal/sqltext"
)

// A Read describes one typed read to a handle that may answer it without
// asking the server. It is valid during the call it is passed to, and no
// longer: the handle copies what it keeps.
type Read struct {
	Text *sqltext.Statement // the statement

	// Form tells apart what answers the same statement and arguments may have
	// become: the rows of one Go type, one row of it, a page of them. Two
	// reads with the same Text.Identity, Form and Key have answers of one Go type.
	Form uint64

	// Key is the arguments in an encoding that differs where the server could
	// tell them apart. It is meaningless unless Keyed.
	Key   []byte
	Keyed bool // false: some argument has no such encoding

	// Shares is true where copies of a value would share memory that a caller
	// could change, so that only one who hands out the value itself may keep it.
	Shares bool
}

// A TypedReader is a handle that may answer a typed read from values it keeps
// decoded, as package querycache's does. The functions and methods of this
// package that read rows into Go values ask for it, the way io.Copy asks for
// io.WriterTo; other handles are read from by Query.
type TypedReader interface {
	Querier

	// Source returns the handle that values are loaded from. What is not worth
	// keeping, such as a stream, is read from it directly.
	Source() *DB

	// Kept returns the value kept for r. shared means that the caller may be
	// handed the value itself; else this package hands out a copy.
	Kept(ctx context.Context, r *Read) (value any, shared, ok bool)

	// Load is called when nothing is kept. It runs load, or waits for a load
	// of the same read that is under way, and may keep the value; size is the
	// number of bytes that the value keeps alive, -1 if that cannot be known, so
	// that it must not be kept. load reads from q and may be called more than
	// once.
	Load(ctx context.Context, r *Read, load func(ctx context.Context, q Querier) (value any, size int64, err error)) (value any, shared bool, err error)
}

// Forms of the value that a typed read is answered with.
type form uint8

const (
	formAll form = iota
	formOne
	formPage
	forms // how many there are
)

// formIDs gives each Go type a number. It grows with the types of the program,
// not with its data.
var formIDs struct {
	byType sync.Map // of reflect.Type to uint64
	last   atomic.Uint64
}

// firstForm returns the number of formAll of T; the other forms follow it.
func firstForm[T any]() uint64 {
	t := reflect.TypeFor[T]()
	if id, ok := formIDs.byType.Load(t); ok {
		return id.(uint64)
	}
	id, _ := formIDs.byType.LoadOrStore(t, formIDs.last.Add(uint64(forms)))
	return id.(uint64)
}

// reads lends out Reads with room for their keys.
var reads = sync.Pool{New: func() any { return &Read{Key: make([]byte, 0, 256)} }}
