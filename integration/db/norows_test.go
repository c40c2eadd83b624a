package db_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/db"
)

var noRowsSchema = append(slices.Clip(changeSchema),
	"CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO b VALUES (1); RETURN NULL; END $$",
	"CREATE TABLE by_statement (id int)",
	"CREATE TRIGGER note AFTER UPDATE ON by_statement FOR EACH STATEMENT EXECUTE FUNCTION note()",
	"CREATE TABLE refusing (id int)",
	"CREATE TRIGGER note BEFORE INSERT ON refusing FOR EACH ROW EXECUTE FUNCTION note()",
	"CREATE VIEW b_view AS SELECT * FROM b WHERE id > 0",
	"CREATE TRIGGER note INSTEAD OF INSERT ON b_view FOR EACH ROW EXECUTE FUNCTION note()",
	"CREATE TABLE ruled (id int)",
	"CREATE RULE note AS ON DELETE TO ruled DO INSTEAD INSERT INTO b VALUES (1)",
	"CREATE FUNCTION noting(int) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN INSERT INTO b VALUES (2000 + $1); RETURN false; END $$",
	"CREATE TABLE root (id int) PARTITION BY RANGE (id)",
	"CREATE TABLE leaf PARTITION OF root FOR VALUES FROM (0) TO (1000)",
)

// A statement whose command tag counts no row announces nothing, if each of its
// changes comes with such a row.
func TestChangesOfNoRows(t *testing.T) {
	t.Parallel()
	once := func(sql string, args ...any) func(pg *db.DB) error {
		return func(pg *db.DB) error { return exec(pg, sql, args...) }
	}
	inTx := func(statements ...string) func(pg *db.DB) error {
		return func(pg *db.DB) error {
			return begin(pg, func(tx pgx.Tx) error { return execAll(tx, statements...) })
		}
	}
	inBatch := func(statements ...string) func(pg *db.DB) error {
		return func(pg *db.DB) error { return batch(pg, statements...) }
	}
	const nothing, insertB = "UPDATE a SET v = 'y' WHERE id = -1", "INSERT INTO b VALUES (3)"
	idle := []changeCase{
		{name: "update", do: once(nothing)},
		{name: "update by argument", do: once("UPDATE a SET v = $1 WHERE id = $2", "y", -1)},
		{name: "update of the simple protocol", do: once(nothing, pgx.QueryExecModeSimpleProtocol)},
		{name: "update by QueryRow", do: func(pg *db.DB) error {
			var id int
			err := pg.QueryRow(context.Background(), nothing+" RETURNING id").Scan(&id)
			if !errors.Is(err, pgx.ErrNoRows) {
				return errors.New("a row")
			}
			return nil
		}},
		{name: "delete", do: once("DELETE FROM parent WHERE id = -1")},
		{name: "insert that conflicts", do: once("INSERT INTO a VALUES (1) ON CONFLICT DO NOTHING")},
		{name: "upsert that conflicts", do: once("INSERT INTO a VALUES (1) ON CONFLICT (id) DO UPDATE SET v = 'z' WHERE a.id < 0")},
		{name: "insert from a query", do: once("INSERT INTO a SELECT 7 WHERE false")},
		{name: "merge", do: once("MERGE INTO a USING b ON a.id = b.id WHEN MATCHED THEN DELETE")},
		{name: "read-only CTE", do: once("WITH none AS (SELECT 1 WHERE false) DELETE FROM a USING none")},
		{name: "partitions", do: once("UPDATE root SET id = 5 WHERE id = 4")},
		{name: "CopyFrom", do: func(pg *db.DB) error {
			_, err := pg.CopyFrom(context.Background(), pgx.Identifier{"a"}, []string{"id"}, pgx.CopyFromRows(nil))
			return err
		}},
		{name: "CopyRaw", do: func(pg *db.DB) error {
			_, err := db.CopyRaw(context.Background(), pg, "COPY a (id) FROM STDIN", strings.NewReader(""))
			return err
		}},
		{name: "transaction of nothing", do: inTx(nothing, "DELETE FROM b")},
		{name: "rows that are rolled back", do: func(pg *db.DB) error {
			return begin(pg, func(tx pgx.Tx) error {
				const update = "UPDATE a SET v = 'y' WHERE id = $1"
				return errors.Join(exec(tx, update, -1), exec(tx, "SAVEPOINT s"), exec(tx, update, 1), exec(tx, "ROLLBACK TO s"))
			})
		}},
		{name: "batch of nothing", do: inBatch(nothing, "DELETE FROM b")},
	}
	busy := []changeCase{
		{name: "transaction", do: inTx(nothing, insertB), want: "public.b"},
		{name: "then rows", do: inTx("UPDATE a SET v = 'y' WHERE id > (SELECT count(*) + 99 FROM b)", insertB,
			"UPDATE a SET v = 'y' WHERE id > (SELECT count(*) + 98 FROM b)"), want: "public.a public.b"},
		{name: "the same statement, then rows", do: func(pg *db.DB) error {
			return begin(pg, func(tx pgx.Tx) error {
				const update = "UPDATE a SET v = 'y' WHERE id = $1"
				return errors.Join(exec(tx, update, -1), exec(tx, update, 1), exec(tx, update, -1))
			})
		}, want: "public.a"},
		{name: "batch", do: inBatch(nothing, insertB), want: "public.b"},
		{name: "prepared under a name", do: func(pg *db.DB) error {
			return onConn(pg, func(conn *pgxpool.Conn) error {
				if _, err := conn.Conn().Prepare(context.Background(), "put", "UPDATE a SET v = 'y' WHERE id = $1"); err != nil {
					return err
				}
				return exec(conn, "put", -1)
			})
		}},
		{name: "temporary table", do: func(pg *db.DB) error {
			return onConn(pg, func(conn *pgxpool.Conn) error {
				return execAll(conn, "CREATE TEMP TABLE mine (id int)", "DELETE FROM mine", nothing)
			})
		}},

		{name: "several in one text", do: once("DELETE FROM a WHERE id = 1; "+nothing, pgx.QueryExecModeSimpleProtocol), want: "public.a"},
		{name: "results of a batch that are not read", do: func(pg *db.DB) error {
			b := new(pgx.Batch)
			b.Queue("SELECT 1")
			b.Queue(nothing)
			results := pg.SendBatch(context.Background(), b)
			rows, _ := results.Query() // left open
			_, _ = results.Exec()
			rows.Close()
			return results.Close()
		}, want: "public.a"},
		{name: "trigger for each statement", do: once("UPDATE by_statement SET id = 1"), want: "public.b public.by_statement"},
		{name: "trigger that refuses rows", do: once("INSERT INTO refusing VALUES (1)"), want: "public.b public.refusing"},
		{name: "trigger instead", do: once("INSERT INTO b_view VALUES (1)"), want: "public.b"},
		{name: "rule instead", do: once("DELETE FROM ruled"), want: "public.b public.ruled"},
		{name: "condition that writes", do: once("DELETE FROM a WHERE noting(id)"), want: "public.a public.b"},
		{name: "data-modifying CTE", do: once("WITH d AS (DELETE FROM a WHERE id = 1) DELETE FROM b"), want: "public.a public.b"},
		{name: "trigger made in the transaction", do: inTx(nothing,
			"CREATE TRIGGER late AFTER UPDATE ON a FOR EACH STATEMENT EXECUTE FUNCTION note()", nothing), want: "*"},
	}
	pg := open(t, nil, noRowsSchema...)
	log := watch(t, pg)
	for _, tt := range idle {
		for _, known := range []bool{false, true} { // by what was asked the first time
			if err := tt.do(pg); err != nil {
				t.Fatalf("%s, known %t: %v", tt.name, known, err)
			}
			if announced := log.takeKnown(); announced != "" {
				t.Errorf("%s, known %t: announced %q", tt.name, known, announced)
			}
		}
	}
	runChanges(t, noRowsSchema, busy)
}
