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

// A Table writes rows of type T, a struct, into one table. Its fields stand
// for columns by the rules of [pgx.RowToStructByName]: a tag `db:"name"` names
// the column, `db:"-"` leaves the field out, else the field's own name does,
// whatever its case and underscores.
//
// Each field needs a column. Columns without a field get their default.
// Generated columns and identity columns are the server's: their fields are
// not written (see [Options.KeepIdentity]).
//
// A Table may be used by many goroutines at once, and with several databases.
type Table[T any] struct {
	name   string // as given
	quoted string
	fields []pgcopy.Field
	opts   Options

	invalid error           // what is wrong with opts
	cache   *schemaCache    // shared by all that With returns
	meter   *progress.Meter // of the call under way; see metered

	omitted string // opts.Omit as one string, a part of planKey
}

// Options say how a Table writes. The zero value means the defaults. Negative
// numbers are errors.
type Options struct {
	// ChunkRows is the number of rows that one statement of Insert takes.
	// Default 1,000. More rows than that, or more than 16 MiB, make a transaction
	// of several statements.
	ChunkRows int

	// Omit names columns that are left to their defaults although T has a
	// field for them; a serial key for one.
	Omit []string

	// KeepIdentity writes the values that rows have for identity columns, also
	// for those GENERATED ALWAYS, and moves the column's sequence past the values
	// in the table that are within its bounds: up, or down where it counts down,
	// and never back. The role needs SELECT and UPDATE on the sequence, and
	// SELECT on the column; without them nothing is written. A sequence that may
	// CYCLE is left alone. Numbers that other sessions hold ready (CACHE above 1)
	// may still collide.
	KeepIdentity bool

	// Progress is told how a call is getting on: every 100 ms at most, and
	// once when it has succeeded. It is called from one goroutine at a time, not
	// necessarily the caller's, and holds up the writing while it runs.
	Progress func(Progress)
}

const defaultChunkRows = 1000

// NewTable returns a Table for the table of this name, written as in SQL:
// `cities`, `public.cities`, `"Odd Name"`. A name without schema is looked for
// in the search path each time. The server is not asked anything yet.
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

// With returns a Table that writes to the same table with these options. Where they
// are invalid, that is the error of every call.
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

// A Writer is where rows are written to: *db.DB, *pgxpool.Pool, *pgxpool.Conn,
// *pgx.Conn, or a pgx.Tx.
//
// A call writes all of its rows or none. With a pgx.Tx the rows are part of the
// caller's transaction. A call that takes several statements is a savepoint
// there: its error takes back its own rows, and no others. After an error of the
// server in a call of one statement (Insert and Upsert by arrays) the transaction
// can only be rolled back, as after any failed statement. With another Writer the
// call is a transaction of its own.
type Writer interface {
	Begin(ctx context.Context) (pgx.Tx, error)
}

// A schemaCache keeps what is known of the table in each database that it was
// written to.
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
