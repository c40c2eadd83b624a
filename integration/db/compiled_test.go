package db_test

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/pgtest"
)

func TestCheckFindsSchemaMismatches(t *testing.T) {
	t.Parallel()
	pg := open(t, nil, itemSchema...)
	good := db.MustCompile[item]("-- name: Good :many\nSELECT id, name FROM items WHERE id = $1")
	write := db.MustCompile[struct{}]("-- name: Write :exec\nDELETE FROM items WHERE id = $1")
	if err := pg.Check(t.Context(), good, write); err != nil {
		t.Errorf("good statements: %v", err)
	}
	for want, bad := range map[string]db.Compiled{
		"NoTable":  db.MustCompile[item]("-- name: NoTable :many\nSELECT id, name FROM no_such_table"),
		"NoField":  db.MustCompile[item]("-- name: NoField :many\nSELECT id, name, tags FROM items"),
		"NoColumn": db.MustCompile[item]("-- name: NoColumn :many\nSELECT id FROM items"),
		"BadType":  db.MustCompile[struct{ Name int }]("-- name: BadType :many\nSELECT name FROM items"),
	} {
		err := pg.Check(t.Context(), good, bad, write)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "Good") {
			t.Errorf("error %v: want one that names %s only", err, want)
		}
	}
	must(t)(pg.Exec(t.Context(), "ALTER TABLE items DROP COLUMN name"))
	if err := pg.Check(t.Context(), good); err == nil || !strings.Contains(err.Error(), "Good") {
		t.Errorf("error %v after a migration: want it to name Good", err)
	}
}

func TestPrepareAtConnect(t *testing.T) {
	t.Parallel()
	setup := open(t, nil, itemSchema...)
	star := db.MustCompile[map[string]any]("-- name: Star :many\nSELECT * FROM items")
	connString := setup.Pool().Config().ConnString()
	pg, err := db.Open(t.Context(), connString, &db.Options{Prepare: []db.Compiled{star}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pg.Close)
	prepared := func() int {
		return count(t, pg, "SELECT count(*)::int FROM pg_prepared_statements WHERE statement = $1", star.SQL())
	}
	if n := prepared(); n != 1 {
		t.Errorf("%d statements are prepared before the first use, want 1", n)
	}
	// A migration must not be seen by readers, though pgx never forgets a
	// statement that was prepared by name.
	for _, kind := range []string{"varchar", "text", "varchar"} {
		must(t)(setup.Exec(t.Context(), "ALTER TABLE items ALTER COLUMN name TYPE "+kind))
		for range 3 {
			if rows, err := star.All(t.Context(), pg); err != nil || len(rows) != 10 {
				t.Fatalf("after a migration: %d rows, error %v", len(rows), err)
			}
			err := pg.InTx(t.Context(), db.TxOptions{}, func(tx pgx.Tx) error {
				_, err := star.All(t.Context(), tx)
				return err
			})
			if err != nil {
				t.Fatalf("in a transaction after a migration: %v", err)
			}
		}
		must(t)(setup.Exec(t.Context(), "ALTER TABLE items ALTER COLUMN name TYPE name"))
		err := pg.InTx(t.Context(), db.TxOptions{}, func(tx pgx.Tx) error {
			_, err := star.All(t.Context(), tx)
			return err
		})
		if err != nil {
			t.Fatalf("in a transaction first after a migration: %v", err)
		}
		pg.Pool().Reset() // connections that have prepared it again
	}
	bad := db.MustCompile[item]("-- name: Bad :many\nSELECT id, name FROM no_such_table")
	if _, err := db.Open(t.Context(), connString, &db.Options{Prepare: []db.Compiled{bad}}); err == nil || !strings.Contains(err.Error(), "prepare Bad") {
		t.Errorf("error %v: want it to name the statement that cannot be prepared", err)
	}
}

func TestPrepareKeepsTheProgramsHooks(t *testing.T) {
	t.Parallel()
	cfg, err := pgxpool.ParseConfig(pgtest.New(t))
	if err != nil {
		t.Fatal(err)
	}
	var connected, acquired int
	tracer := new(countingTracer)
	cfg.AfterConnect = func(ctx context.Context, _ *pgx.Conn) error { connected++; return nil }
	cfg.BeforeAcquire = func(context.Context, *pgx.Conn) bool { acquired++; return true } //nolint:staticcheck // programs still use it
	cfg.ConnConfig.Tracer = tracer
	pg, err := db.OpenConfig(t.Context(), cfg, &db.Options{Prepare: []db.Compiled{db.MustCompile[int]("SELECT 1")}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pg.Close)
	if n := count(t, pg, "SELECT 1"); n != 1 || connected != 2 || acquired != 1 || tracer.started == 0 { // Open asks on a connection beside the pool
		t.Errorf("hooks ran: connected %d, acquired %d, traced %d", connected, acquired, tracer.started)
	}
	if cfg.PrepareConn != nil {
		t.Error("the program's configuration was changed")
	}
}

// countingTracer is a program's own tracer.
type countingTracer struct{ started int }

func (c *countingTracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	c.started++
	return ctx
}

func (c *countingTracer) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}
