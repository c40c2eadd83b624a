package db_test

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/db"
)

// A batch or a multi-statement text may contain the commit, the savepoint or
// the rollback that determines the announced changes.
func TestChangesOfMultiStatements(t *testing.T) {
	t.Parallel()
	const insertA, insertB = "INSERT INTO a VALUES (300)", "INSERT INTO b VALUES (300)"
	multi := func(before []string, sent func(conn *pgxpool.Conn) error, after ...string) func(pg *db.DB) error {
		return func(pg *db.DB) error {
			return onConn(pg, func(conn *pgxpool.Conn) error {
				return errors.Join(execAll(conn, before...), sent(conn), execAll(conn, after...))
			})
		}
	}
	text := func(sql string) func(conn *pgxpool.Conn) error {
		return func(conn *pgxpool.Conn) error { return exec(conn, sql) }
	}
	inBatch := func(statements ...string) func(conn *pgxpool.Conn) error {
		return func(conn *pgxpool.Conn) error { return batch(conn, statements...) }
	}
	open := []string{"BEGIN", insertA}
	runChanges(t, changeSchema, []changeCase{
		{name: "commit and begin in one text", do: multi(open, text("COMMIT; BEGIN"), "ROLLBACK"), want: "public.a"},
		{name: "commit and begin in a batch", do: multi(open, inBatch("COMMIT", "BEGIN"), "ROLLBACK"), want: "public.a"},
		{name: "write, commit and begin in one text", do: multi(nil, text(insertA+"; COMMIT; BEGIN"), "ROLLBACK"), want: "public.a"},
		{name: "commit and chain in a batch", do: multi([]string{"BEGIN"}, inBatch(insertA, "COMMIT AND CHAIN", insertB), "ROLLBACK"), want: "public.a"},
		{name: "commit and chain in one text", do: multi([]string{"BEGIN"}, text(insertA+"; COMMIT AND CHAIN; "+insertB), "ROLLBACK"), want: "public.a"},
		{name: "rollback and begin in a batch", do: multi(open, inBatch("ROLLBACK", "BEGIN", insertB), "COMMIT"), want: "public.b"},
		{name: "rollback and write in one text", do: multi(open, text("ROLLBACK; "+insertB)), want: "public.b"},
		{name: "commit in the middle of a batch that fails", do: multi(open, inBatch("COMMIT", "BEGIN", "SELECT 1/0"), "ROLLBACK"), want: "public.a", fail: true},
		{name: "commit in the middle of a text that fails", do: multi(open, text("COMMIT; BEGIN; SELECT 1/0"), "ROLLBACK"), want: "public.a", fail: true},
		{name: "text that fails by itself", do: multi(nil, text(insertA+"; SELECT 1/0")), fail: true},
		{name: "batch in a transaction", do: multi([]string{"BEGIN"}, inBatch(insertA, insertB), "COMMIT"), want: "public.a public.b"},
		{name: "batch in a transaction rolled back", do: multi([]string{"BEGIN"}, inBatch(insertA, insertB), "ROLLBACK")},
		{name: "batch that begins a transaction", do: multi(nil, inBatch("BEGIN", insertA), "COMMIT"), want: "public.a"},

		{name: "savepoint of a batch", do: multi([]string{"BEGIN"}, inBatch("SAVEPOINT s", insertA), "ROLLBACK TO s", insertB, "COMMIT"), want: "public.b"},
		{name: "savepoint of a batch that hides another", do: multi([]string{"BEGIN", "SAVEPOINT s"},
			inBatch(insertA, "SAVEPOINT s", "SELECT 1"), "ROLLBACK TO s", "COMMIT"), want: "public.a"},
		{name: "savepoint of a text that hides another", do: multi([]string{"BEGIN", "SAVEPOINT s"},
			text(insertA+"; SAVEPOINT s"), "ROLLBACK TO s", "COMMIT"), want: "public.a"},
		{name: "savepoint rolled back by a batch", do: multi([]string{"BEGIN", "SAVEPOINT s", insertA},
			inBatch("ROLLBACK TO s", insertB), "COMMIT"), want: "public.b"},
		{name: "savepoint released by a batch", do: multi([]string{"BEGIN", "SAVEPOINT s", insertA, "SAVEPOINT s"},
			inBatch("RELEASE s", insertB), "ROLLBACK TO s", "COMMIT"), want: ""},
		{name: "savepoint of a batch that fails", do: func(pg *db.DB) error {
			return onConn(pg, func(conn *pgxpool.Conn) error {
				if err := execAll(conn, "BEGIN", "SAVEPOINT s"); err != nil {
					return err
				}
				if err := batch(conn, insertA, "SAVEPOINT s", "SELECT 1/0"); err == nil {
					return errors.New("no error")
				}
				return execAll(conn, "ROLLBACK TO s", "COMMIT")
			})
		}, want: "public.a"},

		{name: "refused while another is under way", do: func(pg *db.DB) error {
			return begin(pg, func(tx pgx.Tx) error {
				rows, err := tx.Query(context.Background(), insertA+" RETURNING id")
				if err != nil {
					return err
				}
				rows.Next()
				if err := exec(tx, "SELECT 1"); err == nil {
					return errors.New("a busy connection took a statement")
				}
				if err := batch(tx, "SELECT 1"); err == nil {
					return errors.New("a busy connection took a batch")
				}
				if _, err := tx.CopyFrom(context.Background(), pgx.Identifier{"a"}, []string{"id"}, pgx.CopyFromRows(nil)); err == nil {
					return errors.New("a busy connection took a COPY")
				}
				rows.Close()
				return rows.Err()
			})
		}, want: "public.a"},
		{name: "batch whose callback fails with an error of another server", do: func(pg *db.DB) error {
			b := new(pgx.Batch)
			b.Queue(insertA).Exec(func(pgconn.CommandTag) error { return &pgconn.PgError{Code: "23505"} })
			return pg.SendBatch(context.Background(), b).Close()
		}, want: "public.a", fail: true},
		{name: "batch that is not prepared", do: multi(nil, inBatch(insertA, "SELECT nothing")), fail: true},
		{name: "name prepared again in vain", do: func(pg *db.DB) error {
			return onConn(pg, func(conn *pgxpool.Conn) error {
				if _, err := conn.Conn().Prepare(context.Background(), "w", "INSERT INTO a VALUES ($1)"); err != nil {
					return err
				}
				if _, err := conn.Conn().Prepare(context.Background(), "w", "INSERT INTO b VALUES ($1)"); err == nil {
					return errors.New("a name was taken twice")
				}
				return exec(conn, "w", 300)
			})
		}, want: "public.a"},
	})
}
