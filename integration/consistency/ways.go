package consistency

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/batchinsert"
	"github.com/headrace/headrace/db"
)

// A way is one way of writing, with its own tables. Its value is the column v
// of source, and begins with 0.
type way struct {
	name   string
	setup  string // SQL that creates the tables and other objects
	source string // FROM source: one row with v

	// write raises the value to to. If it returns an error, the write may have
	// happened, or may still happen.
	write func(ctx context.Context, w *writer, to int64) error

	// each is the number of reads per write. The first write does not wait
	// longer than that of other ways.
	each int64

	rule    Rule // that the results are checked against
	refused bool // results are never stored
}

const (
	often      = 40     // invalidates loads under way
	overtaking = 100    // invalidates loads under way, for a value that is loaded more often
	usual      = 900    // for writes that invalidate entries of their own value
	sometimes  = 4_000  // for schema changes
	seldom     = 20_000 // for writes that invalidate all entries
)

// Values that no committed write leaves.
const (
	undoneValue = -1 // rolled back
	torn        = -2 // one half of two rows that are written together
)

const (
	table  = "CREATE TABLE %s (v bigint NOT NULL); INSERT INTO %[1]s VALUES (0)"
	update = "UPDATE %s SET v = greatest(v, $1)"
)

// simple returns a way whose table has its name.
func simple(name string, each int64, write func(ctx context.Context, w *writer, to int64) error) way {
	return way{name: name, setup: fmt.Sprintf(table, name), source: name, write: write, each: each}
}

func statement(sql string) func(context.Context, *writer, int64) error {
	return func(ctx context.Context, w *writer, to int64) error {
		_, err := w.pg.Exec(ctx, sql, to)
		return err
	}
}

// inTx runs statements in a transaction, each with the new value if it has a
// parameter.
func inTx(statements ...string) func(context.Context, *writer, int64) error {
	return func(ctx context.Context, w *writer, to int64) error {
		tx, err := w.pg.Begin(ctx)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // after Commit it does nothing
		for _, sql := range statements {
			if err := execIn(ctx, tx, sql, to); err != nil {
				return err
			}
		}
		return tx.Commit(ctx)
	}
}

func execIn(ctx context.Context, tx pgx.Tx, sql string, to int64) error {
	var args []any
	if hasParameter(sql) {
		args = append(args, to)
	}
	_, err := tx.Exec(ctx, sql, args...)
	return err
}

// ways returns all ways.
func ways() []way {
	return slices.Concat(plainWays(), schemaWays(), functionWays(), opaqueWays(), readWays())
}

// plainWays returns ways whose statements name the tables that they change.
func plainWays() []way {
	return []way{
		simple("plain", often, statement(fmt.Sprintf(update, "plain"))),
		simple("transacted", usual, inTx(fmt.Sprintf(update, "transacted"))),
		simple("prepared_twice", seldom, twoPhase),
		simple("batched", usual, func(ctx context.Context, w *writer, to int64) error {
			batch := new(pgx.Batch)
			batch.Queue("SELECT 1")
			batch.Queue(fmt.Sprintf(update, "batched"), to)
			return w.pg.SendBatch(ctx, batch).Close()
		}),
		{
			name:   "apart",
			setup:  "CREATE TABLE apart (v bigint NOT NULL); INSERT INTO apart VALUES (0); CREATE TABLE apart_too (w bigint NOT NULL); INSERT INTO apart_too VALUES (0)",
			source: "(SELECT CASE WHEN v = w THEN v ELSE -2 END AS v FROM apart, apart_too) a",
			write:  apart, each: usual,
		},
		simple("looked_at", usual, lookedAt),
		simple("explained", usual, statement("EXPLAIN ANALYZE "+fmt.Sprintf(update, "explained"))),
		simple("saved", usual, inTx(
			"SAVEPOINT a", "UPDATE saved SET v = -1", "ROLLBACK TO a", "SAVEPOINT b", fmt.Sprintf(update, "saved"), "RELEASE b",
		)),
		simple("undone", usual, undone),
		simple("returned", usual, func(ctx context.Context, w *writer, to int64) error {
			return w.pg.QueryRow(ctx, "WITH u AS (UPDATE returned SET v = greatest(v, $1) RETURNING v) SELECT v FROM u", to).Scan(new(int64))
		}),
		simple("truncated", usual, inTx(
			"LOCK TABLE truncated", "TRUNCATE truncated", "INSERT INTO truncated VALUES ($1)",
		)),
		{
			name: "copied", source: "(SELECT max(v) AS v FROM copied) c", each: usual,
			setup: "CREATE TABLE copied (v bigint PRIMARY KEY); INSERT INTO copied VALUES (0)",
			write: func(ctx context.Context, w *writer, to int64) error {
				_, err := w.pg.CopyFrom(ctx, pgx.Identifier{"copied"}, []string{"v"}, pgx.CopyFromRows([][]any{{to}}))
				return err
			},
		},
		{
			name: "upserted", source: "(SELECT max(v) AS v FROM upserted) u", each: usual, write: upsert,
			setup: "CREATE TABLE upserted (v bigint PRIMARY KEY, w bigint); INSERT INTO upserted VALUES (0, 0)",
		},
		{
			name:   "pair",
			setup:  "CREATE TABLE pair (v bigint NOT NULL); INSERT INTO pair VALUES (0); CREATE TABLE pair_too (w bigint NOT NULL); INSERT INTO pair_too VALUES (0)",
			source: "(SELECT CASE WHEN v = w THEN v ELSE -2 END AS v FROM pair, pair_too) p",
			write:  inTx(fmt.Sprintf(update, "pair"), "UPDATE pair_too SET w = greatest(w, $1)"), each: usual,
		},
	}
}

// schemaWays returns ways whose changes follow from the catalogs, such as
// triggers and rules.
func schemaWays() []way {
	return []way{
		{
			name: "cascaded", source: "cascaded", each: usual,
			setup: `CREATE TABLE parent (v bigint PRIMARY KEY); INSERT INTO parent VALUES (0);
CREATE TABLE cascaded (v bigint REFERENCES parent ON UPDATE CASCADE); INSERT INTO cascaded VALUES (0)`,
			write: statement(fmt.Sprintf(update, "parent")),
		},
		{
			name: "triggered", source: "triggered", each: usual,
			setup: fmt.Sprintf(table, "triggering") + ";" + fmt.Sprintf(table, "triggered") + `;
CREATE FUNCTION follow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN UPDATE triggered SET v = NEW.v; RETURN NULL; END';
CREATE TRIGGER follow AFTER UPDATE ON triggering FOR EACH ROW EXECUTE FUNCTION follow()`,
			write: statement(fmt.Sprintf(update, "triggering")),
		},
		{
			name: "viewed", source: "viewed", each: usual,
			setup: fmt.Sprintf(table, "viewed") + `; CREATE VIEW showing AS SELECT v FROM viewed`,
			write: statement(fmt.Sprintf(update, "showing")),
		},
		{
			name: "moved", source: "moved", each: usual,
			setup: `CREATE TABLE moved (v bigint, odd bool) PARTITION BY LIST (odd);
CREATE TABLE moved_odd PARTITION OF moved FOR VALUES IN (true); CREATE TABLE moved_even PARTITION OF moved FOR VALUES IN (false);
INSERT INTO moved VALUES (0, false)`,
			write: statement("UPDATE moved SET v = greatest(v, $1), odd = greatest(v, $1) % 2 = 1"),
		},
		{
			name: "leaf", source: "leaf", each: usual,
			setup: `CREATE TABLE leaf (v bigint); CREATE TABLE leaf_child () INHERITS (leaf); INSERT INTO leaf_child VALUES (0)`,
			write: statement(fmt.Sprintf(update, "leaf_child")),
		},
		{
			name: "retargeted", source: "retargeted", each: sometimes, write: retarget,
			setup: `CREATE TABLE target_0 (v bigint); INSERT INTO target_0 VALUES (0); CREATE TABLE target_1 (v bigint);
INSERT INTO target_1 VALUES (0); CREATE VIEW retargeted AS SELECT v FROM target_0`,
		},
		{
			name: "ruled", source: "ruled", each: usual,
			setup: fmt.Sprintf(table, "ruling") + ";" + fmt.Sprintf(table, "ruled") + `;
CREATE RULE follow AS ON UPDATE TO ruling DO ALSO UPDATE ruled SET v = greatest(v, NEW.v)`,
			write: statement(fmt.Sprintf(update, "ruling")),
		},
		{
			name: "redefined", source: "redefined", each: seldom, setup: "CREATE VIEW redefined AS SELECT 0::bigint AS v",
			write: func(ctx context.Context, w *writer, to int64) error {
				_, err := w.pg.Exec(ctx, fmt.Sprintf("CREATE OR REPLACE VIEW redefined AS SELECT %d::bigint AS v", to))
				return err
			},
		},
	}
}

// undone raises the value. In a transaction that is rolled back it also writes
// to the table never.
func undone(ctx context.Context, w *writer, to int64) error {
	tx, err := w.pg.Begin(ctx)
	if err != nil {
		return err
	}
	for _, table := range []string{"never", "undone"} {
		if _, err := tx.Exec(ctx, "UPDATE "+table+" SET v = -1"); err != nil {
			break
		}
	}
	_ = tx.Rollback(context.WithoutCancel(ctx)) // an error has rolled back too
	_, err = w.pg.Exec(ctx, fmt.Sprintf(update, "undone"), to)
	return err
}

// apart writes in a batch that continues after the result of its commit.
func apart(ctx context.Context, w *writer, to int64) error {
	batch := new(pgx.Batch)
	batch.Queue("begin")
	batch.Queue(fmt.Sprintf(update, "apart"), to)
	batch.Queue("UPDATE apart_too SET w = greatest(w, $1)", to)
	batch.Queue("commit")
	batch.Queue("SELECT pg_sleep(0.001)")
	results := w.pg.SendBatch(ctx, batch)
	for range 4 {
		if _, err := results.Exec(); err != nil {
			return errors.Join(err, results.Close())
		}
	}
	w.v.wrote(to, w.on)
	w.readBack(ctx)
	return results.Close()
}

// lookedAt reads the value after a transaction has written it and before it
// commits.
func lookedAt(ctx context.Context, w *writer, to int64) error {
	return w.pg.InTx(ctx, db.TxOptions{}, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, fmt.Sprintf(update, "looked_at"), to)
		if err == nil {
			w.readBack(ctx)
		}
		return err
	})
}

// retarget redefines a view over another table with the same value, and raises
// that value once the view is in the cache again.
func retarget(ctx context.Context, w *writer, to int64) error {
	target := fmt.Sprintf("target_%d", to%2)
	err := inTx("UPDATE "+target+" SET v = (SELECT v FROM retargeted)", "CREATE OR REPLACE VIEW retargeted AS SELECT v FROM "+target)(ctx, w, to)
	if err != nil {
		return err
	}
	for n := 0; n < 100 && !w.readBack(ctx).Answered(); n++ {
		sleep(ctx, 5*time.Millisecond)
	}
	return statement(fmt.Sprintf(update, target))(ctx, w, to)
}

// never is the table to which only rolled back transactions write.
const never = "never"

const gid = "consistency"

// twoPhase commits a prepared transaction. It leaves none behind, because its
// locks would block all later writes.
func twoPhase(ctx context.Context, w *writer, to int64) error {
	err := func() error {
		conn, err := w.pg.Acquire(ctx)
		if err != nil {
			return err
		}
		defer conn.Release()
		for _, sql := range []string{"BEGIN", fmt.Sprintf(update, "prepared_twice"), "PREPARE TRANSACTION '" + gid + "'"} {
			var args []any
			if hasParameter(sql) {
				args = append(args, to)
			}
			if _, err := conn.Exec(ctx, sql, args...); err != nil {
				return errors.Join(err, conn.Conn().Close(context.WithoutCancel(ctx)))
			}
		}
		return nil
	}()
	if err == nil {
		if _, err = w.pg.Exec(ctx, "COMMIT PREPARED '"+gid+"'"); err == nil {
			return nil
		}
	}
	w.rollbackPrepared(context.WithoutCancel(ctx))
	return err
}

type upserted struct{ V, W int64 }

var upserts = batchinsert.MustTable[upserted]("upserted")

func upsert(ctx context.Context, w *writer, to int64) error {
	rows := []upserted{{0, to}, {to, to}}
	source := batchinsert.Rows(rows) // as arrays
	if to%2 == 0 {
		source = batchinsert.Seq(slices.Values(rows)) // by way of a temporary table
	}
	_, err := upserts.Upsert(ctx, w.pg, source, batchinsert.OnConflict{Keys: []string{"v"}})
	return err
}
