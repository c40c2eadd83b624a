package db_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/faultproxy"
	"github.com/headrace/headrace/integration/pgtest"
)

// A readCase is a batch whose first results are read, and the changes announced
// then and at its end.
type readCase struct {
	name       string
	before     []string // on the connection
	statements []string
	read       int // so many results are read before the batch is closed
	announced  string
	after      string // announced by Close
	finally    []string
	late       string // announced by those
	fail       bool   // Close returns an error
	not        string // the mode in which pgx or the server refuses it
}

var readCases = []readCase{
	{name: "transaction", statements: []string{"BEGIN", addA, "COMMIT", "SELECT 1"}, read: 3, announced: "public.a"},
	{name: "transaction not read to its commit", statements: []string{"BEGIN", addA, "COMMIT", "SELECT 1"}, read: 2, after: "public.a"},
	{name: "implicit transaction", statements: []string{addA, "SELECT 1"}, read: 2, after: "public.a"},
	{name: "transaction and implicit one", statements: []string{"BEGIN", addA, "COMMIT", addB, "SELECT 1"}, read: 4, announced: "public.a", after: "public.b"},
	{name: "commit of a transaction begun before", before: []string{"BEGIN", addA}, statements: []string{addB, "COMMIT", "SELECT 1"}, read: 2, announced: "public.a public.b"},
	{name: "commit without a block", statements: []string{addA, "COMMIT", "SELECT 1"}, read: 2, announced: "public.a"},
	{name: "commit and chain", statements: []string{"BEGIN", addA, "COMMIT AND CHAIN", addB, "SELECT 1"}, read: 3, announced: "public.a", finally: []string{"ROLLBACK"}},
	{name: "rollback", statements: []string{"BEGIN", addA, "ROLLBACK", addB, "SELECT 1"}, read: 4, after: "public.b"},
	{name: "commit of a failed transaction", before: []string{"BEGIN", addA, "!SELECT 1/0"}, statements: []string{"COMMIT", "SELECT 1"}, read: 1, not: "describe_exec"},
	{name: "savepoint", statements: []string{"BEGIN", "SAVEPOINT s", addA, "ROLLBACK TO s", addB, "COMMIT", "SELECT 1"}, read: 6, announced: "public.b"},
	{name: "open block", statements: []string{"BEGIN", addA, "SELECT 1"}, read: 3, finally: []string{"COMMIT"}, late: "public.a"},
	{name: "failure after the commit", statements: []string{"BEGIN", addA, "COMMIT", addB, "SELECT 1/0"}, read: 3, announced: "public.a", fail: true},
	{name: "failure in a block", statements: []string{"BEGIN", addA, "SELECT 1/0"}, read: 2, fail: true, finally: []string{"ROLLBACK"}},
	{name: "procedure that commits", statements: []string{"CALL both_ways()", "SELECT 1"}, read: 1, announced: "*", after: "*", not: "simple_protocol"},
	{name: "no rows", statements: []string{"BEGIN", "DELETE FROM b", "COMMIT", addA, "SELECT 1"}, read: 4, after: "public.a"},
}

const (
	addA = "INSERT INTO a VALUES (300)"
	addB = "INSERT INTO b VALUES (300)"
)

// A commit in a batch is announced when the program reads its result.
func TestBatchCommitsAreAnnouncedWhenRead(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"cache_statement", "cache_describe", "describe_exec", "exec", "simple_protocol"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			pg, err := db.Open(t.Context(), pgtest.New(t)+"&default_query_exec_mode="+mode, nil)
			must(t)(nil, err)
			t.Cleanup(pg.Close)
			must(t)(nil, execAll(pg, changeSchema...))
			log := watch(t, pg)
			for _, tt := range readCases {
				if tt.not == mode {
					continue
				}
				err := onConn(pg, func(conn *pgxpool.Conn) error { return tt.run(conn, log) })
				if err != nil {
					t.Errorf("%s: %v", tt.name, err)
				}
				must(t)(pg.Exec(t.Context(), "DELETE FROM a WHERE id >= 300; DELETE FROM b", pgx.QueryExecModeSimpleProtocol))
				log.takeKnown()
			}
		})
	}
}

func (c *readCase) run(conn *pgxpool.Conn, log *changeLog) error {
	ctx := context.Background()
	for _, sql := range c.before {
		if sql[0] == '!' {
			_ = exec(conn, sql[1:])
		} else if err := exec(conn, sql); err != nil {
			return err
		}
	}
	b := new(pgx.Batch)
	for _, sql := range c.statements {
		b.Queue(sql)
	}
	results := conn.SendBatch(ctx, b)
	for range c.read {
		if _, err := results.Exec(); err != nil {
			return err
		}
	}
	var wrong error
	check := func(when, want string) {
		if announced := log.takeKnown(); announced != want {
			wrong = errors.Join(wrong, fmt.Errorf("announced %q %s, want %q", announced, when, want))
		}
	}
	check("when the results were read", c.announced)
	if err := results.Close(); (err != nil) != c.fail {
		return fmt.Errorf("close: %w", err)
	}
	check("at the end", c.after)
	if err := execAll(conn, c.finally...); err != nil {
		return err
	}
	check("finally", c.late)
	return wrong
}

// Rows that are left open, and closed later, in another batch, or never, cause
// no early announcement, and none for another statement.
func TestBatchRowsLeftOpen(t *testing.T) {
	t.Parallel()
	const update = "UPDATE a SET v = v WHERE id = 1 RETURNING id"
	rows := func(results pgx.BatchResults) pgx.Rows {
		rows, _ := results.Query()
		rows.Next()
		return rows
	}
	send := func(conn *pgxpool.Conn, statements ...string) pgx.BatchResults {
		b := new(pgx.Batch)
		for _, sql := range statements {
			b.Queue(sql)
		}
		return conn.SendBatch(context.Background(), b)
	}
	onOne := func(all ...func(conn *pgxpool.Conn) error) func(pg *db.DB) error {
		return func(pg *db.DB) error {
			return onConn(pg, func(conn *pgxpool.Conn) error {
				for _, sql := range []string{update, "INSERT INTO b VALUES (299)"} { // it is known from here on what such statements do
					if err := exec(conn, sql); err != nil {
						return err
					}
					waitForExaminations(pg)
				}
				log, _ := logs.Load(pg)
				log.(*changeLog).takeKnown()
				for _, do := range all {
					if err := do(conn); err != nil {
						return err
					}
					waitForExaminations(pg)
				}
				return nil
			})
		}
	}
	var open pgx.Rows
	runChanges(t, changeSchema, []changeCase{
		{name: "until the next", do: onOne(func(conn *pgxpool.Conn) error {
			results := send(conn, "BEGIN", update, "COMMIT", "SELECT 1")
			_, _ = results.Exec()
			open := rows(results)
			_, _ = results.Exec()
			open.Close()
			return results.Close()
		}), want: "public.a"},
		{name: "to the end", do: onOne(func(conn *pgxpool.Conn) error {
			results := send(conn, update, update, "COMMIT", "SELECT 1")
			rows(results)
			rows(results)
			_, _ = results.Exec()
			return results.Close()
		}), want: "public.a"},
		{name: "until another batch is under way", do: onOne(func(conn *pgxpool.Conn) error {
			results := send(conn, update)
			open = rows(results)
			return results.Close()
		}, func(conn *pgxpool.Conn) error {
			results := send(conn, update, "ROLLBACK", addB)
			open.Close()
			return results.Close()
		}), want: "public.a; public.b"},
		{name: "read to the end", do: onOne(func(conn *pgxpool.Conn) error {
			results := send(conn, "BEGIN", update, "COMMIT", "SELECT 1")
			_, _ = results.Exec()
			rows(results).Close()
			return results.Close()
		}, func(conn *pgxpool.Conn) error { return exec(conn, addB) }), want: "public.a; public.b"},
	})
}

// Results received before the connection breaks count; the rest is in doubt if
// it may have been committed.
func TestBatchLosesItsConnection(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name       string
		statements []string
		read       int
		want       string
	}{
		{"after the commit", []string{"BEGIN", addA, "COMMIT"}, 3, "public.a"},
		{"before the commit is read", []string{"BEGIN", addA, "COMMIT"}, 2, "public.a"},
		{"in a block", []string{"BEGIN", addA}, 2, ""},
		{"in the implicit transaction", []string{addA}, 1, "public.a?; public.a!"},
		{"in the next transaction", []string{"BEGIN", addA, "COMMIT", "BEGIN", addB}, 5, "public.a"},
		{"after a write of no rows", []string{"DELETE FROM b WHERE id = -1"}, 1, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			connString := pgtest.New(t)
			server, err := pgx.ParseConfig(connString)
			must(t)(nil, err)
			proxy, err := faultproxy.Start(net.JoinHostPort(server.Host, strconv.Itoa(int(server.Port))))
			must(t)(nil, err)
			t.Cleanup(func() { _ = proxy.Close() })
			proxied, err := proxy.ConnString(connString)
			must(t)(nil, err)
			pg, err := db.Open(t.Context(), proxied, nil)
			must(t)(nil, err)
			t.Cleanup(pg.Close)
			must(t)(nil, execAll(pg, changeSchema...))
			log := watch(t, pg)
			must(t)(nil, execAll(pg, addA, addB, "DELETE FROM b WHERE id = -1", "DELETE FROM a WHERE id = 300", "DELETE FROM b"))
			log.takeKnown() // what these change is known from here on, also without a connection
			b := new(pgx.Batch)
			for _, sql := range tt.statements {
				b.Queue(sql)
			}
			b.Queue("SELECT repeat('x', 100000)") // has the server send what it has so far
			b.Queue("SELECT pg_sleep(20)")
			results := pg.SendBatch(t.Context(), b)
			for range tt.read {
				must(t)(results.Exec())
			}
			proxy.CutAll()
			if err := results.Close(); err == nil {
				t.Error("no error although the connection broke")
			}
			if announced := waitFor(t, log, tt.want); announced != tt.want {
				t.Errorf("announced %q, want %q", announced, tt.want)
			}
		})
	}
}
