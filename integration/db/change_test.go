package db_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/pgtest"
)

// A changeLog collects the changes that OnChange reports.
type changeLog struct {
	mu        sync.Mutex
	announced []string
}

func watch(t *testing.T, pg *db.DB) *changeLog {
	t.Helper()
	log := new(changeLog)
	stop, err := pg.OnChange(func(_ context.Context, changes []db.Change) {
		log.mu.Lock()
		defer log.mu.Unlock()
		var names []string
		for _, c := range changes {
			name := c.Table.String()
			if c.All {
				name = "*"
			}
			switch c.State {
			case db.InDoubt:
				name += "?"
			case db.Resolved:
				name += "!"
			case db.Unchanged:
				name += "="
			}
			names = append(names, name)
		}
		slices.Sort(names)
		log.announced = append(log.announced, strings.Join(names, " "))
	})
	if err != nil {
		t.Fatal(err)
	}
	logs.Store(pg, log)
	t.Cleanup(func() { logs.Delete(pg); stop() })
	return log
}

// take returns the changes since the last call, announcements separated by
// semicolons.
func (l *changeLog) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	announced := strings.Join(l.announced, "; ")
	l.announced = nil
	return announced
}

// takeKnown is take once nothing is in doubt, as if each commit had waited for
// its examination.
func (l *changeLog) takeKnown() string {
	l.wait()
	return known(l.take())
}

func (l *changeLog) wait() {
	for deadline := time.Now().Add(20 * time.Second); l.inDoubt() && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
}

// inDoubt reports whether a doubt has not ended yet.
func (l *changeLog) inDoubt() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return hasDoubt(strings.Join(l.announced, " "))
}

func hasDoubt(announced string) bool {
	return strings.Count(announced, "?") > strings.Count(announced, "!")+strings.Count(announced, "=")
}

// known removes the doubts of commits that only waited for their examination.
func known(announced string) string {
	var list []string
	begun := func() int { return slices.Index(list, "*?") }
	for one := range strings.SplitSeq(announced, "; ") {
		names := strings.Fields(one)
		if i := slices.Index(names, "*="); i >= 0 {
			names = slices.Delete(names, i, i+1)
			if i := begun(); i >= 0 {
				list[i] = strings.Join(names, " ")
				continue
			}
		}
		switch i := begun(); {
		case one == "*!" && i >= 0:
			list[i] = "*"
		case len(names) > 0:
			list = append(list, strings.Join(names, " "))
		}
	}
	return strings.Join(slices.DeleteFunc(list, func(one string) bool { return one == "" }), "; ")
}

// waitForExaminations waits until the changes of all commits of a watched handle are
// determined.
func waitForExaminations(pg *db.DB) {
	if log, ok := logs.Load(pg); ok {
		log.(*changeLog).wait()
	}
}

var logs sync.Map // of *db.DB to *changeLog

var changeSchema = []string{
	"CREATE TABLE a (id int PRIMARY KEY, v text)",
	"CREATE TABLE b (id int PRIMARY KEY, v text)",
	"CREATE TABLE parent (id int PRIMARY KEY)",
	"CREATE TABLE child (id int PRIMARY KEY, parent int REFERENCES parent ON DELETE CASCADE)",
	"CREATE TABLE audited (id int)",
	"CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO b VALUES (new.id + 1000); RETURN new; END $$",
	"CREATE TRIGGER audit BEFORE INSERT ON audited FOR EACH ROW EXECUTE FUNCTION audit()",
	"CREATE PROCEDURE both_ways() LANGUAGE plpgsql AS $$ BEGIN INSERT INTO a VALUES (500); COMMIT; INSERT INTO b VALUES (500); END $$",
	"INSERT INTO a SELECT i, 'a' FROM generate_series(1, 100) i",
}

// A changeCase is a program's use of a handle, and the changes announced for
// it.
type changeCase struct {
	name string
	do   func(pg *db.DB) error
	want string
	fail bool
}

// runChanges runs each case on its own database.
func runChanges(t *testing.T, setup []string, cases []changeCase) {
	t.Helper()
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			pg := open(t, nil, setup...)
			pg.Pool().Reset() // the server counts what a session did just before into its next transaction
			log := watch(t, pg)
			err := tt.do(pg)
			if (err != nil) != tt.fail {
				t.Fatalf("error %v, want one: %t", err, tt.fail)
			}
			if announced := log.takeKnown(); announced != tt.want {
				t.Errorf("announced %q, want %q", announced, tt.want)
			}
		})
	}
}

func begin(pg *db.DB, fn func(tx pgx.Tx) error) error {
	return pgx.BeginFunc(context.Background(), pg, fn)
}

func exec(q db.Execer, sql string, args ...any) error {
	_, err := q.Exec(context.Background(), sql, args...)
	if pg, ok := q.(*db.DB); ok {
		waitForExaminations(pg)
	}
	return err
}

// execAll runs statements one after the other, up to the first error.
func execAll(q db.Execer, statements ...string) error {
	for _, sql := range statements {
		if err := exec(q, sql); err != nil {
			return err
		}
	}
	return nil
}

// batch sends statements in one batch.
func batch(q interface {
	SendBatch(context.Context, *pgx.Batch) pgx.BatchResults
}, statements ...string,
) error {
	b := new(pgx.Batch)
	for _, sql := range statements {
		b.Queue(sql)
	}
	return q.SendBatch(context.Background(), b).Close()
}

// onConn runs fn with one connection of the pool.
func onConn(pg *db.DB, fn func(conn *pgxpool.Conn) error) error {
	return pg.Pool().AcquireFunc(context.Background(), fn)
}

var errStop = errors.New("stop")

func TestChanges(t *testing.T) {
	t.Parallel()
	runChanges(t, changeSchema, []changeCase{
		{name: "read", do: func(pg *db.DB) error { return exec(pg, "SELECT v FROM a WHERE id = 1") }},
		{name: "read with functions", do: func(pg *db.DB) error { return exec(pg, "SELECT count(*), now(), lower(max(v)) FROM a") }},
		{name: "insert", do: func(pg *db.DB) error { return exec(pg, "INSERT INTO a VALUES ($1, $2)", 200, "x") }, want: "public.a"},
		{name: "quoted and commented", do: func(pg *db.DB) error {
			return exec(pg, "/* DELETE FROM b */ DELETE /* -- */ FROM \"a\" WHERE v <> 'INSERT INTO b'")
		}, want: "public.a"},
		{name: "returning by QueryRow", do: func(pg *db.DB) error {
			var id int
			return pg.QueryRow(context.Background(), "INSERT INTO a VALUES (201) RETURNING id").Scan(&id)
		}, want: "public.a"},
		{name: "failed insert", do: func(pg *db.DB) error { return exec(pg, "INSERT INTO a VALUES (1)") }, fail: true},
		{name: "data-modifying CTE", do: func(pg *db.DB) error {
			return exec(pg, "WITH gone AS (DELETE FROM a WHERE id = 2 RETURNING id) INSERT INTO b SELECT id FROM gone")
		}, want: "public.a public.b"},
		{name: "CTE that shadows a table", do: func(pg *db.DB) error {
			return exec(pg, "WITH b AS (SELECT 700 AS id) INSERT INTO a SELECT id FROM b")
		}, want: "public.a"},
		{name: "cascade", do: func(pg *db.DB) error { return execAll(pg, "INSERT INTO parent VALUES (1)", "DELETE FROM parent") }, want: "public.parent; public.child public.parent"},
		{name: "trigger", do: func(pg *db.DB) error { return exec(pg, "INSERT INTO audited VALUES (1)") }, want: "public.audited public.b"},
		{name: "DO", do: func(pg *db.DB) error { return exec(pg, "DO $$ BEGIN DELETE FROM a WHERE id = 5; END $$") }, want: "*"},
		{name: "CALL", do: func(pg *db.DB) error { return exec(pg, "CALL both_ways()") }, want: "*"},
		{name: "truncate", do: func(pg *db.DB) error { return exec(pg, "TRUNCATE a") }, want: "public.a"},
		{name: "DDL", do: func(pg *db.DB) error { return exec(pg, "ALTER TABLE a ADD COLUMN w int") }, want: "*"},
		{name: "transaction", do: func(pg *db.DB) error {
			return begin(pg, func(tx pgx.Tx) error {
				return errors.Join(exec(tx, "INSERT INTO a VALUES (202)"), exec(tx, "INSERT INTO b VALUES (202)"))
			})
		}, want: "public.a public.b"},
		{name: "rollback", do: func(pg *db.DB) error {
			return begin(pg, func(tx pgx.Tx) error {
				return errors.Join(exec(tx, "INSERT INTO a VALUES (203)"), errStop)
			})
		}, fail: true},
		{name: "savepoint rolled back", do: func(pg *db.DB) error {
			return begin(pg, func(tx pgx.Tx) error {
				err := pgx.BeginFunc(context.Background(), tx, func(tx pgx.Tx) error {
					return errors.Join(exec(tx, "INSERT INTO a VALUES (204)"), errStop)
				})
				if !errors.Is(err, errStop) {
					return err
				}
				return exec(tx, "INSERT INTO b VALUES (204)")
			})
		}, want: "public.b"},
		{name: "savepoint merged", do: func(pg *db.DB) error {
			return begin(pg, func(tx pgx.Tx) error {
				err := pgx.BeginFunc(context.Background(), tx, func(tx pgx.Tx) error { return exec(tx, "INSERT INTO a VALUES (205)") })
				return errors.Join(err, exec(tx, "INSERT INTO b VALUES (205)"))
			})
		}, want: "public.a public.b"},
		{name: "savepoint after an error in it", do: func(pg *db.DB) error {
			return begin(pg, func(tx pgx.Tx) error {
				_ = pgx.BeginFunc(context.Background(), tx, func(tx pgx.Tx) error { return exec(tx, "INSERT INTO a VALUES (1)") })
				return exec(tx, "INSERT INTO b VALUES (206)")
			})
		}, want: "public.b"},
		{name: "commit and chain", do: func(pg *db.DB) error {
			return pg.Pool().AcquireFunc(context.Background(), func(conn *pgxpool.Conn) error {
				return errors.Join(
					exec(conn, "BEGIN"), exec(conn, "INSERT INTO a VALUES (207)"), exec(conn, "COMMIT AND CHAIN"),
					exec(conn, "INSERT INTO b VALUES (207)"), exec(conn, "ROLLBACK"))
			})
		}, want: "public.a"},
		{name: "commit of a failed transaction", do: func(pg *db.DB) error {
			return pg.Pool().AcquireFunc(context.Background(), func(conn *pgxpool.Conn) error {
				_ = exec(conn, "BEGIN")
				_ = exec(conn, "INSERT INTO b VALUES (208)")
				_ = exec(conn, "INSERT INTO a VALUES (1)")
				return exec(conn, "COMMIT")
			})
		}},
		{name: "prepared transaction that is rolled back", do: func(pg *db.DB) error {
			return pg.Pool().AcquireFunc(context.Background(), func(conn *pgxpool.Conn) error {
				if err := execAll(conn, "BEGIN", "INSERT INTO a VALUES (209)", "CREATE TEMP TABLE mine (id int)"); err != nil {
					return err
				}
				return exec(conn, "PREPARE TRANSACTION 'x'") // fails, and rolls back
			})
		}, fail: true},
		{name: "several statements by the simple protocol", do: func(pg *db.DB) error {
			return exec(pg, "BEGIN; INSERT INTO a VALUES (210); COMMIT; INSERT INTO b VALUES (210)", pgx.QueryExecModeSimpleProtocol)
		}, want: "public.a public.b"},
		{name: "batch", do: func(pg *db.DB) error {
			b := new(pgx.Batch)
			b.Queue("INSERT INTO a VALUES ($1)", 211)
			b.Queue("SELECT 1")
			b.Queue("INSERT INTO b VALUES ($1)", 211)
			return pg.SendBatch(context.Background(), b).Close()
		}, want: "public.a public.b"},
		{name: "failed batch", do: func(pg *db.DB) error {
			b := new(pgx.Batch)
			b.Queue("INSERT INTO b VALUES ($1)", 212)
			b.Queue("INSERT INTO a VALUES (1)")
			return pg.SendBatch(context.Background(), b).Close()
		}, fail: true},
		{name: "CopyFrom", do: func(pg *db.DB) error {
			_, err := pg.CopyFrom(context.Background(), pgx.Identifier{"a"}, []string{"id"}, pgx.CopyFromRows([][]any{{213}}))
			return err
		}, want: "public.a"},
		{name: "CopyRaw", do: func(pg *db.DB) error {
			_, err := db.CopyRaw(context.Background(), pg, "COPY public.a (id) FROM STDIN", strings.NewReader("214\n"))
			return err
		}, want: "public.a"},
		{name: "CopyRaw in a transaction", do: func(pg *db.DB) error {
			return begin(pg, func(tx pgx.Tx) error {
				_, err := db.CopyRaw(context.Background(), tx, "COPY public.a (id) FROM STDIN", strings.NewReader("215\n"))
				return err
			})
		}, want: "public.a"},
		{name: "named arguments", do: func(pg *db.DB) error {
			return exec(pg, "INSERT INTO a VALUES (@id)", pgx.NamedArgs{"id": 216})
		}, want: "public.a"},
		{name: "a rewriter of the program's own", do: func(pg *db.DB) error { return exec(pg, "SELECT 1", rewriter{}) }, want: "*"},
		{name: "prepared under a name", do: func(pg *db.DB) error {
			return pg.Pool().AcquireFunc(context.Background(), func(conn *pgxpool.Conn) error {
				if _, err := conn.Conn().Prepare(context.Background(), "put", "INSERT INTO a VALUES ($1)"); err != nil {
					return err
				}
				return exec(conn, "put", 217)
			})
		}, want: "public.a"},
		{name: "search_path moved", do: func(pg *db.DB) error {
			return begin(pg, func(tx pgx.Tx) error {
				return errors.Join(exec(tx, "SET LOCAL search_path = pg_temp, public"), exec(tx, "INSERT INTO a VALUES (218)"))
			})
		}, want: "public.a"},
	})
}

// A rewriter sends another text than the given one.
type rewriter struct{}

func (rewriter) RewriteQuery(context.Context, *pgx.Conn, string, []any) (string, []any, error) {
	return "INSERT INTO b VALUES (900)", nil, nil
}

func TestOnChangeOfAdoptedPool(t *testing.T) {
	t.Parallel()
	pg, err := db.New(pgtest.Pool(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pg.Close)
	if _, err := pg.OnChange(func(context.Context, []db.Change) {}); !errors.Is(err, db.ErrUnobserved) {
		t.Errorf("error %v, want ErrUnobserved", err)
	}
}
