package batchinsert_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headrace/headrace/batchinsert"
	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/faultproxy"
	"github.com/headrace/headrace/integration/pgserver"
	"github.com/headrace/headrace/integration/pgtest"
)

func closeWriter[T any](t *testing.T, w *batchinsert.BufferedWriter[T]) {
	t.Helper()
	if err := w.Close(context.WithoutCancel(t.Context())); err != nil {
		t.Errorf("close: %v", err)
	}
}

// Rows of many goroutines share transactions, and each caller of Write sees
// its own row at once.
func TestBufferedWriter(t *testing.T) {
	t.Parallel()
	pg := open(t, createItems)
	w := items.NewWriter(pg, nil)
	var wg sync.WaitGroup
	for g := range 20 {
		wg.Go(func() {
			for i := range 50 {
				row := item{ID: int64(g*50 + i + 1), Name: "x"}
				if g%2 == 0 {
					if err := w.Add(t.Context(), row); err != nil {
						t.Error(err)
					}
					continue
				}
				if err := w.Write(t.Context(), row); err != nil {
					t.Error(err)
				}
				if n := get[int64](t, pg, "SELECT count(*) FROM items WHERE id = $1", row.ID); n != 1 {
					t.Errorf("row %d is not there after Write", row.ID)
				}
			}
		})
	}
	wg.Wait()
	if err := w.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	wantCount(t, pg, "items", 1000)
	if n := get[int64](t, pg, "SELECT count(DISTINCT xmin::text) FROM items"); n > 600 {
		t.Errorf("%d transactions for 1,000 rows", n)
	}
	closeWriter(t, w)
	if err := w.Add(t.Context(), item{}); !errors.Is(err, batchinsert.ErrClosed) {
		t.Errorf("add after close: %v", err)
	}
}

func TestBufferedWriterFlushesByTimeRowsAndBytes(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]batchinsert.WriterOptions[item]{
		"time":  {Every: 30 * time.Millisecond},
		"rows":  {Every: time.Hour, Rows: 3},
		"bytes": {Every: time.Hour, Bytes: 200},
	} {
		pg := open(t, createItems)
		w := items.NewWriter(pg, &opts)
		for i := range 6 {
			if err := w.Add(t.Context(), item{ID: int64(i), Name: "0123456789"}); err != nil {
				t.Fatal(err)
			}
		}
		want := int64(6)
		if name == "bytes" {
			want = 3 // at least: the rest may be less than a batch
		}
		deadline := time.Now().Add(10 * time.Second)
		for get[int64](t, pg, "SELECT count(*) FROM items") < want && time.Now().Before(deadline) {
			time.Sleep(5 * time.Millisecond)
		}
		if n := get[int64](t, pg, "SELECT count(*) FROM items"); n < want {
			t.Errorf("by %s: %d rows", name, n)
		}
		closeWriter(t, w)
		wantCount(t, pg, "items", 6)
	}
}

// A bad row fails its own caller only, whether the client or the server refuses
// it.
func TestBufferedWriterBadRows(t *testing.T) {
	t.Parallel()
	pg := open(t, createItems, "ALTER TABLE items ADD CHECK (price IS NULL OR price < 100)")
	var mu sync.Mutex
	var lost []item
	w := items.NewWriter(pg, &batchinsert.WriterOptions[item]{Every: 20 * time.Millisecond, OnError: func(rows []item, err error) {
		mu.Lock()
		defer mu.Unlock()
		lost = append(lost, rows...)
	}})
	high := 1e6
	var wg sync.WaitGroup
	var failed atomic.Int64
	for i := range 300 {
		row := item{ID: int64(i), Name: "x"}
		switch {
		case i%100 == 17:
			row.Price = &high
		case i%100 == 18:
			row.Name = "\x00"
		}
		if i%2 == 0 {
			wg.Go(func() {
				if err := w.Write(t.Context(), row); err != nil {
					failed.Add(1)
				}
			})
		} else if err := w.Add(t.Context(), row); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
	closeWriter(t, w)
	if failed.Load() != 3 || len(lost) != 3 {
		t.Errorf("%d callers and %d rows failed", failed.Load(), len(lost))
	}
	wantCount(t, pg, "items", 294)
}

func TestBufferedWriterReturnsUnwrittenRows(t *testing.T) {
	t.Parallel()
	pg := open(t, createItems)
	w := items.NewWriter(pg, &batchinsert.WriterOptions[item]{MaxRows: 2})
	for id := range 2 {
		if err := w.Add(t.Context(), item{ID: int64(id), Name: "\x00"}); err != nil {
			t.Fatal(err)
		}
	}
	err := w.Flush(t.Context())
	var unwritten *batchinsert.UnwrittenError[item]
	if !errors.As(err, &unwritten) || len(unwritten.Rows) != 2 {
		t.Errorf("%v", err)
	}
	if err := w.Flush(t.Context()); err != nil {
		t.Errorf("told twice: %v", err)
	}
	closeWriter(t, w)
}

// When there is no room, Add waits, TryAdd does not.
func TestBufferedWriterBlocksWhenFull(t *testing.T) {
	t.Parallel()
	pg := open(t, createItems)
	tx, err := pg.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.Background())
	exec(t, tx, "LOCK TABLE items")
	w := items.NewWriter(pg, &batchinsert.WriterOptions[item]{Rows: 5, MaxRows: 10})
	id := int64(0)
	for ; id < 10; id++ {
		if err := w.Add(t.Context(), item{ID: id, Name: "x"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.TryAdd(item{}); !errors.Is(err, batchinsert.ErrFull) {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := w.Add(ctx, item{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	added := make(chan error)
	go func() { added <- w.Add(context.WithoutCancel(t.Context()), item{ID: 10, Name: "x"}) }()
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-added; err != nil {
		t.Error(err)
	}
	closeWriter(t, w)
	wantCount(t, pg, "items", 11)
}

func TestBufferedWriterCloseEndsWithItsContext(t *testing.T) {
	t.Parallel()
	pg := open(t, createItems)
	tx, err := pg.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.Background())
	exec(t, tx, "LOCK TABLE items")
	w := items.NewWriter(pg, nil)
	for id := range 3 {
		if err := w.Add(t.Context(), item{ID: int64(id), Name: "x"}); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err = w.Close(ctx)
	var unwritten *batchinsert.UnwrittenError[item]
	if !errors.As(err, &unwritten) || len(unwritten.Rows)+len(unwritten.Unknown) != 3 {
		t.Errorf("%v", err)
	}
}

func TestBufferedWriterUpserts(t *testing.T) {
	t.Parallel()
	pg := open(t, createItems)
	w := items.NewWriter(pg, &batchinsert.WriterOptions[item]{OnConflict: &byID})
	for round := range 3 {
		for id := range 10 {
			if err := w.Add(t.Context(), item{ID: int64(id), Name: fmt.Sprint(round)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	closeWriter(t, w)
	if got := get[string](t, pg, "SELECT string_agg(DISTINCT name, ' ') || ' ' || count(*) FROM items"); got != "2 10" {
		t.Error(got)
	}
}

// With Refuse, the second of two rows with the same keys fails, and no other.
func TestBufferedWriterRefusesDuplicates(t *testing.T) {
	t.Parallel()
	pg := open(t, createItems)
	refuse := byID
	refuse.Duplicates = batchinsert.Refuse
	w := items.NewWriter(pg, &batchinsert.WriterOptions[item]{Every: time.Hour, OnConflict: &refuse})
	for _, id := range []int64{1, 2, 1, 3, 3} {
		if err := w.Add(t.Context(), item{ID: id, Name: "x"}); err != nil {
			t.Fatal(err)
		}
	}
	err := w.Flush(t.Context())
	var unwritten *batchinsert.UnwrittenError[item]
	if !errors.As(err, &unwritten) || len(unwritten.Rows) != 2 || unwritten.Rows[0].ID != 1 || unwritten.Rows[1].ID != 3 {
		t.Errorf("%v", err)
	}
	closeWriter(t, w)
	wantCount(t, pg, "items", 3)
}

// The server is killed repeatedly under load. Acknowledged rows are in the table
// once; no other row is in it twice.
func TestBufferedWriterSurvivesLossOfTheServer(t *testing.T) {
	t.Parallel()
	kills := 3
	if testing.Short() {
		kills = 1
	}
	ctx := context.WithoutCancel(t.Context())
	server := pgtest.Private(t, &pgserver.Options{Durable: true})
	pg, err := db.Open(t.Context(), server.ConnString(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer pg.Close()
	exec(t, pg, "CREATE TABLE items (id bigint, name text CHECK (name <> 'bad'), price numeric)")
	var mu sync.Mutex
	failed := map[int64]bool{}
	w := items.NewWriter(pg, &batchinsert.WriterOptions[item]{Rows: 50, OnError: func(rows []item, err error) {
		mu.Lock()
		defer mu.Unlock()
		for _, row := range rows {
			failed[row.ID] = !errors.Is(err, batchinsert.ErrOutcomeUnknown)
		}
	}})
	acknowledged := map[int64]bool{}
	var refused, added []int64
	stop := make(chan struct{})
	var next atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				id := next.Add(1)
				row := item{ID: id, Name: "x"}
				if id%200 == 0 {
					row.Name = "bad"
				}
				if id%3 == 0 {
					if err := w.Add(ctx, row); err == nil {
						mu.Lock()
						added = append(added, id)
						mu.Unlock()
					}
					continue
				}
				err := w.Write(ctx, row)
				mu.Lock()
				if err == nil {
					acknowledged[id] = true
				} else if !errors.Is(err, batchinsert.ErrOutcomeUnknown) {
					refused = append(refused, id)
				}
				mu.Unlock()
			}
		})
	}
	for range kills {
		time.Sleep(300 * time.Millisecond)
		if err := server.Kill(ctx); err != nil {
			t.Fatal(err)
		}
		if err := server.Restart(ctx); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(300 * time.Millisecond)
	close(stop)
	wg.Wait()
	closeWriter(t, w)
	for _, id := range added {
		if certain, ok := failed[id]; !ok {
			acknowledged[id] = true
		} else if certain {
			refused = append(refused, id)
		}
	}
	if n := get[int64](t, pg, "SELECT count(*) FROM items WHERE id = ANY($1)", refused); n != 0 || len(refused) == 0 {
		t.Errorf("%d of %d rows that were refused are there", n, len(refused))
	}
	if n := get[int64](t, pg, "SELECT count(*) FROM (SELECT FROM items GROUP BY id HAVING count(*) > 1) d"); n != 0 {
		t.Errorf("%d rows are there twice", n)
	}
	ids := make([]int64, 0, len(acknowledged))
	for id := range acknowledged {
		ids = append(ids, id)
	}
	if n := get[int64](t, pg, "SELECT count(*) FROM items WHERE id = ANY($1)", ids); n != int64(len(ids)) {
		t.Errorf("%d of %d acknowledged rows are there", n, len(ids))
	}
	t.Logf("%d rows acknowledged", len(ids))
}

// Rows are not sent again after their answer was lost, in every way of writing.
func TestBufferedWriterDoublesNothing(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"simple_protocol", "cache_statement", "exec"} {
		for name, rows := range map[string]int{"one statement": 10, "a transaction": 6000} {
			t.Run(mode+", "+name, func(t *testing.T) {
				t.Parallel()
				pool, proxy := overProxy(t, "default_query_exec_mode="+mode)
				if _, err := pool.Exec(t.Context(), "CREATE TABLE items (id bigint, name text, price float8)"); err != nil {
					t.Fatal(err)
				}
				answer := "C\x00\x00\x00\x10I" // INSERT 0 10
				switch {
				case rows > 1000 && mode == "cache_statement":
					answer = "C\x00\x00\x00\x12I" // INSERT 0 6000
				case rows > 1000:
					answer = "C\x00\x00\x00\x0bC" // COMMIT
				}
				fired := proxy.Fail(faultproxy.Fault{Direction: faultproxy.ToClient, After: []byte(answer), Kind: faultproxy.Cut})
				lost, unwritten := 0, 0
				w := items.NewWriter(pool, &batchinsert.WriterOptions[item]{Every: time.Hour, Rows: rows, OnError: func(rows []item, err error) {
					if errors.Is(err, batchinsert.ErrOutcomeUnknown) {
						lost += len(rows)
					} else {
						unwritten += len(rows)
					}
				}})
				for i := range rows {
					if err := w.Add(t.Context(), item{ID: int64(i)}); err != nil {
						t.Fatal(err)
					}
				}
				_ = w.Close(t.Context())
				var n int
				if err := pool.QueryRow(t.Context(), "SELECT count(*) FROM items").Scan(&n); err != nil {
					t.Fatal(err)
				}
				select {
				case <-fired:
				default:
					t.Error("no answer was lost")
				}
				if n == rows && lost != rows || n == 0 && lost+unwritten != rows || n != 0 && n != rows {
					t.Errorf("%d rows were given, the table has %d, %d are reported as not written, and the outcome of %d is unknown", rows, n, unwritten, lost)
				}
			})
		}
	}
}
