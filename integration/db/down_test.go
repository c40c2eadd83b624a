package db_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/faultproxy"
	"github.com/headrace/headrace/integration/pgtest"
)

// calls are all ways to request a connection from a handle. Each returns the
// error of the call.
var calls = map[string]func(t *testing.T, pg *db.DB) error{
	"Acquire": func(t *testing.T, pg *db.DB) error {
		conn, err := pg.Acquire(t.Context())
		if err == nil {
			conn.Release()
		}
		return err
	},
	"Exec": func(t *testing.T, pg *db.DB) error {
		_, err := pg.Exec(t.Context(), "SELECT 1")
		return err
	},
	"Query": func(t *testing.T, pg *db.DB) error {
		rows, err := pg.Query(t.Context(), "SELECT 1")
		rows.Close()
		return err
	},
	"QueryRow": func(t *testing.T, pg *db.DB) error {
		var n int
		return pg.QueryRow(t.Context(), "SELECT 1").Scan(&n)
	},
	"Ping": func(t *testing.T, pg *db.DB) error { return pg.Ping(t.Context()) },
	"Begin": func(t *testing.T, pg *db.DB) error {
		tx, err := pg.Begin(t.Context())
		if err == nil {
			err = tx.Rollback(t.Context())
		}
		return err
	},
	"BeginTx": func(t *testing.T, pg *db.DB) error {
		tx, err := pg.BeginTx(t.Context(), pgx.TxOptions{AccessMode: pgx.ReadOnly})
		if err == nil {
			err = tx.Commit(t.Context())
		}
		return err
	},
	"InTx": func(t *testing.T, pg *db.DB) error {
		return pg.InTx(t.Context(), db.TxOptions{}, func(pgx.Tx) error { return nil })
	},
	"SendBatch": func(t *testing.T, pg *db.DB) error {
		var batch pgx.Batch
		batch.Queue("SELECT 1")
		return pg.SendBatch(t.Context(), &batch).Close()
	},
	"CopyFrom": func(t *testing.T, pg *db.DB) error {
		_, err := pg.CopyFrom(t.Context(), pgx.Identifier{"items"}, []string{"id", "name"}, pgx.CopyFromRows(nil))
		return err
	},
	"CopyRaw": func(t *testing.T, pg *db.DB) error {
		_, err := db.CopyRaw(t.Context(), pg, "COPY items FROM STDIN", strings.NewReader(""))
		return err
	},
	"Check": func(t *testing.T, pg *db.DB) error { return pg.Check(t.Context(), one) },
	"One": func(t *testing.T, pg *db.DB) error {
		_, err := one.One(t.Context(), pg)
		return err
	},
	"Each": func(t *testing.T, pg *db.DB) error {
		for _, err := range one.Each(t.Context(), pg) {
			return err
		}
		return nil
	},
	"Page": func(t *testing.T, pg *db.DB) error {
		_, err := db.MustCompile[item]("SELECT id, name FROM items").Page(t.Context(), pg, db.Pager{Keys: []db.Order{db.Asc("id")}}, "", 1)
		return err
	},
	"Gather": func(t *testing.T, pg *db.DB) error { return db.Gather(t.Context(), pg, one.GatherOne()) },
}

var one = db.MustCompile[int]("SELECT 1")

// The error for a server that became unreachable after Open is the same as from
// Open.
func TestServerDownIsReportedInOneLine(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"opened", "adopted"} {
		pg, proxy := overProxy(t, kind)
		for name, call := range calls {
			if err := call(t, pg); err != nil {
				t.Errorf("%s: %s with the server: %v", kind, name, err)
			}
		}
		if err := proxy.Close(); err != nil {
			t.Fatal(err)
		}
		pg.Pool().Reset() // otherwise the first calls fail with their lost connection
		want := fmt.Sprintf(`connect to %s as user "postgres": nothing listens there (is the server running?): `, proxy.Addr())
		for name, call := range calls {
			err := call(t, pg)
			if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: %s: error %v,\nwant one line with %q", kind, name, err, want)
			}
			if _, ok := errors.AsType[*pgconn.ConnectError](err); !ok {
				t.Errorf("%s: %s: no ConnectError in %v", kind, name, err)
			}
		}
	}
}

// overProxy returns a handle, with the items in its database, to a server
// behind a proxy.
func overProxy(t *testing.T, kind string) (*db.DB, *faultproxy.Proxy) {
	t.Helper()
	direct := pgtest.New(t)
	cfg, err := pgxpool.ParseConfig(direct)
	if err != nil {
		t.Fatal(err)
	}
	proxy, err := faultproxy.Start(fmt.Sprintf("%s:%d", cfg.ConnConfig.Host, cfg.ConnConfig.Port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { proxy.Close() })
	connString, err := proxy.ConnString(direct)
	if err != nil {
		t.Fatal(err)
	}
	connString += "&connect_timeout=5&user=postgres"
	var pg *db.DB
	if kind == "opened" {
		pg, err = db.Open(t.Context(), connString, nil)
	} else {
		var pool *pgxpool.Pool
		if pool, err = pgxpool.New(t.Context(), connString); err == nil {
			pg, err = db.New(pool, nil)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pg.Close)
	for _, sql := range itemSchema {
		must(t)(pg.Exec(t.Context(), sql))
	}
	return pg, proxy
}

// Every acquire is measured: Waits includes each caller that had to wait, with
// or without success.
func TestWaitsCountEveryCall(t *testing.T) {
	t.Parallel()
	pg := openOne(t)
	for name, call := range calls {
		before := pg.Stats()
		held, err := pg.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		const held4 = 30 * time.Millisecond
		time.AfterFunc(held4, held.Release)
		if err := call(t, pg); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		after := pg.Stats()
		if n := after.Waits.Count - before.Waits.Count; n < 2 { // our own Acquire, and the call's
			t.Errorf("%s: %d waits are counted, want 2", name, n)
		}
		if waited := after.Waits.Total - before.Waits.Total; waited < held4/2 {
			t.Errorf("%s: a wait of %v, want about %v", name, waited, held4)
		}
		if charged := waitOf(after) - waitOf(before); charged < held4/2 && !slices.Contains([]string{"Acquire", "Ping", "Check"}, name) {
			t.Errorf("%s: statements are charged with a wait of %v, want about %v", name, charged, held4)
		}
	}
}

// The longest wait is the one for a new connection.
func TestWaitsCountConnecting(t *testing.T) {
	t.Parallel()
	pg := openOne(t)
	pg.Pool().Reset()
	before := pg.Stats()
	must(t)(pg.Exec(t.Context(), "SELECT 1"))
	after := pg.Stats()
	if n := after.Waits.Count - before.Waits.Count; n != 1 || waitOf(after)-waitOf(before) < 50*time.Microsecond {
		t.Errorf("%d waits are counted, and statements charged with %v: want one, and the time that connecting takes", n, waitOf(after)-waitOf(before))
	}
}

// waitOf adds up the waits of statements.
func waitOf(s db.Stats) (sum time.Duration) {
	for _, st := range s.Statements {
		sum += st.Wait
	}
	return sum
}
