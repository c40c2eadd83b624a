package db_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

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
