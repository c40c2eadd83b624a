package diagnose_test

import (
	"context"
	"math/rand/v2"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/db/diagnose"
	"github.com/headrace/headrace/integration/faultproxy"
	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/querycache"
)

// A program without problems gives no findings.
func TestHealthyProgram(t *testing.T) {
	t.Parallel()
	pg := openPool(t, 8, itemSchema...)
	cache, err := querycache.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cache.Close) // after the load has ended
	reads, err := cache.ReadThrough(pg, querycache.Policy{TTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	m := monitor(t, pg, diagnose.Options{Caches: map[string]*querycache.Cache{"main": cache}})
	load(t, 2, func(ctx context.Context) error {
		ctx, span := db.Profile(ctx, "request")
		defer span.End()
		for range 3 {
			if _, err := itemByID.One(ctx, reads, 1+rand.IntN(20)); err != nil {
				return err
			}
		}
		if _, err := db.All[item](ctx, pg, db.SQL("SELECT id, name FROM items WHERE id > $1 ORDER BY id LIMIT 20", rand.IntN(1000))); err != nil {
			return err
		}
		err := pg.InTx(ctx, db.TxOptions{}, func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, "UPDATE items SET name = $2 WHERE id = $1", 1000+rand.IntN(1000), "x")
			return err
		})
		time.Sleep(20 * time.Millisecond)
		return err
	})
	awaitWindows(t, m, 15)
	// The machine may be busy with other tests: the process and the disk of the server are not this program's.
	findings := slices.DeleteFunc(m.Findings(t.Context()), func(f diagnose.Finding) bool {
		return f.Kind == diagnose.ProcessBusy || f.Statement == "commit"
	})
	if len(findings) > 0 {
		t.Errorf("found %+v", findings)
	}
	w := awaitWindows(t, m, 1)
	if w.Calls == 0 || w.Total == 0 || w.P99 == 0 || w.Pool.Max != 8 || w.Pool.Acquired == 0 || w.Lag != -1 || len(w.Notes) > 0 {
		t.Errorf("the window is %+v", w)
	}
	if len(w.Caches) != 1 || w.Caches[0].Name != "main" || w.Caches[0].Answered == 0 || w.Caches[0].HitRatio() < 0.5 {
		t.Errorf("the caches are %+v", w.Caches)
	}
	if !slices.ContainsFunc(w.Statements, func(s diagnose.StatementWindow) bool {
		return strings.HasPrefix(s.Text, "update items") && s.Calls > 0 && s.P99 > 0
	}) {
		t.Errorf("the statements are %+v", w.Statements)
	}
}

func TestPoolSaturated(t *testing.T) {
	t.Parallel()
	pg := openPool(t, 2)
	m := monitor(t, pg, diagnose.Options{})
	stop := load(t, 8, func(ctx context.Context) error {
		_, err := pg.Exec(ctx, "SELECT pg_sleep(0.02)")
		return err
	})
	f := await(t, m, diagnose.PoolSaturated)
	if f.Share < 0.5 || !strings.Contains(f.Evidence, "All 2 connections") || !strings.Contains(f.Do, "pool_max_conns") {
		t.Errorf("found %+v", f)
	}
	awaitBottleneck(t, m, diagnose.ByPool)
	stop()

	// Connections that are held while nothing runs on them.
	load(t, 8, func(ctx context.Context) error {
		return pg.InTx(ctx, db.TxOptions{}, func(pgx.Tx) error { time.Sleep(50 * time.Millisecond); return nil })
	})
	awaitWindows(t, m, 12)
	if f := await(t, m, diagnose.PoolSaturated); !strings.Contains(f.Do, "release them earlier") {
		t.Errorf("found %+v", f)
	}
}

func TestStatementDominant(t *testing.T) {
	t.Parallel()
	pg := openPool(t, 4, itemSchema...)
	m := monitor(t, pg, diagnose.Options{})
	load(t, 2, func(ctx context.Context) error {
		if _, err := itemByID.One(ctx, pg, 1); err != nil {
			return err
		}
		_, err := pg.Exec(ctx, "-- name: Slow :exec\nSELECT pg_sleep(0.05)")
		return err
	})
	f := await(t, m, diagnose.StatementDominant)
	if f.Name != "Slow" || f.Statement != "select pg_sleep(?)" || f.Fingerprint == 0 || f.Share < 0.5 {
		t.Errorf("found %+v", f)
	}
	if b := awaitBottleneck(t, m, diagnose.ByDatabase); b.Name != "Slow" {
		t.Errorf("the bottleneck is %+v", b)
	}
}

func TestStatementRepeated(t *testing.T) {
	t.Parallel()
	pg := openPool(t, 4, itemSchema...)
	m := monitor(t, pg, diagnose.Options{})
	load(t, 1, func(ctx context.Context) error {
		ctx, span := db.Profile(ctx, "orders")
		defer span.End()
		for id := range 30 {
			if _, err := itemByID.One(ctx, pg, 1+id); err != nil {
				return err
			}
		}
		return nil
	})
	f := await(t, m, diagnose.StatementRepeated)
	if f.Name != "ItemByID" || len(f.Stack) == 0 || !strings.HasSuffix(f.Stack[0].File, "findings_test.go") || !strings.Contains(f.Evidence, `"orders"`) {
		t.Errorf("found %+v", f)
	}
}

func TestReadsIdentical(t *testing.T) {
	t.Parallel()
	pg := openPool(t, 4, itemSchema...)
	m := monitor(t, pg, diagnose.Options{})
	load(t, 1, func(ctx context.Context) error {
		ctx, span := db.Profile(ctx, "prices")
		defer span.End()
		for range 30 {
			if _, err := itemByID.One(ctx, pg, 7); err != nil {
				return err
			}
		}
		return nil
	})
	if f := await(t, m, diagnose.ReadsIdentical); f.Name != "ItemByID" || !strings.Contains(f.Evidence, `"prices"`) {
		t.Errorf("found %+v", f)
	}
	for _, f := range m.Findings(t.Context()) {
		if f.Kind == diagnose.StatementRepeated {
			t.Errorf("identical reads count as a loop: %+v", f)
		}
	}
}

func TestResultsLarge(t *testing.T) {
	t.Parallel()
	pg := openPool(t, 4, itemSchema...)
	m := monitor(t, pg, diagnose.Options{})
	load(t, 1, func(ctx context.Context) error {
		_, err := allItems.All(ctx, pg)
		return err
	})
	if f := await(t, m, diagnose.ResultsLarge); f.Name != "AllItems" || !strings.Contains(f.Evidence, "20000 rows") || !strings.Contains(f.Evidence, "no LIMIT") {
		t.Errorf("found %+v", f)
	}
}

func TestCacheIneffective(t *testing.T) {
	t.Parallel()
	pg := openPool(t, 4, itemSchema...)
	cache, err := querycache.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cache.Close) // after the load has ended
	reads, err := cache.ReadThrough(pg, querycache.Policy{TTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	stop, err := cache.Follow(pg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	m := monitor(t, pg, diagnose.Options{Caches: map[string]*querycache.Cache{"prices": cache, "missing": nil}})
	load(t, 1, func(ctx context.Context) error {
		for range 3 {
			if _, err := itemByID.One(ctx, reads, 1); err != nil {
				return err
			}
			if _, err := pg.Exec(ctx, "UPDATE items SET name = $1 WHERE id = 1", "x"); err != nil {
				return err
			}
		}
		return nil
	})
	f := await(t, m, diagnose.CacheIneffective)
	if f.Cache != "prices" || f.Share < 0.1 || !strings.Contains(f.Do, "written too often") {
		t.Errorf("found %+v", f)
	}
	if w := awaitWindows(t, m, 1); !slices.Contains(w.Notes, `cache "missing" is nil`) {
		t.Errorf("the notes are %q", w.Notes)
	}
}

// slowTrip matches 20 ms, that of the proxy, and more, on a busy machine.
var slowTrip = regexp.MustCompile(`A round trip takes ([2-9]\d|\d{3})(\.\d+)?ms`)

// A slow network is told from a slow server.
func TestNetworkBound(t *testing.T) {
	t.Parallel()
	direct := pgtest.New(t)
	address, err := url.Parse(direct)
	if err != nil {
		t.Fatal(err)
	}
	proxy, err := faultproxy.Start(address.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = proxy.Close() })
	proxied, err := proxy.ConnString(direct)
	if err != nil {
		t.Fatal(err)
	}
	pg := openAt(t, proxied, 4, itemSchema...)
	proxy.Latency(10 * time.Millisecond)
	m := monitor(t, pg, diagnose.Options{})
	stop := load(t, 2, func(ctx context.Context) error {
		_, err := itemByID.One(ctx, pg, 1)
		return err
	})
	f := await(t, m, diagnose.NetworkBound)
	if f.Share < 0.5 || !slowTrip.MatchString(f.Evidence) || !strings.Contains(f.Evidence, "ItemByID") {
		t.Errorf("found %+v", f)
	}
	awaitBottleneck(t, m, diagnose.ByNetwork)
	if found := kindsOf(m.Findings(t.Context())); slices.Contains(found, diagnose.StatementDominant) {
		t.Errorf("the statement is blamed for the network: %q", found)
	}
	stop()

	load(t, 2, func(ctx context.Context) error {
		_, err := pg.Exec(ctx, "SELECT pg_sleep(0.2)")
		return err
	})
	awaitWindows(t, m, 13)
	await(t, m, diagnose.StatementDominant)
	if found := kindsOf(m.Findings(t.Context())); slices.Contains(found, diagnose.NetworkBound) {
		t.Errorf("the network is blamed for the statement: %q", found)
	}
}

func kindsOf(findings []diagnose.Finding) (out []diagnose.Kind) {
	for _, f := range findings {
		out = append(out, f.Kind)
	}
	return out
}

func TestLockWaits(t *testing.T) {
	t.Parallel()
	pg := openPool(t, 4, itemSchema...)
	m := monitor(t, pg, diagnose.Options{HeldFor: 3 * time.Second})
	tx, err := pg.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	pgtest.Exec(t, tx, "UPDATE items SET name = 'x' WHERE id = 1")
	done := make(chan error, 2)
	for range cap(done) {
		go func() {
			_, err := pg.Exec(context.WithoutCancel(t.Context()), "UPDATE items SET name = 'y' WHERE id = 1")
			done <- err
		}()
	}
	for f := await(t, m, diagnose.LockWaits); ; f = await(t, m, diagnose.LockWaits) {
		if strings.Contains(f.Title, "2 sessions wait") {
			for _, want := range []string{"items", "block them", "idle in a transaction"} {
				if !strings.Contains(f.Evidence, want) {
					t.Errorf("%q lacks %q", f.Evidence, want)
				}
			}
			break
		}
		time.Sleep(interval)
	}
	if b := awaitBottleneck(t, m, diagnose.ByLocks); b.Share == 0 {
		t.Errorf("the bottleneck is %+v", b)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range cap(done) {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	awaitNone(t, m, diagnose.LockWaits)
}

// awaitNone waits until there is no finding of a kind.
func awaitNone(t *testing.T, m *diagnose.Monitor, kind diagnose.Kind) {
	t.Helper()
	for began := time.Now(); slices.Contains(kindsOf(m.Findings(t.Context())), kind); time.Sleep(interval) {
		if time.Since(began) > patience {
			t.Fatalf("%s is still found: %+v", kind, m.Findings(t.Context()))
		}
	}
}

// Transactions that other programs leave open are found too.
func TestTransactionsOpenForLong(t *testing.T) {
	t.Parallel()
	connString := pgtest.New(t)
	pg := openAt(t, connString, 2)
	m := monitor(t, pg, diagnose.Options{HeldFor: 300 * time.Millisecond})
	other := pgtest.Connect(t, connString)
	pgtest.Exec(t, other, "BEGIN; SELECT 1")
	for f := await(t, m, diagnose.LockWaits); ; f = await(t, m, diagnose.LockWaits) {
		if strings.Contains(f.Evidence, "1 transaction is open for more than 300ms") && strings.Contains(f.Evidence, "1 session is idle in a transaction for more than 100ms") {
			break
		}
		time.Sleep(interval)
	}
	pgtest.Exec(t, other, "ROLLBACK")
	awaitNone(t, m, diagnose.LockWaits)
}

// Leaks are found with the place that acquired the connection, once
// acquisitions are recorded.
func TestConnectionLeaked(t *testing.T) {
	t.Parallel()
	pg := openPool(t, 6, itemSchema...)
	m := monitor(t, pg, diagnose.Options{HeldFor: 400 * time.Millisecond})
	first, err := pg.Acquire(t.Context()) // makes the Monitor record acquisitions
	if err != nil {
		t.Fatal(err)
	}
	defer first.Release() // may be called twice
	await(t, m, diagnose.ConnectionLeaked)
	leaked, err := pg.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer leaked.Release()
	tx, err := pg.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	open, err := pg.Query(t.Context(), allItems.SQL())
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	first.Release()

	want := []string{"no transaction is open and no statement runs", "a transaction is open", "its rows are not closed"}
	for began := time.Now(); len(want) > 0; time.Sleep(interval) {
		for _, f := range m.Findings(t.Context()) {
			if f.Kind != diagnose.ConnectionLeaked || len(f.Stack) == 0 || !strings.HasSuffix(f.Stack[0].File, "findings_test.go") {
				continue
			}
			want = slices.DeleteFunc(want, func(text string) bool { return strings.Contains(f.Evidence, text) })
		}
		if time.Since(began) > patience {
			t.Fatalf("no leak says %q: %+v", want, m.Findings(t.Context()))
		}
	}
	leaked.Release()
	open.Close()
	_ = tx.Rollback(t.Context())
	awaitNone(t, m, diagnose.ConnectionLeaked)
}
