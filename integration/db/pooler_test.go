//go:build unix

package db_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/pgbouncer"
	"github.com/headrace/headrace/integration/pgtest"
)

// A wide is a row of types whose text and binary forms differ.
type wide struct {
	ID      int64
	Price   float64
	Flag    bool
	At      time.Time
	Day     time.Time
	Data    []byte
	Tags    []string
	Numbers []int32
	Doc     map[string]any
	Addr    netip.Addr
	UUID    [16]byte
	Name    *string
}

var wideByID = db.MustCompile[wide](`
	SELECT $1::int8 AS id, 1.5::float8 AS price, true AS flag, '2026-01-02 03:04:05.678901+00'::timestamptz AS at,
	       '2026-01-02'::date AS day, '\x00ff'::bytea AS data,
	       '{a,"b c"}'::text[] AS tags, '{1,-2}'::int4[] AS numbers, '{"k": [1, "v"]}'::jsonb AS doc,
	       '10.1.2.3'::inet AS addr, '00112233-4455-6677-8899-aabbccddeeff'::uuid AS uuid, NULLIF('', '') AS name`)

func TestBehindPgBouncer(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		mode pgbouncer.Mode
		exec string // default_query_exec_mode
	}{
		{pgbouncer.Session, "cache_statement"},
		{pgbouncer.Transaction, "exec"},
		{pgbouncer.Transaction, "simple_protocol"},
		{pgbouncer.Transaction, "cache_statement"}, // statements run twice where their name is lost
		{pgbouncer.Statement, "simple_protocol"},
	} {
		t.Run(fmt.Sprintf("%s/%s", tt.mode, tt.exec), func(t *testing.T) {
			t.Parallel()
			direct := open(t, nil, itemSchema...)
			connString := direct.Pool().Config().ConnString()
			bouncer := pgbouncer.New(t, connString, &pgbouncer.Options{
				Mode:     tt.mode,
				Settings: map[string]string{"default_pool_size": "2"}, // fewer than clients: they change servers
			})
			clients := 6
			if tt.mode == pgbouncer.Session {
				clients = 2
			}
			through := bouncer.ConnString(direct.Pool().Config().ConnConfig.Database)
			pg, err := db.Open(t.Context(), fmt.Sprintf("%s&pool_max_conns=%d&default_query_exec_mode=%s", through, clients, tt.exec), &db.Options{Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(pg.Close)
			want, err := wideByID.One(t.Context(), direct, int64(7))
			if err != nil {
				t.Fatal(err)
			}
			items := db.MustCompile[item]("SELECT id, name FROM items WHERE id <= $1 ORDER BY id")
			var group sync.WaitGroup
			for range 6 {
				group.Go(func() {
					for i := range 40 {
						n := i%10 + 1
						if all, err := items.All(t.Context(), pg, n); err != nil || len(all) != n {
							t.Errorf("%d rows of %d, error %v", len(all), n, err)
							return
						}
						got, err := wideByID.One(t.Context(), pg, int64(7))
						if err != nil || fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
							t.Errorf("%+v, want %+v, error %v", got, want, err)
							return
						}
						var id int
						if err := pg.QueryRow(t.Context(), "SELECT id FROM items WHERE name = $1", "item 3").Scan(&id); err != nil || id != 3 {
							t.Errorf("id %d, error %v", id, err)
							return
						}
						if _, err := pg.Exec(t.Context(), "UPDATE items SET tags = NULL WHERE id = $1", i%10); err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
			group.Wait()
			lost := pg.Stats().LostNames
			if named := tt.exec == "cache_statement" && tt.mode == pgbouncer.Transaction; lost > 0 && !named {
				t.Errorf("%d statements lost their names", lost)
			}
			if tt.mode == pgbouncer.Statement {
				return // no transactions of several statements
			}
			err = pg.InTx(t.Context(), db.TxOptions{}, func(tx pgx.Tx) error {
				if tt.exec == "cache_statement" && tt.mode == pgbouncer.Transaction {
					return nil // inside a transaction a lost name stays an error
				}
				_, err := items.All(t.Context(), tx, 3)
				return errors.Join(err, pgx.BeginFunc(t.Context(), tx, func(tx pgx.Tx) error {
					_, err := tx.Exec(t.Context(), "DELETE FROM items WHERE id = $1", 1)
					return err
				}))
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// Lost statement names are invisible to callers, however a statement is sent.
// Only a batch of the program cannot be retried, since the program may have
// read results. Its error says so, and it is counted.
func TestEveryWayBehindPgBouncer(t *testing.T) {
	t.Parallel()
	for _, exec := range []string{"exec", "simple_protocol", "cache_statement"} {
		t.Run(exec, func(t *testing.T) {
			t.Parallel()
			_, direct := plans(t)
			bouncer := pgbouncer.New(t, direct.Pool().Config().ConnString(), &pgbouncer.Options{
				Mode:     pgbouncer.Transaction,
				Settings: map[string]string{"default_pool_size": "2"},
			})
			through := bouncer.ConnString(direct.Pool().Config().ConnConfig.Database)
			pg, err := db.Open(t.Context(), through+"&pool_max_conns=8&default_query_exec_mode="+exec, &db.Options{Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(pg.Close)
			var batches atomic.Int64 // that lost a name
			var group sync.WaitGroup
			for _, q := range append(queriersOf(t, pg), pg, pg.Pool()) {
				group.Go(func() {
					for range 10 {
						for _, way := range waysToRead {
							if n, err := way.read(t.Context(), q); err != nil || n != 10 {
								t.Errorf("%s on a %T: %d rows, error %v", way.name, q, n, err)
								return
							}
						}
						var batch pgx.Batch
						batch.Queue("SELECT $1::int", 1)
						batch.Queue("SELECT $1::int", 2)
						err := q.SendBatch(t.Context(), &batch).Close()
						pgErr, lost := errors.AsType[*pgconn.PgError](err)
						switch {
						case err == nil:
						case lost && exec == "cache_statement" && (pgErr.Code == "26000" || pgErr.Code == "42P05"):
							if pool, ok := q.(*pgxpool.Pool); !ok || pool == pg.Pool() { // a foreign pool does not count
								batches.Add(1)
							}
						default:
							t.Errorf("batch on a %T: %v", q, err)
						}
					}
				})
			}
			group.Wait()
			if exec == "exec" {
				hitsNothingElse(t, pg)
			}
			lost := pg.Stats().LostNames
			if lost < batches.Load() || exec != "cache_statement" && lost > 0 {
				t.Errorf("%d names were lost, by %d batches of the program's among others", lost, batches.Load())
			}
			t.Logf("%d names were lost, %d in batches of the program's", lost, batches.Load())
		})
	}
}

// A transaction with a transaction id can begin behind a pooler that loses the
// names of statements.
func TestResolveBehindPgBouncer(t *testing.T) {
	t.Parallel()
	direct := open(t, nil, "CREATE TABLE t (id int)")
	bouncer := pgbouncer.New(t, direct.Pool().Config().ConnString(), &pgbouncer.Options{
		Mode:     pgbouncer.Transaction,
		Settings: map[string]string{"default_pool_size": "2"},
	})
	through := bouncer.ConnString(direct.Pool().Config().ConnConfig.Database)
	pg, err := db.Open(t.Context(), through+"&pool_max_conns=8&default_query_exec_mode=cache_statement", &db.Options{Logger: slog.New(slog.DiscardHandler)})
	must(t)(nil, err)
	t.Cleanup(pg.Close)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 40 {
				if err := pg.InTx(t.Context(), db.TxOptions{Resolve: true}, func(tx pgx.Tx) error {
					_, err := tx.Exec(t.Context(), "INSERT INTO t VALUES ($1)", pgx.QueryExecModeExec, 1)
					return err
				}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	if n := count(t, direct, "SELECT count(*)::int FROM t"); n != 320 {
		t.Errorf("%d rows, want 320", n)
	}
}

// A doubt behind a pooler with process ids of its own is resolved, too.
func TestDoubtBehindPgBouncerIsResolved(t *testing.T) {
	t.Parallel()
	connString := pgtest.New(t)
	bouncer := pgbouncer.New(t, connString, nil)
	direct, err := pgx.ParseConfig(connString)
	if err != nil {
		t.Fatal(err)
	}
	pg, lose := openDeaf(t, bouncer.ConnString(direct.Database)+"&default_query_exec_mode=exec", 0)
	must(t)(pg.Exec(t.Context(), "CREATE TABLE a (id int)"))
	log := watch(t, pg)
	lose("insert into a")
	if _, err := pg.Exec(t.Context(), "INSERT INTO a VALUES (1)"); err == nil {
		t.Fatal("no error although the answer was lost")
	}
	if announced := waitFor(t, log, "public.a?; public.a!"); announced != "public.a?; public.a!" {
		t.Errorf("announced %q", announced)
	}
}

// A doubt waits a second for the pooler before the first poll. Examinations for
// other commits go on meanwhile.
func TestDoubtBehindPgBouncerDelaysNoOther(t *testing.T) {
	t.Parallel()
	connString := pgtest.New(t)
	bouncer := pgbouncer.New(t, connString, nil)
	direct, err := pgx.ParseConfig(connString)
	must(t)(nil, err)
	pg, lose := openDeaf(t, bouncer.ConnString(direct.Database)+"&default_query_exec_mode=exec", 0)
	must(t)(pg.Exec(t.Context(), "CREATE TABLE a (id int)"))
	const tries = 5 // on a busy machine a second may be too short
	for i := range tries {
		must(t)(pg.Exec(t.Context(), fmt.Sprintf("CREATE TABLE b%d (id int)", i)))
	}
	log := watch(t, pg)
	insert := func() error { _, err := pg.Exec(t.Context(), "INSERT INTO a VALUES (1)"); return err }
	must(t)(nil, insert()) // what it changes is known from now on
	announced := ""
	for i := range tries {
		table := fmt.Sprintf("b%d", i)
		log.takeKnown()
		lose("insert into a")
		if insert() == nil {
			t.Fatal("no error although the answer was lost")
		}
		must(t)(pg.Exec(t.Context(), "INSERT INTO "+table+" VALUES (1)"))
		log.wait()
		announced = log.take() // in the order of time
		if resolved := strings.Index(announced, "public.a!"); strings.Contains(announced[:max(resolved, 0)], table) {
			return
		}
	}
	t.Errorf("the change of another table was not known before the doubt was resolved: %q", announced)
}

// The setup of a connection works behind a pooler, even if the names of its
// statements are lost.
func TestConnectingBehindPgBouncer(t *testing.T) {
	t.Parallel()
	type pair struct {
		A int
		M string
		C string
	}
	read := db.MustCompile[[]pair]("SELECT ARRAY[ROW($1::int, 'high', 'C')]::pair[] FROM pg_sleep(0.01)")
	for _, exec := range []string{"exec", "simple_protocol", "cache_statement"} {
		t.Run(exec, func(t *testing.T) {
			t.Parallel()
			direct := open(t, nil, "CREATE EXTENSION citext", "CREATE TYPE mood AS ENUM ('low', 'high')", "CREATE TYPE pair AS (a int, m mood, c citext)")
			bouncer := pgbouncer.New(t, direct.Pool().Config().ConnString(), &pgbouncer.Options{
				Mode:     pgbouncer.Transaction,
				Settings: map[string]string{"default_pool_size": "2"},
			})
			through := bouncer.ConnString(direct.Pool().Config().ConnConfig.Database)
			pg, err := db.Open(t.Context(), through+"&pool_max_conns=8&default_query_exec_mode="+exec, &db.Options{
				Types:   []string{"mood", "citext", "pair", "_pair"},
				Prepare: []db.Compiled{read},
				Logger:  slog.New(slog.DiscardHandler),
			})
			must(t)(nil, err)
			t.Cleanup(pg.Close)
			var group sync.WaitGroup
			for range 5 {
				group.Go(func() {
					for i := range 12 {
						got, err := read.One(t.Context(), pg, i)
						if err != nil || len(got) != 1 || got[0] != (pair{i, "high", "C"}) {
							t.Errorf("%v, error %v", got, err)
							return
						}
						if i%5 == 0 {
							pg.Pool().Reset() // connections to come begin anew
						}
					}
				})
			}
			group.Wait()
		})
	}
}
