package db_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/faultproxy"
	"github.com/headrace/headrace/integration/pgserver"
	"github.com/headrace/headrace/integration/pgtest"
)

var resolving = db.TxOptions{Resolve: true}

// raise returns a function that increments a counter, and the number of its
// runs.
func raise(t *testing.T, runs *int) func(pgx.Tx) error {
	return func(tx pgx.Tx) error {
		*runs++
		_, err := tx.Exec(t.Context(), "UPDATE counter SET n = n + 1")
		return err
	}
}

// Wherever the exchange of COMMIT is cut, the transaction takes place once, and
// InTx returns nil.
func TestLostCommitsAreResolved(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"opened", "adopted"} {
		pg, proxy := overProxy(t, kind)
		must(t)(pg.Exec(t.Context(), "CREATE TABLE counter (n int)"))
		must(t)(pg.Exec(t.Context(), "INSERT INTO counter VALUES (0)"))
		raised, again := 0, 0
		for _, cut := range []struct {
			direction faultproxy.Direction
			after     string // the type and length of COMMIT's message, and of its answer
			bytes     int    // that follow
		}{
			{faultproxy.ToServer, "Q\x00\x00\x00\x0b", len("commit\x00")},
			{faultproxy.ToClient, "C\x00\x00\x00\x0b", len("COMMIT\x00Z....I")},
		} {
			for plus := range cut.bytes + 1 {
				fired := proxy.Fail(faultproxy.Fault{Direction: cut.direction, After: []byte(cut.after), Plus: plus, Kind: faultproxy.Cut})
				runs := 0
				if err := pg.InTx(t.Context(), resolving, raise(t, &runs)); err != nil {
					t.Errorf("%s: cut %d bytes after %q: %v", kind, plus, cut.after, err)
				}
				select {
				case <-fired:
				case <-time.After(10 * time.Second):
					t.Fatalf("%s: nothing was cut %d bytes after %q", kind, plus, cut.after)
				}
				raised++
				again += runs - 1
				pg.Pool().Reset() // the connection of the last cut may look alive
				if n := count(t, pg, "SELECT n FROM counter"); n != raised {
					t.Fatalf("%s: cut %d bytes after %q: the counter is %d after %d transactions", kind, plus, cut.after, n, raised)
				}
			}
		}
		if again == 0 {
			t.Errorf("%s: no transaction had to run again: nothing was cut before COMMIT arrived", kind)
		}
	}
}

// behindProxy returns a handle to a server that can be killed, with a counter.
func behindProxy(t *testing.T) (*db.DB, *faultproxy.Proxy, *pgserver.Server) {
	t.Helper()
	server := pgtest.Private(t, &pgserver.Options{})
	proxy, err := faultproxy.Start(server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { proxy.Close() })
	connString, err := proxy.ConnString(server.ConnString())
	if err != nil {
		t.Fatal(err)
	}
	pg, err := db.Open(t.Context(), connString, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pg.Close)
	must(t)(pg.Exec(t.Context(), "CREATE TABLE counter (n int)"))
	must(t)(pg.Exec(t.Context(), "INSERT INTO counter VALUES (0)"))
	must(t)(pg.Exec(t.Context(), "CHECKPOINT"))
	return pg, proxy, server
}

// A transaction whose server dies before COMMIT arrives is retried once the
// server is back, unless another transaction may have been given its id
// meanwhile.
func TestCommitsAreResolvedAfterACrash(t *testing.T) {
	t.Parallel()
	for _, reused := range []bool{false, true} {
		pg, proxy, server := behindProxy(t)
		back := make(chan error, 1)
		runs := 0
		err := pg.InTx(t.Context(), resolving, func(tx pgx.Tx) error {
			if err := raise(t, &runs)(tx); err != nil || runs > 1 {
				return err
			}
			proxy.Refuse(true)
			if err := server.Kill(t.Context()); err != nil {
				return err
			}
			go func() { back <- comeBack(t.Context(), server, proxy, reused) }()
			return nil
		})
		if err := <-back; err != nil {
			t.Fatal(err)
		}
		n := count(t, pg, "SELECT n FROM counter")
		if !reused && (err != nil || runs != 2 || n != 1) {
			t.Errorf("%d runs, %v, the counter is %d; want it raised by the second run", runs, err, n)
		}
		if reused && (!errors.As(err, new(*db.CommitUnknownError)) || runs != 1 || n != 0) {
			t.Errorf("the id was used again: %d runs, %v, the counter is %d; want a CommitUnknownError", runs, err, n)
		}
	}
}

// comeBack starts the server and directs the proxy to it, after some
// transactions of other programs if requested.
func comeBack(ctx context.Context, server *pgserver.Server, proxy *faultproxy.Proxy, others bool) error {
	if err := server.Restart(ctx); err != nil {
		return err
	}
	if others {
		conn, err := pgx.Connect(ctx, server.ConnString())
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close(ctx) }()
		for range 10 {
			if _, err := conn.Exec(ctx, "SELECT pg_current_xact_id()"); err != nil {
				return err
			}
		}
	}
	proxy.Refuse(false)
	return nil
}

// If the outcome cannot be determined in time, the error names the transaction.
func TestUnknownCommits(t *testing.T) {
	t.Parallel()
	pg, proxy := overProxy(t, "opened")
	must(t)(pg.Exec(t.Context(), "CREATE TABLE counter (n int)"))
	runs := 0
	err := pg.InTx(t.Context(), resolving, func(tx pgx.Tx) error {
		err := raise(t, &runs)(tx)
		proxy.Refuse(true)
		proxy.CutAll()
		return err
	})
	unknown, ok := errors.AsType[*db.CommitUnknownError](err)
	if !ok || unknown.ID == "" || unknown.Unwrap() == nil || runs != 1 {
		t.Errorf("%d runs, %v; want one, and a CommitUnknownError", runs, err)
	}
	proxy.Refuse(false)
}

// If the server rejects the commit, or the transaction fails before COMMIT, the
// outcome is known.
func TestResolveReturnsOtherErrors(t *testing.T) {
	t.Parallel()
	pg := open(t, nil, "CREATE TABLE a (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED)", "INSERT INTO a VALUES (1)")
	err := pg.InTx(t.Context(), resolving, func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), "INSERT INTO a VALUES (1)")
		return err
	})
	if err == nil || errors.As(err, new(*db.CommitUnknownError)) {
		t.Errorf("a constraint that speaks at COMMIT: %v", err)
	}
	mine := errors.New("mine")
	if err := pg.InTx(t.Context(), resolving, func(pgx.Tx) error { return mine }); !errors.Is(err, mine) {
		t.Errorf("an error of the program's: %v", err)
	}
	if n := pg.Stat().AcquiredConns(); n != 0 {
		t.Errorf("%d connections were not released", n)
	}
}
