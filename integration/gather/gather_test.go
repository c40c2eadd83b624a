package gather_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/pgtest"
)

// A counting Batcher counts round trips.
type counting struct {
	db.Batcher
	batches int
}

func (c *counting) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	c.batches++
	return c.Batcher.SendBatch(ctx, b)
}

func TestGather(t *testing.T) {
	t.Parallel()
	pg := open(t)
	one := db.MustCompile[int]("SELECT $1::int")
	many := db.MustCompile[string]("SELECT repeat('x', i) FROM generate_series(1, $1::int) i")
	for _, q := range handles(t, pg) {
		counted := &counting{Batcher: q}
		a, b, none := one.GatherOne(7), many.GatherAll(3), db.GatherOne[int](db.SQL("SELECT 1 WHERE false"))
		empty := db.GatherAll[int](db.Select("1").Where("1 = ?", 2))
		err := db.Gather(t.Context(), counted, a, b, none, empty)
		if !errors.Is(err, pgx.ErrNoRows) {
			t.Errorf("%T: err = %v, want that of the read without row", q, err)
		}
		if n, err := a.Value(); n != 7 || err != nil {
			t.Errorf("%T: one: %d, %v", q, n, err)
		}
		if s, err := b.Value(); strings.Join(s, " ") != "x xx xxx" || err != nil {
			t.Errorf("%T: all: %q, %v", q, s, err)
		}
		if _, err := none.Value(); err != pgx.ErrNoRows {
			t.Errorf("%T: no row: %v", q, err)
		}
		if list, err := empty.Value(); list == nil || len(list) > 0 || err != nil {
			t.Errorf("%T: no rows: %v, %v", q, list, err)
		}
		if counted.batches != 1 {
			t.Errorf("%T: %d round trips", q, counted.batches)
		}
	}
}

// handles returns a handle, a connection, and a transaction.
func handles(t *testing.T, pg *db.DB) []db.Batcher {
	conn, err := pg.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Release)
	tx, err := pg.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback(context.Background()) })
	return []db.Batcher{pg, conn, tx}
}

// broken are reads that fail at different stages.
var broken = []struct {
	name  string
	read  func() *db.Gathered[int]
	want  string
	trips int // that it takes to answer the others: at most
}{
	{"while running", func() *db.Gathered[int] { return db.GatherOne[int](db.SQL("SELECT 1 / $1::int", 0)) }, "division by zero", 2},
	{"no such table", func() *db.Gathered[int] { return db.GatherOne[int](db.SQL("SELECT n FROM nowhere")) }, `"nowhere" does not exist`, 2},
	{"argument of a wrong type", func() *db.Gathered[int] { return db.GatherOne[int](db.SQL("SELECT $1::int", "x")) }, "invalid input syntax", 3},
	{"argument that cannot be sent", func() *db.Gathered[int] { return db.GatherOne[int](db.SQL("SELECT $1::int", struct{}{})) }, "unable to encode", 3},
	{"too many arguments", func() *db.Gathered[int] { return db.GatherOne[int](db.SQL("SELECT $1::int", 1, 2)) }, "argument", 3},
	{"two rows", func() *db.Gathered[int] { return db.GatherOne[int](db.SQL("VALUES (1), (2)")) }, "too many rows", 1},
	{"NULL into a number", func() *db.Gathered[int] { return db.GatherOne[int](db.SQL("SELECT NULL::int")) }, "NULL", 1},
}

// TestGatherErrors puts each kind of failure at each position of a batch: that
// read and no other must get the error, and the others their results.
func TestGatherErrors(t *testing.T) {
	t.Parallel()
	pg := open(t)
	const n = 5
	for _, b := range broken {
		for at := range n {
			t.Run(fmt.Sprintf("%s at %d", b.name, at), func(t *testing.T) {
				counted := &counting{Batcher: pg}
				reads := make([]*db.Gathered[int], n)
				all := make([]db.Gatherable, n)
				for i := range n {
					reads[i] = db.GatherOne[int](db.SQL("SELECT $1::int", i))
					if i == at {
						reads[i] = b.read()
					}
					all[i] = reads[i]
				}
				err := db.Gather(t.Context(), counted, all...)
				if err == nil || !strings.Contains(err.Error(), b.want) {
					t.Errorf("err = %v, want %q", err, b.want)
				}
				for i, r := range reads {
					got, err := r.Value()
					switch {
					case i == at && (err == nil || !strings.Contains(err.Error(), b.want)):
						t.Errorf("the broken read: %v, want %q", err, b.want)
					case i != at && (err != nil || got != i):
						t.Errorf("read %d: %d, %v", i, got, err)
					}
				}
				if counted.batches > b.trips+n {
					t.Errorf("%d round trips", counted.batches)
				}
			})
		}
	}
}

// Inside a transaction nothing runs after an error.
func TestGatherErrorInTransaction(t *testing.T) {
	t.Parallel()
	pg := open(t)
	tx, err := pg.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(t.Context())
	gatherInTransaction(t, tx)
	conn := pgtest.Connect(t, pg.Pool().Config().ConnString())
	pgtest.Exec(t, conn, "BEGIN")
	gatherInTransaction(t, conn)
}

func gatherInTransaction(t *testing.T, q db.Batcher) {
	t.Helper()
	before, bad := db.GatherOne[int](db.SQL("SELECT 1")), db.GatherOne[int](db.SQL("SELECT 1 / 0"))
	behind := db.GatherOne[int](db.SQL("SELECT 2"))
	if err := db.Gather(t.Context(), q, before, bad, behind); err == nil {
		t.Error("no error")
	}
	if n, err := before.Value(); n != 1 || err != nil {
		t.Errorf("the read before: %d, %v", n, err)
	}
	for _, r := range []*db.Gathered[int]{bad, behind} {
		_, err := r.Value()
		var pgErr *pgconn.PgError
		if !errors.As(err, &pgErr) || pgErr.Code != "22012" {
			t.Errorf("err = %v, want the division by zero", err)
		}
	}
	if _, err := behind.Value(); !strings.Contains(err.Error(), "not run") {
		t.Errorf("the read after it: %v, want it to say that it did not run", err)
	}
}

func TestGatherRejectsInvalidReads(t *testing.T) {
	t.Parallel()
	pg := open(t)
	pgtest.Exec(t, pg, "CREATE TABLE t (n int)")
	for _, sql := range []string{
		"INSERT INTO t VALUES (1) RETURNING n", "SELECT 1; SELECT 2", "WITH w AS (DELETE FROM t RETURNING n) SELECT n FROM w", "SELECT 'a",
	} {
		r := db.GatherOne[int](db.SQL(sql))
		good := db.GatherOne[int](db.SQL("SELECT 1"))
		if err := db.Gather(t.Context(), pg, r, good); err == nil {
			t.Errorf("%s: gathered", sql)
		}
		if _, err := good.Value(); err != nil {
			t.Errorf("next to %s: %v", sql, err)
		}
	}
	for _, arg := range []any{pgx.QueryExecModeExec, pgx.QueryResultFormats{1}, pgx.QueryResultFormatsByOID{23: 1}} {
		r := db.GatherOne[int](db.SQL("SELECT @n::int", pgx.NamedArgs{"n": 1}, arg))
		if err := db.Gather(t.Context(), pg, r); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%T", arg)) {
			t.Errorf("%T: err = %v, want it refused", arg, err)
		}
	}
	if _, err := db.GatherOne[int](db.SQL("SELECT 1")).Value(); err == nil {
		t.Error("a read that was not gathered has no error")
	}
}

// A migration must be invisible: a read with a stale plan is sent again, even
// if the connection prepared it when it was opened.
func TestGatherAfterMigration(t *testing.T) {
	t.Parallel()
	stmt := db.MustCompile[map[string]any]("SELECT * FROM t")
	for name, opts := range map[string]*db.Options{"plain": nil, "prepared": {Prepare: []db.Compiled{stmt}}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			setup := open(t)
			pgtest.Exec(t, setup, "CREATE TABLE t (n int); INSERT INTO t VALUES (1)")
			pg, err := db.Open(t.Context(), setup.Pool().Config().ConnString(), opts)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(pg.Close)
			for i, q := range append(handles(t, pg)[:2], pg.Pool(), pg) {
				r, other := stmt.GatherOne(), db.GatherOne[int](db.SQL("SELECT 1"))
				if err := db.Gather(t.Context(), q, other, r, other); err != nil {
					t.Errorf("%T after %d changes: %v", q, i, err)
				}
				if row, _ := r.Value(); len(row) != i+1 {
					t.Errorf("%T after %d changes: %v", q, i, row)
				}
				pgtest.Exec(t, setup, fmt.Sprintf("ALTER TABLE t ADD COLUMN c%d int", i))
			}
			var batch pgx.Batch
			batch.Queue(stmt.SQL())
			_ = pg.SendBatch(t.Context(), &batch).Close() // fails: its results are the program's own
			if rows, err := stmt.All(t.Context(), pg); err != nil || len(rows) != 1 {
				t.Errorf("after a batch of the program's: %v, error %v", rows, err)
			}
		})
	}
}

func TestGatherBounds(t *testing.T) {
	t.Parallel()
	pg := open(t)
	r := db.GatherAll[int](db.SQL("SELECT generate_series(1, 10)"))
	if err := db.Gather(db.WithMaxRows(t.Context(), 5), pg, r); !errors.Is(err, db.ErrTooManyRows) {
		t.Errorf("err = %v, want ErrTooManyRows", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := db.Gather(ctx, pg, r); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v, want the context's", err)
	}
	if err := db.Gather(t.Context(), pg); err != nil {
		t.Errorf("nothing to read: %v", err)
	}
}

// pgx numbers named arguments in the text, so that the read cannot be found by
// its original text.
func TestGatherNamedArguments(t *testing.T) {
	t.Parallel()
	pg := open(t)
	named := db.MustCompile[int]("SELECT 10 / @n::int")
	for _, bad := range []any{0, "x", struct{}{}} {
		good, failing := named.GatherOne(pgx.NamedArgs{"n": 5}), named.GatherOne(pgx.NamedArgs{"n": bad})
		nowhere := db.GatherOne[int](db.SQL("SELECT n FROM nowhere WHERE n = @n", pgx.NamedArgs{"n": 1}))
		if err := db.Gather(t.Context(), pg, failing, nowhere, good); err == nil {
			t.Errorf("%v: no error", bad)
		}
		if n, err := good.Value(); n != 2 || err != nil {
			t.Errorf("next to %v: %d, %v", bad, n, err)
		}
		if _, err := failing.Value(); err == nil || strings.Contains(err.Error(), "nowhere") {
			t.Errorf("%v: err = %v", bad, err)
		}
		if _, err := nowhere.Value(); err == nil || !strings.Contains(err.Error(), "nowhere") {
			t.Errorf("no such table: %v", err)
		}
	}
}

// panicky is a value whose scan panics.
type panicky struct{}

func (*panicky) Scan(any) error { panic("cannot scan") }

// A scan that panics must not lose its connection.
func TestGatherReleasesTheConnectionAfterPanic(t *testing.T) {
	t.Parallel()
	pg := open(t)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		_ = db.Gather(t.Context(), pg, db.GatherOne[panicky](db.SQL("SELECT 1")), db.GatherOne[int](db.SQL("SELECT 2")))
	}()
	if n := pg.Stat().AcquiredConns(); n != 0 {
		t.Errorf("%d connections are still taken", n)
	}
}

// After the end of the context it is unknown which read the server was running.
func TestGatherAttributesTheContextEndToNoRead(t *testing.T) {
	t.Parallel()
	pg := open(t)
	quick := db.GatherOne[int](db.SQL("SELECT 1"))
	slow := db.GatherAll[map[string]any](db.SQL("SELECT pg_sleep(60)"))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := db.Gather(ctx, pg, quick, slow); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	for _, err := range []error{gatheredError(quick.Value()), gatheredError(slow.Value())} {
		if err == nil || !strings.Contains(err.Error(), "one of 2 gathered: no result received") {
			t.Errorf("error %v", err)
		}
	}
}

func gatheredError[V any](_ V, err error) error { return err }

// A missing row is a result, and the joined error names its read.
func TestGatherNamesReadsWithoutRow(t *testing.T) {
	t.Parallel()
	pg := open(t)
	none := db.MustCompile[int]("-- name: NoneOfThem :one\nSELECT 1 WHERE false").GatherOne()
	err := db.Gather(t.Context(), pg, none)
	if !errors.Is(err, pgx.ErrNoRows) || !strings.Contains(err.Error(), "NoneOfThem") {
		t.Errorf("error %v", err)
	}
	if _, err := none.Value(); err != pgx.ErrNoRows {
		t.Errorf("error %v, want ErrNoRows itself", err)
	}
}
