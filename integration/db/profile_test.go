package db_test

import (
	"context"
	"database/sql/driver"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/querycache"
)

var itemByID = db.MustCompile[item]("-- name: ItemByID :one\nSELECT id, name FROM items WHERE id = $1")

func manyItems(n int) string {
	return fmt.Sprintf("INSERT INTO items SELECT g, 'item ' || g FROM generate_series(1000, %d) g", 1000+n-1)
}

// slowItem takes as long to decode as slowDecode says.
type slowItem struct {
	ID   int
	Name slowName
}

type slowName string

const slowDecode = 150 * time.Millisecond

func (n *slowName) Scan(src any) error {
	time.Sleep(slowDecode)
	*n = slowName(src.(string))
	return nil
}

// Each part of a span takes as long as what was injected into it.
func TestSpanParts(t *testing.T) {
	t.Parallel()
	pg := openPool(t, 1, itemSchema...)
	warm(t, pg)

	ctx, span := db.Profile(t.Context(), "parts")
	conn, err := pg.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(200*time.Millisecond, conn.Release)
	if _, err := pg.Exec(ctx, "SELECT pg_sleep(0.3)"); err != nil {
		t.Fatal(err)
	}
	if _, err := db.One[slowItem](ctx, pg, db.SQL("SELECT id, name FROM items WHERE id = 1")); err != nil {
		t.Fatal(err)
	}
	time.Sleep(250 * time.Millisecond)
	for range db.Each[item](ctx, pg, db.SQL("SELECT id, name FROM items WHERE id = 1")) {
		time.Sleep(100 * time.Millisecond)
	}
	span.End()
	got := span.Stats()
	added := got.Took - (200*time.Millisecond + 300*time.Millisecond + slowDecode + 350*time.Millisecond) // by the machine, anywhere
	for _, part := range []struct {
		name      string
		got, want time.Duration
	}{
		{"wait", got.Wait, 200 * time.Millisecond},
		{"server", got.Server, 300 * time.Millisecond},
		{"decode", got.Decode, slowDecode},
		{"rest", got.Rest, 350 * time.Millisecond},
		{"all", got.Wait + got.Server + got.Decode + got.Rest, got.Took},
	} {
		if part.got < part.want*95/100 || part.got > part.want*105/100+added {
			t.Errorf("%s took %v, want %v", part.name, part.got, part.want)
		}
	}
	if got.Statements != 3 || got.Rows != 3 || got.Bytes == 0 {
		t.Errorf("counted %+v", got)
	}
}

// A span counts what runs on transactions, connections, batches and COPY, and
// nested spans count for both.
func TestSpanCounts(t *testing.T) {
	t.Parallel()
	pg := openPool(t, 2, itemSchema...)
	ctx, outer := db.Profile(t.Context(), "outer")
	if _, err := itemByID.All(ctx, pg, 1); err != nil {
		t.Fatal(err)
	}
	inner, nested := db.Profile(ctx, "inner")
	err := pg.InTx(inner, db.TxOptions{}, func(tx pgx.Tx) error { // BEGIN, 2 statements, COMMIT
		if _, err := tx.Exec(inner, "UPDATE items SET name = 'x' WHERE id IN (1, 2)"); err != nil {
			return err
		}
		_, err := tx.CopyFrom(inner, pgx.Identifier{"items"}, []string{"id", "name"}, pgx.CopyFromRows([][]any{{501, "a"}, {502, "b"}, {503, "c"}}))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	nested.End()
	nested.End()
	batch := new(pgx.Batch)
	batch.Queue("SELECT 1")
	batch.Queue("SELECT 2")
	if err := pg.SendBatch(ctx, batch).Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := pg.Exec(ctx, "SELECT 1/0"); err == nil {
		t.Fatal("no error")
	}
	if _, err := pg.Exec(inner, "SELECT 'after the end'"); err != nil {
		t.Fatal(err)
	}
	outer.End()
	if _, err := pg.Exec(ctx, "SELECT 'after the end'"); err != nil {
		t.Fatal(err)
	}
	got := outer.Stats()
	if got.Statements != 9 || got.Errors != 1 || got.Rows != 9 || got.Open || len(got.Spans) != 1 {
		t.Errorf("counted %+v", got)
	}
	if in := got.Spans[0]; in.Name != "inner" || in.Statements != 4 || in.Rows != 5 || in.Open {
		t.Errorf("nested %+v", in)
	}
	spans := pg.Spans()
	if len(spans.Latest) != 1 || spans.Latest[0].Name != "outer" || len(spans.Slowest) != 1 {
		t.Errorf("kept %+v", spans)
	}
}

// A span counts hits and misses of a cached handle.
func TestSpanCountsLookups(t *testing.T) {
	t.Parallel()
	pg := open(t, nil, itemSchema...)
	cache, err := querycache.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer cache.Close()
	reads, err := cache.ReadThrough(pg, querycache.Policy{TTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	ctx, span := db.Profile(t.Context(), "lookups")
	for range 5 {
		if _, err := itemByID.One(ctx, reads, 1); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := reads.Exec(ctx, "SELECT 1"); err != nil {
		t.Fatal(err)
	}
	got := span.Stats()
	if got.CacheHits != 4 || got.CacheMisses != 1 || got.Statements != 2 || !got.Open {
		t.Errorf("counted %+v", got)
	}
	span.End()
}

// The corpus of loops: each is found, and nothing else.
func TestRepeats(t *testing.T) {
	t.Parallel()
	pg := openPool(t, 4, append(itemSchema, manyItems(500))...)
	cache, err := querycache.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer cache.Close()
	reads, err := cache.ReadThrough(pg, querycache.Policy{TTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	one := func(ctx context.Context, q db.Querier, id int) {
		if _, _, err := itemByID.Optional(ctx, q, id); err != nil {
			t.Error(err)
		}
	}
	for _, c := range []struct {
		name string
		want int // repeats
		run  func(ctx context.Context)
	}{
		{"loop", 1, func(ctx context.Context) {
			for i := range 12 {
				one(ctx, pg, 1000+i)
			}
		}},
		{"too short", 0, func(ctx context.Context) {
			for i := range 9 {
				one(ctx, pg, 1000+i)
			}
		}},
		{"loop in a transaction", 1, func(ctx context.Context) {
			_ = pg.InTx(ctx, db.TxOptions{}, func(tx pgx.Tx) error {
				for i := range 12 {
					one(ctx, tx, 1000+i)
				}
				return nil
			})
		}},
		{"loop over rows", 1, func(ctx context.Context) {
			rows, _ := pg.Query(ctx, "SELECT id FROM items ORDER BY id LIMIT 12")
			ids, _ := pgx.CollectRows(rows, pgx.RowTo[int])
			for _, id := range ids {
				var name string
				_ = pg.QueryRow(ctx, "SELECT name FROM items WHERE id = $1", id).Scan(&name)
			}
		}},
		{"loop with constants", 1, func(ctx context.Context) {
			for i := range 12 {
				_, _ = pg.Exec(ctx, fmt.Sprintf("SELECT name FROM items WHERE id = %d", 1000+i))
			}
		}},
		{"loop over a closure", 1, func(ctx context.Context) {
			lookup := func(id int) { one(ctx, pg, id) }
			for i := range 12 {
				lookup(1000 + i)
			}
		}},
		{"loop of inserts", 1, func(ctx context.Context) {
			for i := range 12 {
				_, _ = pg.Exec(ctx, "INSERT INTO items VALUES ($1, $2)", 20_000+i, "x")
			}
		}},
		{"loop of COPY", 1, func(ctx context.Context) {
			for i := range 12 {
				_, _ = pg.CopyFrom(ctx, pgx.Identifier{"items"}, []string{"id", "name"}, pgx.CopyFromRows([][]any{{30_000 + i, "x"}}))
			}
		}},
		{"loop of batches", 1, func(ctx context.Context) {
			for i := range 12 {
				b := new(pgx.Batch)
				b.Queue("SELECT name FROM items WHERE id = $1", 1000+i)
				b.Queue("SELECT name FROM items WHERE id = $1", 1100+i)
				_ = pg.SendBatch(ctx, b).Close()
			}
		}},
		{"recursion", 1, func(ctx context.Context) {
			var walk func(id int)
			walk = func(id int) {
				one(ctx, pg, id)
				if id > 1000 {
					walk(id - 1)
				}
			}
			walk(1015)
		}},
		{"mutual recursion", 1, func(ctx context.Context) {
			var even, odd func(id int)
			even = func(id int) {
				one(ctx, pg, id)
				if id > 1000 {
					odd(id - 1)
				}
			}
			odd = func(id int) { even(id) }
			even(1015)
		}},
		{"tree", 1, func(ctx context.Context) {
			var walk func(id, depth int)
			walk = func(id, depth int) {
				one(ctx, pg, id)
				if depth > 0 {
					for child := range 3 {
						walk(3*id-2000+child+1, depth-1)
					}
				}
			}
			walk(1000, 3)
		}},
		{"goroutines", 1, func(ctx context.Context) {
			var all sync.WaitGroup
			for i := range 12 {
				all.Go(func() { one(ctx, pg, 1000+i) })
			}
			all.Wait()
		}},
		{"nested spans", 1, func(ctx context.Context) {
			for i := range 12 {
				inner, span := db.Profile(ctx, "one")
				one(inner, pg, 1000+i)
				span.End()
			}
		}},
		{"through the cache", 1, func(ctx context.Context) {
			for i := range 12 {
				one(ctx, reads, 1200+i)
			}
		}},
		{"two loops", 2, func(ctx context.Context) {
			for i := range 12 {
				one(ctx, pg, 1000+i)
			}
			for i := range 12 {
				one(ctx, pg, 1100+i)
			}
		}},
		{"cached", 0, func(ctx context.Context) {
			for i := range 12 {
				one(ctx, reads, 1200+i) // since the case before
			}
		}},
		{"same arguments", 0, func(ctx context.Context) {
			for range 12 {
				one(ctx, pg, 1000)
			}
		}},
		{"same named arguments", 0, func(ctx context.Context) {
			for range 12 {
				_, _ = pg.Exec(ctx, "SELECT name FROM items WHERE id = @id", pgx.NamedArgs{"id": 1000})
			}
		}},
		{"same maps", 0, func(ctx context.Context) {
			for range 12 {
				_, _ = pg.Exec(ctx, "SELECT $1::jsonb", map[string]any{"a": 1, "b": "x"})
			}
		}},
		{"named arguments", 1, func(ctx context.Context) {
			for i := range 12 {
				_, _ = pg.Exec(ctx, "SELECT name FROM items WHERE id = @id", pgx.NamedArgs{"id": 1000 + i})
			}
		}},
		{"loop after other places", 1, func(ctx context.Context) {
			one(ctx, pg, 1100)
			one(ctx, pg, 1101)
			one(ctx, pg, 1102)
			one(ctx, pg, 1103)
			one(ctx, pg, 1104)
			one(ctx, pg, 1105)
			one(ctx, pg, 1106)
			one(ctx, pg, 1107)
			one(ctx, pg, 1108)
			one(ctx, pg, 1109)
			one(ctx, pg, 1110)
			for i := range 12 {
				one(ctx, pg, 1000+i)
			}
		}},
		{"pages through the cache", 0, func(ctx context.Context) {
			pager := db.Pager{Keys: []db.Order{db.Asc("id")}}
			stmt := db.MustCompile[item]("SELECT id, name FROM items WHERE name LIKE 'item 1%'")
			var at db.Cursor
			for range 20 {
				page, err := stmt.Page(ctx, reads, pager, at, 5)
				if err != nil {
					t.Error(err)
				}
				at = page.Next
			}
		}},
		{"batches of a loader", 0, func(ctx context.Context) {
			loader := db.NewLoader(pg, db.MustCompile[item]("SELECT id, name FROM items WHERE id = ANY($1)"), func(i item) int { return i.ID }, &db.LoaderOptions{MaxKeys: 5})
			keys := make([]int, 100)
			for i := range keys {
				keys[i] = 1000 + i
			}
			_, _ = loader.LoadMany(ctx, keys)
		}},
		{"one batch", 0, func(ctx context.Context) {
			b := new(pgx.Batch)
			for i := range 50 {
				b.Queue("SELECT name FROM items WHERE id = $1", 1000+i)
			}
			_ = pg.SendBatch(ctx, b).Close()
		}},
		{"different places", 0, func(ctx context.Context) {
			one(ctx, pg, 1000)
			one(ctx, pg, 1001)
			one(ctx, pg, 1002)
			one(ctx, pg, 1003)
			one(ctx, pg, 1004)
			one(ctx, pg, 1005)
			one(ctx, pg, 1006)
			one(ctx, pg, 1007)
			one(ctx, pg, 1008)
			one(ctx, pg, 1009)
			one(ctx, pg, 1010)
			one(ctx, pg, 1011)
		}},
		{"different statements", 0, func(ctx context.Context) {
			for i := range 12 {
				_, _ = pg.Exec(ctx, fmt.Sprintf("SELECT id AS c%d FROM items WHERE id = $1", i), i)
			}
		}},
		{"pages", 0, func(ctx context.Context) {
			pager := db.Pager{Keys: []db.Order{db.Asc("id")}}
			stmt := db.MustCompile[item]("SELECT id, name FROM items WHERE name LIKE 'item%'")
			var at db.Cursor
			for range 20 {
				page, err := stmt.Page(ctx, pg, pager, at, 5)
				if err != nil {
					t.Error(err)
				}
				at = page.Next
			}
		}},
		{"chunks", 0, func(ctx context.Context) {
			for i := range 12 {
				_, _ = db.All[item](ctx, pg, db.SQL("SELECT id, name FROM items WHERE id > $1 ORDER BY id LIMIT 150", 1000+i))
			}
		}},
		{"loader", 0, func(ctx context.Context) {
			loader := db.NewLoader(pg, db.MustCompile[item]("SELECT id, name FROM items WHERE id = ANY($1)"), func(i item) int { return i.ID }, nil)
			var all sync.WaitGroup
			for i := range 12 {
				all.Go(func() { _, _ = loader.Load(ctx, 1000+i) })
			}
			all.Wait()
		}},
		{"transactions", 0, func(ctx context.Context) {
			for range 12 {
				_ = pg.InTx(ctx, db.TxOptions{}, func(tx pgx.Tx) error { return nil })
			}
		}},
	} {
		ctx, span := db.Profile(t.Context(), c.name)
		c.run(ctx)
		span.End()
		stats := span.Stats()
		if c.name == "same arguments" {
			same := stats.ByStatement[0]
			if same.Identical != 11 || len(same.Sites) == 0 || !strings.HasSuffix(same.Sites[0].Stack[0].File, "profile_test.go") {
				t.Errorf("%s: %+v", c.name, same)
			}
		}
		got := stats.Repeats
		if len(got) != c.want {
			t.Errorf("%s: %d repeats, want %d: %+v", c.name, len(got), c.want, got)
		}
		for _, r := range got {
			if r.Calls < 10 || len(r.Stack) == 0 || !strings.HasSuffix(r.Stack[0].File, "profile_test.go") {
				t.Errorf("%s: %+v does not name this file", c.name, r)
			}
		}
	}
}

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

// No value of an argument, nor a constant of a text, shows in spans or logs.
func TestSpansShowNoValues(t *testing.T) {
	t.Parallel()
	const canary = "canary77canary"
	var log strings.Builder
	pg := open(t, &db.Options{SlowQuery: 1, Logger: slog.New(slog.NewTextHandler(&log, nil))}, itemSchema...)
	ctx, span := db.ProfileCallSites(t.Context(), "values")
	for i := range 12 {
		value := fmt.Sprint(canary, i)
		_, _ = pg.Exec(ctx, "UPDATE items SET name = $1 WHERE id = $2", value, i)
		_, _ = pg.Exec(ctx, "UPDATE items SET name = '"+value+"' WHERE id = 1 -- "+value)
		_, _ = pg.Exec(ctx, "SELECT $$"+value+"$$, E'"+value+"', '"+value)
		_, _ = pg.Exec(ctx, "INSERT INTO items SELECT id, $1 FROM items", value) // unique violation, with a detail
		_, _ = pg.Query(ctx, "SELECT "+value+" FROM items")
	}
	span.End()
	pg.Close()
	shown := fmt.Sprintf("%+v %+v %+v %s", span.Stats(), pg.Spans(), pg.Stats(), log.String())
	shown = strings.ReplaceAll(shown, "select "+canary, "") // an identifier
	for i := range 12 {
		shown = strings.ReplaceAll(shown, fmt.Sprint(canary, i, " from"), "")
	}
	if at := strings.Index(shown, canary); at >= 0 {
		t.Errorf("a value shows: ...%s", shown[max(at-200, 0):at+40])
	}
}

// Held describes connections that are not returned, whoever acquired them.
func TestHeld(t *testing.T) {
	t.Parallel()
	pg := openPool(t, 3, itemSchema...)
	defer pg.SampleAcquisitions()()
	if held := pg.Held(0); len(held) != 0 {
		t.Errorf("held at rest: %+v", held)
	}
	idle := pg.AcquireAllIdle(t.Context())
	if held := pg.Held(0); len(held) != len(idle) || len(idle) == 0 {
		t.Errorf("all %d idle connections are acquired, held %+v", len(idle), held)
	}
	for _, conn := range idle {
		conn.Release()
	}
	leaked, err := pg.Pool().Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tx, err := pg.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rows, err := pg.Query(t.Context(), "-- name: Open :many\nSELECT id, name FROM items")
	if err != nil {
		t.Fatal(err)
	}
	held := pg.Held(0)
	if len(held) != 3 {
		t.Fatalf("held %+v, want 3", held)
	}
	if h := held[0]; h.InTx || h.Running {
		t.Errorf("the idle connection: %+v", h)
	}
	if h := held[1]; !h.InTx || h.Running {
		t.Errorf("the open transaction: %+v", h)
	}
	if h := held[2]; h.InTx || !h.Running || h.Statement != "Open" {
		t.Errorf("the open rows: %+v", h)
	}
	for _, h := range held {
		if len(h.Stack) == 0 || !strings.HasSuffix(h.Stack[0].File, "profile_test.go") {
			t.Errorf("%+v does not name this file", h.Stack)
		}
	}
	if held := pg.Held(time.Hour); len(held) != 0 {
		t.Errorf("held for an hour: %+v", held)
	}
	leaked.Release()
	rows.Close()
	_ = tx.Rollback(t.Context())
	if held := pg.Held(0); len(held) != 0 {
		t.Errorf("held after all were returned: %+v", held)
	}
}

func warm(t *testing.T, pg *db.DB) {
	t.Helper()
	if err := pg.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// openPool opens a handle with the given number of connections.
func openPool(t *testing.T, conns int, schema ...string) *db.DB {
	t.Helper()
	d := pgtest.New(t)
	pgtest.Open(t, d, nil, schema...).Close()
	url := d
	if strings.Contains(url, "?") {
		url += "&"
	} else {
		url += "?"
	}
	pg, err := db.Open(t.Context(), fmt.Sprintf("%spool_max_conns=%d", url, conns), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pg.Close)
	return pg
}
