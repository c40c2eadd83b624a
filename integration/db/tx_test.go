package db_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/db"
)

func TestInTxRunsAgainAfterSerializationFailure(t *testing.T) {
	t.Parallel()
	pg := open(t, &db.Options{MaxRetries: 50}, "CREATE TABLE counter (n int)", "INSERT INTO counter VALUES (0)")
	const workers, each = 4, 10
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for range each {
				err := pg.InTx(t.Context(), db.TxOptions{TxOptions: pgx.TxOptions{IsoLevel: pgx.Serializable}}, func(tx pgx.Tx) error {
					n, err := db.One[int](t.Context(), tx, db.SQL("SELECT n FROM counter"))
					if err != nil {
						return err
					}
					_, err = tx.Exec(t.Context(), "UPDATE counter SET n = $1", n+1)
					return err
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if n := count(t, pg, "SELECT n FROM counter"); n != workers*each {
		t.Errorf("the counter is %d, want %d", n, workers*each)
	}
}

func TestInTxRunsAgainAfterDeadlock(t *testing.T) {
	t.Parallel()
	pg := open(t, nil, "CREATE TABLE d (id int PRIMARY KEY, n int)", "INSERT INTO d VALUES (1, 0), (2, 0)")
	bothHold := make(chan struct{})
	var group sync.WaitGroup
	var once [2]sync.Once
	var holding sync.WaitGroup
	holding.Add(2)
	go func() { holding.Wait(); close(bothHold) }()
	for i, order := range [][2]int{{1, 2}, {2, 1}} {
		group.Go(func() {
			err := pg.InTx(t.Context(), db.TxOptions{}, func(tx pgx.Tx) error {
				if _, err := tx.Exec(t.Context(), "UPDATE d SET n = n + 1 WHERE id = $1", order[0]); err != nil {
					return err
				}
				once[i].Do(holding.Done)
				<-bothHold
				_, err := tx.Exec(t.Context(), "UPDATE d SET n = n + 1 WHERE id = $1", order[1])
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if n := count(t, pg, "SELECT sum(n)::int FROM d"); n != 4 {
		t.Errorf("the sum is %d, want 4", n)
	}
}

func TestInTxGivesUp(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ retries, runs int }{{-1, 1}, {2, 3}, {0, 4}} {
		pg := open(t, &db.Options{MaxRetries: tt.retries})
		runs := 0
		err := pg.InTx(t.Context(), db.TxOptions{}, func(tx pgx.Tx) error {
			runs++
			_, err := tx.Exec(t.Context(), "DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END $$")
			return err
		})
		if pgErr, ok := errors.AsType[*pgconn.PgError](err); !ok || pgErr.Code != "40001" {
			t.Errorf("MaxRetries %d: error %v, want 40001", tt.retries, err)
		}
		if runs != tt.runs {
			t.Errorf("MaxRetries %d: %d runs, want %d", tt.retries, runs, tt.runs)
		}
	}
}

func TestInTxStopsBetweenAttemptsWhenContextEnds(t *testing.T) {
	t.Parallel()
	pg := open(t, &db.Options{MaxRetries: 1000})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	err := pg.InTx(ctx, db.TxOptions{}, func(tx pgx.Tx) error {
		_, err := tx.Exec(context.WithoutCancel(ctx), "DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END $$")
		return err
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want the context's", err)
	}
}

func TestInTxRollsBackOnPanicAndError(t *testing.T) {
	t.Parallel()
	pg := open(t, nil, "CREATE TABLE t (id int)")
	insert := func(tx pgx.Tx) { must(t)(tx.Exec(t.Context(), "INSERT INTO t VALUES (1)")) }
	func() {
		defer func() {
			if recover() != "boom" {
				t.Error("the panic did not go on")
			}
		}()
		_ = pg.InTx(t.Context(), db.TxOptions{}, func(tx pgx.Tx) error { insert(tx); panic("boom") })
	}()
	errStop := errors.New("stop")
	if err := pg.InTx(t.Context(), db.TxOptions{}, func(tx pgx.Tx) error { insert(tx); return errStop }); !errors.Is(err, errStop) {
		t.Errorf("error %v, want fn's", err)
	}
	if n := count(t, pg, "SELECT count(*)::int FROM t"); n != 0 {
		t.Errorf("%d rows are left", n)
	}
	if held := pg.Stat().AcquiredConns(); held != 0 {
		t.Errorf("%d connections are still held", held)
	}
}

// A migration invalidates a connection's cached plan.
func TestDDLIsInvisibleOutsideTransactions(t *testing.T) {
	t.Parallel()
	pg := open(t, nil, "CREATE TABLE t (id int, v int)", "INSERT INTO t VALUES (1, 2)")
	conns := pg.Pool().Config().MaxConns
	kinds := []string{"text", "int"}
	star := db.MustCompile[map[string]any]("SELECT * FROM t")
	for round := range 6 {
		for range 2 * conns {
			rows, err := star.All(t.Context(), pg)
			if err != nil || len(rows) != 1 {
				t.Fatalf("round %d: %d rows, error %v", round, len(rows), err)
			}
			var id, v any
			if err := pg.QueryRow(t.Context(), "SELECT * FROM t").Scan(&id, &v); err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
		}
		must(t)(pg.Exec(t.Context(), "ALTER TABLE t ALTER COLUMN v TYPE "+kinds[round%2]+" USING v::"+kinds[round%2]))
	}
}

func TestInTxRetriesAfterDDL(t *testing.T) {
	t.Parallel()
	pg := open(t, nil, "CREATE TABLE t (id int, v int)", "INSERT INTO t VALUES (1, 2)")
	read := func(tx pgx.Tx) error {
		_, err := db.One[map[string]any](t.Context(), tx, db.SQL("SELECT * FROM t"))
		return err
	}
	for _, kind := range []string{"text", "int", "text"} {
		if err := pg.InTx(t.Context(), db.TxOptions{}, read); err != nil {
			t.Fatal(err)
		}
		must(t)(pg.Exec(t.Context(), "ALTER TABLE t ALTER COLUMN v TYPE "+kind+" USING v::"+kind))
	}
}

func TestErrorsNameTheStatement(t *testing.T) {
	t.Parallel()
	pg := open(t, nil)
	_, err := db.MustCompile[int]("-- name: Broken :one\nSELECT id FROM no_such_table").One(t.Context(), pg)
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); !ok || pgErr.Code != "42P01" || !strings.Contains(err.Error(), "Broken") {
		t.Errorf("error %v: want 42P01 and the name Broken", err)
	}
	_, err = db.MustCompile[int]("SELECT $1::int + $2::int").One(t.Context(), pg, 1)
	if err == nil || !strings.Contains(err.Error(), "expected 2 arguments, got 1") {
		t.Errorf("error %v: want it to say how many arguments are missing", err)
	}
	if _, err = db.Compile[int]("SELECT 1; SELECT 2"); err == nil || !strings.Contains(err.Error(), "2 statements") {
		t.Errorf("error %v: want it to say that there are two statements", err)
	}
}

// A statement whose name the server does not know, within a transaction, is
// prepared again in the next attempt.
func TestInTxRetriesAfterLostNames(t *testing.T) {
	t.Parallel()
	lines := make(chan string, 16)
	pg := open(t, &db.Options{Logger: slog.New(slog.NewTextHandler(lineWriter(lines), nil))}, "CREATE TABLE t (id int)")
	a, b := db.MustCompile[int]("SELECT 1 + $1::int"), db.MustCompile[int]("SELECT 2 + $1::int")
	for range 2 {
		runs := 0
		err := pg.InTx(t.Context(), db.TxOptions{}, func(tx pgx.Tx) error {
			for range 2 {
				for _, stmt := range []*db.Stmt[int]{a, b} {
					if _, err := stmt.One(t.Context(), tx, 1); err != nil {
						return err
					}
				}
				if runs++; runs == 1 {
					if _, err := tx.Exec(t.Context(), "DEALLOCATE ALL"); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil || runs != 3 {
			t.Errorf("%v after %d runs", err, runs)
		}
	}
	select {
	case line := <-lines:
		t.Errorf("logged %s: the program itself dropped the names", line)
	default:
	}
}

// If the transaction itself changes what a name refers to, a second retry would
// fail like the first: one is enough.
func TestInTxDoesNotRetryInVain(t *testing.T) {
	t.Parallel()
	pg := open(t, nil, "CREATE SCHEMA a", "CREATE SCHEMA b", "CREATE TABLE a.t AS SELECT 1 AS n", "CREATE TABLE b.t AS SELECT 'x' AS n")
	stmt := db.MustCompile[map[string]any]("SELECT * FROM t")
	runs := 0
	err := pg.InTx(t.Context(), db.TxOptions{}, func(tx pgx.Tx) error {
		runs++
		for _, schema := range []string{"a", "b"} {
			if _, err := tx.Exec(t.Context(), "SET LOCAL search_path = "+schema); err != nil {
				return err
			}
			if _, err := stmt.All(t.Context(), tx); err != nil {
				return err
			}
		}
		return nil
	})
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); !ok || pgErr.Code != "0A000" || runs != 2 {
		t.Errorf("%v after %d runs, want 0A000 after 2", err, runs)
	}
}
