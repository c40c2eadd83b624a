package batchinsert_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/batchinsert"
	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/faultproxy"
	"github.com/headrace/headrace/integration/pgtest"
)

// wide is a query of 200,000 rows and 40 MB, more than lies in the buffers of
// two kernels.
const wide = "SELECT g, repeat('x', 200) AS filler FROM generate_series(1, 200000) g"

// slowEnd is a query whose end takes a minute; two rows are sent before that.
const slowEnd = "SELECT repeat('x', 100000), CASE g WHEN 3 THEN pg_sleep(60) END FROM generate_series(1, 3) g"

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// countLines counts what it is given.
type countLines struct{ writes, lines, bytes, largest int }

func (c *countLines) Write(p []byte) (int, error) {
	c.writes++
	c.bytes += len(p)
	c.lines += bytes.Count(p, []byte{'\n'})
	c.largest = max(c.largest, len(p))
	return len(p), nil
}

// Rows come as the server makes them, in buffers of one size; while the writer
// takes none, the server waits.
func TestExportStreams(t *testing.T) {
	t.Parallel()
	pg := open(t)
	for format, extra := range map[batchinsert.ExportFormat]int{batchinsert.AsCSV: 1, batchinsert.AsNDJSON: 0} {
		var seen countLines
		w := writerFunc(func(p []byte) (int, error) {
			if seen.writes == 0 {
				awaitBackPressure(t, pg)
			}
			return seen.Write(p)
		})
		n, err := batchinsert.Export(t.Context(), pg, wide, w, &batchinsert.ExportOptions{Format: format})
		if err != nil || n != 200_000 || seen.lines != 200_000+extra {
			t.Errorf("format %d: %d rows, %d lines, %v", format, n, seen.lines, err)
		}
		if seen.largest > 64<<10 || seen.writes > seen.bytes/(32<<10) {
			t.Errorf("format %d: %d bytes in %d writes of up to %d", format, seen.bytes, seen.writes, seen.largest)
		}
	}
}

// awaitBackPressure waits until the server's only COPY cannot go on.
func awaitBackPressure(t *testing.T, pg db.Querier) {
	t.Helper()
	for range 500 {
		waiting := get[bool](t, pg, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'ClientWrite')")
		if waiting {
			done := get[int64](t, pg, "SELECT max(tuples_processed) FROM pg_stat_progress_copy WHERE datname = current_database()")
			if done >= 200_000 {
				t.Errorf("the server has made all %d rows before the first was taken", done)
			}
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("the server does not wait for the writer")
}

// eachReader gives fn each kind of Reader on a database of its own, and checks
// afterwards that its connection is the same and has nothing left over.
func eachReader(t *testing.T, fn func(t *testing.T, r batchinsert.Reader)) {
	t.Helper()
	pool := func(t *testing.T) *pgxpool.Pool {
		cfg, err := pgxpool.ParseConfig(pgtest.New(t))
		if err != nil {
			t.Fatal(err)
		}
		cfg.MaxConns = 1
		p, err := pgxpool.NewWithConfig(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Close)
		return p
	}
	const pid = "SELECT pg_backend_pid()"
	t.Run("pool", func(t *testing.T) {
		t.Parallel()
		p := pool(t)
		before := get[int32](t, p, pid)
		fn(t, p)
		if after := get[int32](t, p, pid); after != before {
			t.Error("the connection was lost")
		}
	})
	t.Run("transaction", func(t *testing.T) {
		t.Parallel()
		p := pool(t)
		tx, err := p.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback(context.Background())
		exec(t, tx, "CREATE TABLE mine (a int)")
		fn(t, tx)
		exec(t, tx, "INSERT INTO mine VALUES (1)")
		if err := tx.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantCount(t, p, "mine", 1)
	})
	t.Run("connection", func(t *testing.T) {
		t.Parallel()
		conn, err := pgx.Connect(t.Context(), pgtest.New(t))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(context.Background())
		before := get[int32](t, conn, pid)
		fn(t, conn)
		if after := get[int32](t, conn, pid); after != before || conn.PgConn().TxStatus() != 'I' {
			t.Error("the connection is not as it was")
		}
	})
}

// When the context ends nothing more is written, and everything but the export
// goes on.
func TestContextEndsAnExport(t *testing.T) {
	t.Parallel()
	eachReader(t, func(t *testing.T, r batchinsert.Reader) {
		for _, format := range []batchinsert.ExportFormat{batchinsert.AsCSV, batchinsert.AsNDJSON} {
			ctx, cancel := context.WithCancel(t.Context())
			var seen countLines
			ended := time.Now()
			w := writerFunc(func(p []byte) (int, error) {
				if seen.writes == 20 {
					cancel()
					ended = time.Now()
				}
				return seen.Write(p)
			})
			n, err := batchinsert.Export(ctx, r, wide, w, &batchinsert.ExportOptions{Format: format})
			if !errors.Is(err, context.Canceled) || n != 0 {
				t.Errorf("%d, %v", n, err)
			}
			wantError(t, err, "export: context canceled")
			if took := time.Since(ended); took > time.Second || seen.writes != 21 {
				t.Errorf("returned %v later; %d writes", took, seen.writes)
			}
		}
		gone := errors.New("the user left")
		for range 20 { // the server may have come to the end, but its rows have not
			ctx, leave := context.WithCancelCause(t.Context())
			w := writerFunc(func(p []byte) (int, error) { leave(gone); return len(p), nil })
			_, err := batchinsert.Export(ctx, r, "SELECT repeat('x', 100000) FROM generate_series(1, 2)", w, nil)
			if !errors.Is(err, gone) {
				t.Fatal(err)
			}
		}
		ctx, leave := context.WithCancelCause(t.Context())
		w := writerFunc(func(p []byte) (int, error) { leave(gone); return len(p), nil })
		for range 2 { // the second time it has ended before
			_, err := batchinsert.Export(ctx, r, slowEnd, w, nil)
			if !errors.Is(err, gone) {
				t.Error(err)
			}
		}
	})
}

// A context that ends while the server waits for a lock, before the COPY.
func TestContextEndsAnExportThatWaits(t *testing.T) {
	t.Parallel()
	pg := open(t, createItems)
	holder, err := pg.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Rollback(context.Background())
	exec(t, holder, "LOCK TABLE items")
	tx, err := pg.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.Background())
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err = batchinsert.Export(ctx, tx, "TABLE items", io.Discard, nil)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if get[int](t, tx, "SELECT 1") != 1 {
		t.Error("the transaction is lost")
	}
}

// An error of the writer ends the export at any point, and nothing else.
func TestExportWriterFails(t *testing.T) {
	t.Parallel()
	full := errors.New("disk full")
	eachReader(t, func(t *testing.T, r batchinsert.Reader) {
		for _, at := range []int{0, 1, 10, 100} {
			for _, format := range []batchinsert.ExportFormat{batchinsert.AsCSV, batchinsert.AsNDJSON, batchinsert.AsBinary} {
				writes := 0
				w := writerFunc(func(p []byte) (int, error) {
					if writes++; writes > at {
						return len(p) / 2, full
					}
					return len(p), nil
				})
				start := time.Now()
				n, err := batchinsert.Export(t.Context(), r, wide, w, &batchinsert.ExportOptions{Format: format})
				wantError(t, err, "export: write: disk full")
				if !errors.Is(err, full) || n != 0 || writes != at+1 {
					t.Errorf("%d, %v after %d writes", n, err, writes)
				}
				if took := time.Since(start); took > 5*time.Second {
					t.Errorf("returned after %v", took)
				}
			}
		}
		short := writerFunc(func(p []byte) (int, error) { return len(p) - 1, nil })
		for _, query := range []string{wide, "SELECT 1", "SELECT repeat('x', 1000000)"} {
			if _, err := batchinsert.Export(t.Context(), r, query, short, nil); !errors.Is(err, io.ErrShortWrite) {
				t.Errorf("%s: %v", query, err)
			}
		}
	})
}

// The request to cancel an export that has just ended does not hit what comes
// next.
func TestExportCancelsNothingElse(t *testing.T) {
	t.Parallel()
	rounds := 100
	if testing.Short() {
		rounds = 20
	}
	eachReader(t, func(t *testing.T, r batchinsert.Reader) {
		full := errors.New("disk full")
		w := writerFunc(func([]byte) (int, error) { return 0, full })
		for i := range rounds {
			query := fmt.Sprintf("SELECT repeat('x', 10000) FROM generate_series(1, %d) g", 7+i%30)
			if _, err := batchinsert.Export(t.Context(), r, query, w, nil); !errors.Is(err, full) {
				t.Fatal(err)
			}
			if n, err := batchinsert.Export(t.Context(), r, "SELECT 1", io.Discard, nil); n != 1 || err != nil {
				t.Fatalf("round %d: %d, %v", i, n, err)
			}
		}
	})
}

// A writer that panics does so in the goroutine of the caller. Its connection is
// given up, and no other.
func TestExportWriterPanics(t *testing.T) {
	t.Parallel()
	pg := open(t)
	func() {
		defer func() {
			if v := recover(); v != "boom" {
				t.Errorf("recovered %v", v)
			}
		}()
		w := writerFunc(func([]byte) (int, error) { panic("boom") })
		_, err := batchinsert.Export(t.Context(), pg, wide, w, nil)
		t.Errorf("returned %v", err)
	}()
	for deadline := time.Now().Add(3 * time.Second); pg.Stat().AcquiredConns() != 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the connection was not given back")
		}
	}
	if get[int](t, pg, "SELECT 1") != 1 {
		t.Error("no SELECT")
	}
}

// The connection to a server that no longer answers is closed soon after the
// context ends.
func TestExportFromAnUnresponsiveServer(t *testing.T) {
	t.Parallel()
	pool, proxy := overProxy(t, "")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := time.Now()
	w := writerFunc(func(p []byte) (int, error) {
		if ctx.Err() == nil {
			proxy.Silence(faultproxy.ToClient, true)
			ended = time.Now()
			cancel()
		}
		return len(p), nil
	})
	_, err := batchinsert.Export(ctx, pool, wide, w, nil)
	if took := time.Since(ended); !errors.Is(err, context.Canceled) || took > 5*time.Second {
		t.Errorf("%v, %v after the context's end", err, took)
	}
	proxy.Silence(faultproxy.ToClient, false)
	if get[int](t, pool, "SELECT 1") != 1 {
		t.Error("no SELECT")
	}
}
