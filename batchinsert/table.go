package batchinsert

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/pgcopy"
	"github.com/headrace/headrace/internal/progress"
	"github.com/headrace/headrace/internal/target"
)

// A Table writes rows of type T, a struct, into one table. Fields are matched
// with columns by the rules of [pgx.RowToStructByName]: a tag `db:"name"` names
// the column, `db:"-"` excludes the field, otherwise the field's name does,
// ignoring case and underscores.
//
// Each field needs a column. Columns without a field get their default. The
// server generates the values of generated columns and identity columns: their
// fields are not written (see [Options.KeepIdentity]).
//
// A Table may be used by many goroutines at once, and with several databases.
type Table[T any] struct {
	name   string // as passed to NewTable
	quoted string
	fields []pgcopy.Field
	opts   Options

	invalid error           // the error of invalid opts
	cache   *schemaCache    // shared by all that With returns
	meter   *progress.Meter // of the current call; see metered

	omitted string // opts.Omit as one string, a part of planKey
}

// Options configure a Table. The zero value means the defaults. Negative numbers
// are errors.
type Options struct {
	// ChunkRows is the number of rows that one statement of Insert takes.
	// Default 1,000. More rows, or more than 16 MiB, are a transaction of
	// several statements.
	ChunkRows int

	// Omit names columns that get their default although T has a field for
	// them, such as a serial key.
	Omit []string

	// KeepIdentity writes the rows' values for identity columns, including
	// those GENERATED ALWAYS, and advances the column's sequence beyond the
	// values in the table that are within its bounds: up, or down if it counts
	// down, and never back. The role needs SELECT and UPDATE on the sequence,
	// and SELECT on the column; without them nothing is written. A sequence
	// with CYCLE is left alone. Values that other sessions have cached (CACHE
	// above 1) may still collide.
	KeepIdentity bool

	// Progress is called with the progress of a call: at most every 100 ms, and
	// once when the call has succeeded. It is called from one goroutine at a
	// time, not necessarily the caller's, and blocks the writing while it runs.
	Progress func(Progress)
}

const defaultChunkRows = 1000

// NewTable returns a Table for the table with the given name, written as in SQL:
// `cities`, `public.cities`, `"Odd Name"`. A name without schema is resolved in
// the search path of each call. NewTable does not contact the server.
func NewTable[T any](name string) (*Table[T], error) {
	quoted, err := target.QuoteName(name)
	if err != nil {
		return nil, fmt.Errorf("batchinsert: table name %q: %w", name, err)
	}
	fields, err := pgcopy.Fields(reflect.TypeFor[T]())
	if err != nil {
		return nil, fmt.Errorf("batchinsert: table %s: %w", name, err)
	}
	return &Table[T]{name: name, quoted: quoted, fields: fields, cache: new(schemaCache)}, nil
}

// MustTable is [NewTable] for package variables: it panics on an error.
func MustTable[T any](name string) *Table[T] {
	t, err := NewTable[T](name)
	if err != nil {
		panic(err)
	}
	return t
}

// With returns a Table that writes to the same table with these options. If they
// are invalid, every call returns an error.
func (t *Table[T]) With(o Options) *Table[T] {
	with := *t
	with.opts, with.invalid = o, notNegative("Options", o)
	with.opts.Omit = slices.Clone(o.Omit)
	with.omitted = strings.Join(o.Omit, "\x00")
	return &with
}

func (t *Table[T]) chunkRows() int {
	if t.opts.ChunkRows > 0 {
		return t.opts.ChunkRows
	}
	return defaultChunkRows
}

// A Writer is the handle that rows are written through: *db.DB, *pgxpool.Pool,
// *pgxpool.Conn, *pgx.Conn, or a pgx.Tx.
//
// A call writes all of its rows or none: after an error none, unless it wraps
// [ErrOutcomeUnknown]. With a pgx.Tx the rows are part of the
// caller's transaction. A call with several statements uses a savepoint there:
// its error undoes its own rows only. After an error of the server in a call
// with one statement (Insert and Upsert by arrays), the transaction can only be
// rolled back, as after any failed statement. With another Writer the call is a
// transaction of its own.
type Writer interface {
	Begin(ctx context.Context) (pgx.Tx, error)
}

// A schemaCache caches the schemas of a table in the databases that it is used
// with.
type schemaCache struct {
	mu      sync.Mutex
	entries map[string]*target.Schema
}

// cachedDatabases bounds a schemaCache: a Table in a package variable outlives
// the databases of a program's tests.
const cachedDatabases = 16

func (c *schemaCache) get(key string) *target.Schema {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.entries[key]
}

func (c *schemaCache) put(key string, s *target.Schema) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries == nil || len(c.entries) >= cachedDatabases {
		c.entries = make(map[string]*target.Schema)
	}
	c.entries[key] = s
}

func (c *schemaCache) drop(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.entries, key)
}
