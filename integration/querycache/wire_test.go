package querycache_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/querycache"
)

// DBTX is what sqlc generates for pgx/v5.
type DBTX interface {
	Exec(context.Context, string, ...any) (pgconn.CommandTag, error)
	Query(context.Context, string, ...any) (pgx.Rows, error)
	QueryRow(context.Context, string, ...any) pgx.Row
	CopyFrom(context.Context, pgx.Identifier, []string, pgx.CopyFromSource) (int64, error)
	SendBatch(context.Context, *pgx.Batch) pgx.BatchResults
}

var _ DBTX = (*querycache.ReadThrough)(nil)

// Callers cannot distinguish rows from the cache from rows of the server.
func TestWireRowsAreTheServers(t *testing.T) {
	t.Parallel()
	b := following(t, minute)
	b.exec(b.pg, "CREATE TYPE mood AS ENUM ('sad', 'glad')")
	b.exec(b.pg, "CREATE TYPE pair AS (a int, b mood)")
	pg := pgtest.Open(t, b.pg.Pool().Config().ConnString(), &db.Options{Types: []string{"mood", "_mood", "pair"}})
	reads, err := b.cache.ReadThrough(pg, minute)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		sql  string
		args []any
	}{
		{"SELECT id, name, tags, seen FROM cities WHERE id <= $1 ORDER BY id", []any{20}},
		{"SELECT id, name FROM cities WHERE id < 0", nil},
		{"SELECT NULL::int, ''::text, 1.5::numeric, '{1,2}'::int[], '1 day'::interval, '{\"a\":1}'::jsonb", nil},
		{"SELECT 'glad'::mood, ARRAY['sad','glad']::mood[], ROW(1, 'sad')::pair", nil},
		{"SELECT $1::int8, $2::text", []any{int64(7), "x"}},
		{"SELECT id FROM cities WHERE id = @id", []any{pgx.NamedArgs{"id": 3}}},
		{"SELECT id FROM cities WHERE id = @id", []any{pgx.QueryExecModeExec, pgx.StrictNamedArgs{"id": 4}}},
		{"SELECT id, name FROM cities WHERE id = $1", []any{pgx.QueryExecModeSimpleProtocol, 5}},
		{"SELECT id, name FROM cities WHERE id = $1", []any{pgx.QueryResultFormats{pgx.TextFormatCode}, 5}},
	} {
		want := collect(t, pg, c.sql, c.args...)
		hits := b.cache.Stats().Answered()
		for i := range 2 {
			if got := collect(t, reads, c.sql, c.args...); got != want {
				t.Errorf("%s %v, read %d:\n%s\nwant\n%s", c.sql, c.args, i, got, want)
			}
		}
		if b.cache.Stats().Answered() != hits+1 {
			t.Errorf("%s %v: the second read was no hit: %+v", c.sql, c.args, reads.Explain(t.Context(), c.sql))
		}
	}
}

// collect records everything that callers can read from rows.
func collect(t *testing.T, q db.Querier, sql string, args ...any) string {
	t.Helper()
	rows, err := q.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	defer rows.Close()
	var out strings.Builder
	for _, f := range rows.FieldDescriptions() {
		fmt.Fprintf(&out, "%s %d %d %d\n", f.Name, f.DataTypeOID, f.Format, f.TypeModifier)
	}
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		fmt.Fprintf(&out, "%v %q\n", values, rows.RawValues())
	}
	fmt.Fprintln(&out, rows.Err(), rows.CommandTag())
	return out.String()
}

func TestWireRowsManyPlayers(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil, minute)
	b.exec(b.pg, "CREATE TYPE mood AS ENUM ('sad', 'glad')")
	pg := pgtest.Open(t, b.pg.Pool().Config().ConnString(), &db.Options{Types: []string{"mood"}})
	reads, err := b.cache.ReadThrough(pg, minute)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				rows, err := reads.Query(t.Context(), "SELECT CASE id % 2 WHEN 0 THEN 'sad' ELSE 'glad' END::mood FROM cities ORDER BY id")
				if err != nil {
					t.Error(err)
					return
				}
				moods, err := pgx.CollectRows(rows, pgx.RowTo[string])
				if err != nil || len(moods) != 100 || moods[0] != "glad" || moods[1] != "sad" {
					t.Error(moods, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestQueryRow(t *testing.T) {
	t.Parallel()
	b := following(t, minute)
	for range 2 {
		var name string
		if err := b.reads.QueryRow(t.Context(), "SELECT name FROM cities WHERE id = $1", 7).Scan(&name); err != nil || name != "city 7" {
			t.Error(name, err)
		}
		if err := b.reads.QueryRow(t.Context(), "SELECT name FROM cities WHERE id = $1", 0).Scan(&name); !errors.Is(err, pgx.ErrNoRows) {
			t.Error(err)
		}
	}
	b.want(querycache.MissCold, querycache.MissCold, querycache.Hit, querycache.Hit)
	b.exec(b.pg, "INSERT INTO cities VALUES (0, 'nowhere')") // the absence of a row is a result too
	var name string
	if err := b.reads.QueryRow(t.Context(), "SELECT name FROM cities WHERE id = $1", 0).Scan(&name); err != nil || name != "nowhere" {
		t.Error(name, err)
	}
	var pgErr *pgconn.PgError
	if err := b.reads.QueryRow(t.Context(), "SELECT 1/(id-id) FROM cities").Scan(&name); !errors.As(err, &pgErr) || pgErr.Code != "22012" {
		t.Error(err)
	}
	if _, err := b.reads.Query(t.Context(), "SELECT * FROM nothing"); err != nil && !errors.As(err, &pgErr) { //nolint:sqlclosecheck // there are none
		t.Error(err)
	}
}

// Writes through Query of the cached handle are executed each time.
func TestWritesByQueryAreNotKept(t *testing.T) {
	t.Parallel()
	b := following(t, minute)
	b.name(1)
	for i := range 3 {
		rows, err := b.reads.Query(t.Context(), "UPDATE cities SET name = name || '!' WHERE id = 1 RETURNING name")
		if err != nil {
			t.Fatal(err)
		}
		got, err := pgx.CollectOneRow(rows, pgx.RowTo[string])
		want := "city 1" + strings.Repeat("!", i+1)
		if err != nil || got != want || b.name(1) != want {
			t.Errorf("got %q, read %q, %v; want %q", got, b.name(1), err, want)
		}
	}
	random := map[float64]bool{}
	for range 3 {
		var f float64
		if err := b.reads.QueryRow(t.Context(), "SELECT random() FROM cities LIMIT 1").Scan(&f); err != nil {
			t.Fatal(err)
		}
		random[f] = true
	}
	if len(random) != 3 {
		t.Error("random() was served from the cache")
	}
}

func TestBigResultsAreStreamed(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil, querycache.Policy{TTL: time.Minute, MaxBytes: 10_000})
	for range 3 {
		rows, err := b.reads.Query(t.Context(), "SELECT repeat('x', 1000) FROM cities")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := pgx.CollectRows(rows, pgx.RowTo[string]); err != nil || len(got) != 100 {
			t.Error(len(got), err)
		}
	}
	if s := b.cache.Stats(); s.Entries != 0 || s.Total() != 3 {
		t.Errorf("%d entries, lookups %v", s.Entries, s.Lookups)
	}
}

// Each caller gets its own copy, with its own slices.
func TestTypedAnswersAreCopies(t *testing.T) {
	t.Parallel()
	b := following(t, minute)
	for range 3 {
		list, err := cities.All(t.Context(), b.reads, 5)
		if err != nil || len(list) != 5 || !slices.Equal(list[0].Tags, []string{"a", "b"}) {
			t.Fatal(list, err)
		}
		list[0].Name, list[0].Tags[0] = "changed", "changed"
	}
	b.want(querycache.MissCold, querycache.Hit, querycache.Hit)
}

func TestArgumentsOfAnyKind(t *testing.T) {
	t.Parallel()
	b := following(t, minute)
	byName := db.MustCompile[int]("SELECT id FROM cities WHERE name = $1")
	for range 2 {
		for i, arg := range []any{"city 1", pgtype.Text{String: "city 2", Valid: true}, new("city 3")} {
			if got, err := byName.One(t.Context(), b.reads, arg); err != nil || got != i+1 {
				t.Errorf("%#v: %d, %v", arg, got, err)
			}
		}
	}
	b.want(querycache.MissCold, querycache.MissCold, querycache.MissCold, querycache.Hit, querycache.Hit, querycache.Hit)
	if got, err := nameByID.One(t.Context(), b.reads, pgtype.Int4{Int32: 9, Valid: true}); err != nil || got != "city 9" {
		t.Error(got, err)
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	b := following(t, minute)
	b.exec(b.pg, "CREATE VIEW v AS SELECT c.name, r.id FROM cities c JOIN rivers r USING (id)")
	e := b.reads.Explain(t.Context(), "SELECT name FROM v WHERE id = $1")
	if !e.Cacheable || !slices.Equal(e.Tables, []string{"public.cities", "public.rivers"}) || !e.Followed || e.MaxAge != time.Minute || len(e.Columns) == 0 {
		t.Errorf("%+v", e)
	}
	b.name(1)
	b.name(1)
	if e := b.reads.Explain(t.Context(), cityByID.SQL()); e.Entries != 1 || e.Lookups[querycache.Hit] != 1 || e.Bytes == 0 {
		t.Errorf("%+v", e)
	}
	for sql, want := range map[string]string{
		"SELECT random()":                  "random",
		"DELETE FROM cities RETURNING id":  "not a plain read",
		"SELECT 1 FROM cities FOR UPDATE":  "locks",
		"SELECT 'unterminated FROM cities": "cannot be tokenized",
	} {
		if e := b.reads.Explain(t.Context(), sql); e.Cacheable || !strings.Contains(e.Detail, want) {
			t.Errorf("%s: %+v", sql, e)
		}
	}
}

// Explain describes what invalidates entries, and names the statement that did.
func TestExplainDescribesInvalidation(t *testing.T) {
	t.Parallel()
	b := following(t, minute)
	for _, sql := range []string{
		"CREATE UNLOGGED TABLE logs (id int)", "CREATE MATERIALIZED VIEW mat AS SELECT id FROM cities",
		"CREATE FUNCTION stable() RETURNS bigint LANGUAGE plpgsql STABLE AS $$ DECLARE n bigint; BEGIN EXECUTE 'SELECT count(*) FROM cities' INTO n; RETURN n; END $$",
		"CREATE FUNCTION undeclared() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END $$",
	} {
		b.exec(b.pg, sql)
	}
	for sql, want := range map[string]string{
		"SELECT count(*) FROM logs":      "after a server crash",
		"SELECT count(*) FROM mat":       "REFRESH",
		"SELECT stable()":                "Policy.Tables",
		"SELECT undeclared()":            "declare the function STABLE",
		"SELECT 1 FROM cities; SELECT 2": "holds 2 statements",
	} {
		if e := b.reads.Explain(t.Context(), sql); !strings.Contains(e.Detail, want) {
			t.Errorf("%s: %v %q, want %q", sql, e.Cacheable, e.Detail, want)
		}
	}
	b.exec(b.pg, "DO $$ BEGIN EXECUTE 'UPDATE rivers SET name = name'; END $$")
	if e := b.reads.Explain(t.Context(), nameOfCity); !strings.Contains(e.Detail, "most recently `do ?`") {
		t.Errorf("after DO: %q", e.Detail)
	}
}

type rowOfCity struct{ city }

// ScanRow implements pgx.RowScanner.
func (r *rowOfCity) ScanRow(rows pgx.Rows) error { return rows.Scan(&r.ID, &r.Name, &r.Tags) }

// A row from the cache equals that of the server, for each kind of Scan.
func TestRowsOfHitsAreTheServers(t *testing.T) {
	t.Parallel()
	b := following(t, minute)
	b.exec(b.pg, "CREATE TYPE mood AS ENUM ('sad', 'glad')")
	const sql = "SELECT id, name, tags FROM cities WHERE id = $1"
	for range 3 {
		var got city
		row := b.reads.QueryRow(t.Context(), sql, 7)
		for range 2 {
			if err := row.Scan(&got.ID, &got.Name, &got.Tags); err != nil || got.ID != 7 || got.Name != "city 7" || !slices.Equal(got.Tags, []string{"a", "b"}) {
				if !errors.Is(err, pgx.ErrNoRows) { // of a row that was not from the cache
					t.Errorf("%v, %v", got, err)
				}
			}
		}
		var scanned rowOfCity
		if err := b.reads.QueryRow(t.Context(), sql, 7).Scan(&scanned); err != nil || scanned.Name != "city 7" {
			t.Errorf("RowScanner: %v, %v", scanned, err)
		}
		if err := b.reads.QueryRow(t.Context(), sql, -1).Scan(nil, nil, nil); !errors.Is(err, pgx.ErrNoRows) {
			t.Errorf("no row: %v", err)
		}
		var bad pgx.ScanArgError
		if err := b.reads.QueryRow(t.Context(), sql, 7).Scan(&got.ID, &got.ID, nil); !errors.As(err, &bad) || bad.FieldName != "name" {
			t.Errorf("a name into a number: %v", err)
		}
		var mood string
		if err := b.reads.QueryRow(t.Context(), "SELECT 'glad'::mood").Scan(&mood); err != nil || mood != "glad" {
			t.Errorf("an enum: %q, %v", mood, err)
		}
	}
}

// Loads are examined by the server's parser, as reads are. By its names alone a
// function call might be a cast, and the read would invalidate itself.
func TestLoadsAreKnownByTheParser(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil, minute)
	b.exec(b.pg, "CREATE TYPE boxed AS (x int)")
	b.exec(b.pg, "CREATE FUNCTION unboxed(boxed) RETURNS int LANGUAGE plpgsql AS 'BEGIN UPDATE cities SET name = name; RETURN ($1).x; END'")
	b.exec(b.pg, "CREATE CAST (boxed AS int) WITH FUNCTION unboxed(boxed) AS IMPLICIT")
	b.follow(b.pg)
	for _, sql := range []string{"SELECT count(*) FROM cities", "SELECT  id+1 FROM cities -- one more", "select id from cities where id = 1"} {
		for range 2 {
			rows, _ := b.reads.Query(t.Context(), sql)
			if _, err := pgx.CollectRows(rows, pgx.RowTo[int]); err != nil {
				t.Fatal(err)
			}
		}
	}
	if s := b.cache.Stats(); s.Lookups[querycache.MissLoadInvalidated]+s.Lookups[querycache.MissInvalidated] > 0 || s.Lookups[querycache.Hit] != 3 {
		t.Errorf("lookups %v", s.Lookups)
	}
}
