package db_test

import (
	"context"
	"database/sql/driver"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/db"
)

// However statements end, no operation of the span stays under way, and no
// connection counts as in use.
func TestSpanAfterFailures(t *testing.T) {
	t.Parallel()
	pg := openPool(t, 2, append(itemSchema, manyItems(100_000))...)
	short := func(ctx context.Context) context.Context {
		ctx, cancel := context.WithTimeout(ctx, 30*time.Millisecond)
		t.Cleanup(cancel)
		return ctx
	}
	batch := func(texts ...string) *pgx.Batch {
		b := new(pgx.Batch)
		for _, sql := range texts {
			b.Queue(sql)
		}
		return b
	}
	for _, c := range []struct {
		name string
		run  func(ctx context.Context)
	}{
		{"syntax error", func(ctx context.Context) { _, _ = pg.Exec(ctx, "SELEC 1") }},
		{"error of a query", func(ctx context.Context) {
			rows, _ := pg.Query(ctx, "SELECT 1/0")
			rows.Close()
		}},
		{"error after rows", func(ctx context.Context) { _, _ = db.All[int](ctx, pg, db.SQL("SELECT 1/(500-id) FROM items")) }},
		{"no row", func(ctx context.Context) { _ = pg.QueryRow(ctx, "SELECT 1 WHERE false").Scan(new(int)) }},
		{"wrong target", func(ctx context.Context) { _ = pg.QueryRow(ctx, "SELECT 'x'").Scan(new(int)) }},
		{"wrong argument", func(ctx context.Context) { _, _ = pg.Exec(ctx, "SELECT $1::int", "x") }},
		{"timeout", func(ctx context.Context) { _, _ = pg.Exec(short(ctx), "SELECT pg_sleep(10)") }},
		{"ended context", func(ctx context.Context) {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			_, _ = pg.Exec(ctx, "SELECT 1")
		}},
		{"closed early", func(ctx context.Context) {
			rows, _ := pg.Query(ctx, "SELECT id FROM items")
			rows.Close()
		}},
		{"left early", func(ctx context.Context) {
			for range db.Each[int](ctx, pg, db.SQL("SELECT id FROM items")) {
				break
			}
		}},
		{"panic in a loop", func(ctx context.Context) {
			defer func() { _ = recover() }()
			for range db.Each[int](ctx, pg, db.SQL("SELECT id FROM items")) {
				panic("left")
			}
		}},
		{"batch with an error", func(ctx context.Context) { _ = pg.SendBatch(ctx, batch("SELECT 1", "SELECT 1/0", "SELECT 2")).Close() }},
		{"batch that cannot be prepared", func(ctx context.Context) { _ = pg.SendBatch(ctx, batch("SELECT 1", "SELEC")).Close() }},
		{"batch closed unread", func(ctx context.Context) { _ = pg.SendBatch(ctx, batch("SELECT 1", "SELECT id FROM items")).Close() }},
		{"batch timeout", func(ctx context.Context) {
			_ = pg.SendBatch(short(ctx), batch("SELECT 1", "SELECT pg_sleep(10)")).Close()
		}},
		{"busy connection", func(ctx context.Context) {
			_ = pg.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
				rows, _ := conn.Query(ctx, "SELECT id FROM items")
				defer rows.Close()
				_, _ = conn.Exec(ctx, "SELECT 1")
				_ = conn.SendBatch(ctx, batch("SELECT 1")).Close()
				_, _ = conn.CopyFrom(ctx, pgx.Identifier{"items"}, []string{"id"}, pgx.CopyFromRows([][]any{{1}}))
				return nil
			})
		}},
		{"COPY with an error", func(ctx context.Context) {
			_, _ = pg.CopyFrom(ctx, pgx.Identifier{"items"}, []string{"id"}, pgx.CopyFromRows([][]any{{1}, {"x"}}))
		}},
		{"COPY to no table", func(ctx context.Context) {
			_, _ = pg.CopyFrom(ctx, pgx.Identifier{"nothing"}, []string{"id"}, pgx.CopyFromRows([][]any{{1}}))
		}},
		{"raw COPY of a source that panics", func(ctx context.Context) {
			defer func() { _ = recover() }()
			_, _ = db.CopyRaw(ctx, pg, "COPY items FROM STDIN", panicking{})
		}},
		{"transaction that fails", func(ctx context.Context) {
			_ = pg.InTx(ctx, db.TxOptions{}, func(tx pgx.Tx) error { _, err := tx.Exec(ctx, "SELECT 1/0"); return err })
		}},
		{"transaction that panics", func(ctx context.Context) {
			defer func() { _ = recover() }()
			_ = pg.InTx(ctx, db.TxOptions{}, func(tx pgx.Tx) error { panic("left") })
		}},
		{"killed connection", func(ctx context.Context) { _, _ = pg.Exec(ctx, "SELECT pg_terminate_backend(pg_backend_pid())") }},
		{"wait that ends", func(ctx context.Context) {
			a, _ := pg.Acquire(ctx)
			b, _ := pg.Acquire(ctx)
			_, _ = pg.Exec(short(ctx), "SELECT 1")
			a.Release()
			b.Release()
		}},
		{"argument that panics", func(ctx context.Context) {
			for _, call := range []func(){
				func() { _, _ = pg.Exec(ctx, "SELECT $1::text", panickingValue{}) },
				func() { _, _ = pg.Query(ctx, "SELECT $1::text", panickingValue{}) },
				func() { _ = pg.QueryRow(ctx, "SELECT $1::text", panickingValue{}).Scan(new(string)) },
				func() {
					b := new(pgx.Batch)
					b.Queue("SELECT $1::text", panickingValue{})
					_ = pg.SendBatch(ctx, b).Close()
				},
			} {
				func() {
					defer func() { _ = recover() }()
					call()
				}()
			}
		}},
		{"hijacked connection", func(ctx context.Context) {
			conn, _ := pg.Acquire(ctx)
			_ = conn.Hijack().Close(ctx)
		}},
	} {
		ctx, span := db.Profile(t.Context(), c.name)
		c.run(ctx)
		before := span.Stats()
		time.Sleep(2 * time.Millisecond)
		if after := span.Stats(); after.Rest-before.Rest < time.Millisecond {
			t.Errorf("%s: an operation is still under way: %+v", c.name, after)
		}
		if before.Server < 0 || before.Decode < 0 || before.Wait < 0 || before.Rest < 0 || before.Rest > before.Took {
			t.Errorf("%s: impossible figures %+v", c.name, before)
		}
		span.End()
		for deadline := time.Now().Add(10 * time.Second); ; { // cancelled statements end in the background
			if held := pg.Held(0); len(held)+int(pg.Stat().AcquiredConns()) == 0 {
				break
			} else if time.Now().After(deadline) {
				t.Fatalf("%s: %d connections are in use, held %+v", c.name, pg.Stat().AcquiredConns(), held)
			}
			time.Sleep(time.Millisecond)
		}
	}
}

// panickingValue is an argument that panics.
type panickingValue struct{}

func (panickingValue) Value() (driver.Value, error) { panic("value") }

// panicking is a source that panics.
type panicking struct{}

func (panicking) Read([]byte) (int, error) { panic("source") }
