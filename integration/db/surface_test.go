package db_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/Masterminds/squirrel"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"context"

	"github.com/headrace/headrace/db"
)

// sqlcDBTX is what sqlc generates for pgx/v5 with :copyfrom and :batch.
type sqlcDBTX interface {
	Exec(context.Context, string, ...any) (pgconn.CommandTag, error)
	Query(context.Context, string, ...any) (pgx.Rows, error)
	QueryRow(context.Context, string, ...any) pgx.Row
	CopyFrom(ctx context.Context, tableName pgx.Identifier, columnNames []string, rowSrc pgx.CopyFromSource) (int64, error)
	SendBatch(context.Context, *pgx.Batch) pgx.BatchResults
}

var (
	_ sqlcDBTX   = (*db.DB)(nil)
	_ db.Querier = (*db.DB)(nil)
	_ db.Querier = (*pgxpool.Pool)(nil)
	_ db.Querier = (*pgxpool.Conn)(nil)
	_ db.Querier = (*pgx.Conn)(nil)
	_ db.Querier = (pgx.Tx)(nil)
	_ db.Execer  = (pgx.Tx)(nil)
)

// The handle has the methods of pgxpool.Pool that programs call, with the same
// signatures. The test fails when pgx adds a method, which may belong to them.
func TestHandleHasThePoolsMethods(t *testing.T) {
	t.Parallel()
	pool, handle := reflect.TypeFor[*pgxpool.Pool](), reflect.TypeFor[*db.DB]()
	for want := range pool.Methods() {
		got, ok := handle.MethodByName(want.Name)
		if !ok {
			t.Errorf("the handle has no %s", want.Name)
			continue
		}
		if a, b := signature(got.Type), signature(want.Type); a != b {
			t.Errorf("%s is %s, pgxpool's %s", want.Name, a, b)
		}
	}
}

// signature returns a method's type without its receiver.
func signature(method reflect.Type) string {
	text := "("
	for i := 1; i < method.NumIn(); i++ {
		text += method.In(i).String() + ","
	}
	text += ")("
	for out := range method.Outs() {
		text += out.String() + ","
	}
	return text + ")"
}

type item struct {
	ID   int
	Name string
}

var itemSchema = []string{
	"CREATE TABLE items (id int PRIMARY KEY, name text NOT NULL, tags jsonb)",
	`INSERT INTO items SELECT i, 'item ' || i, '{"a": 1}' FROM generate_series(1, 10) i`,
}

func TestReadsFromEveryHandle(t *testing.T) {
	t.Parallel()
	pg := open(t, nil, itemSchema...)
	stmt := db.MustCompile[item]("SELECT id, name FROM items WHERE id <= $1 ORDER BY id")
	check := func(name string, q db.Querier) {
		t.Helper()
		all, err := stmt.All(t.Context(), q, 3)
		if err != nil || len(all) != 3 || all[2] != (item{3, "item 3"}) {
			t.Errorf("%s: All gives %v, error %v", name, all, err)
		}
		dst := append(make([]item, 0, 4), item{0, "before"})
		if got, err := stmt.AppendTo(t.Context(), q, dst, 3); err != nil || !slices.Equal(got[1:], all) || got[0] != dst[0] || &got[0] != &dst[0] {
			t.Errorf("%s: AppendTo gives %v, error %v", name, got, err)
		}
		if one, err := stmt.One(t.Context(), q, 1); err != nil || one.ID != 1 {
			t.Errorf("%s: One gives %v, error %v", name, one, err)
		}
		if _, err := stmt.One(t.Context(), q, 0); !errors.Is(err, pgx.ErrNoRows) {
			t.Errorf("%s: One of none: error %v", name, err)
		}
		if _, err := stmt.One(t.Context(), q, 2); !errors.Is(err, pgx.ErrTooManyRows) {
			t.Errorf("%s: One of two: error %v", name, err)
		}
		seen := 0
		for one, err := range stmt.Each(t.Context(), q, 10) {
			if err != nil {
				t.Errorf("%s: Each: %v", name, err)
			}
			if seen++; one.ID == 5 {
				break
			}
		}
		if seen != 5 {
			t.Errorf("%s: Each yields %d rows up to the break, want 5", name, seen)
		}
		if n, err := db.One[int](t.Context(), q, db.SQL("SELECT count(*) FROM items WHERE name <> @name", pgx.NamedArgs{"name": "item 1"})); err != nil || n != 9 {
			t.Errorf("%s: named arguments: %d, error %v", name, n, err)
		}
	}
	named := db.MustCompile[int]("SELECT id FROM items WHERE name = @Name AND id=@id")
	if id, err := named.One(t.Context(), pg, pgx.NamedArgs{"Name": "item 3", "id": 3}); err != nil || id != 3 {
		t.Errorf("a compiled statement with named arguments: %d, error %v", id, err)
	}
	if all, err := named.All(t.Context(), pg, pgx.StrictNamedArgs{"Name": "item 3", "id": 3}); err != nil || len(all) != 1 {
		t.Errorf("a compiled statement with strict named arguments: %v, error %v", all, err)
	}
	check("handle", pg)
	check("pool", pg.Pool())
	conn, err := pg.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	check("pool's connection", conn)
	check("connection", conn.Conn())
	conn.Release()
	if err := pg.InTx(t.Context(), db.TxOptions{}, func(tx pgx.Tx) error { check("transaction", tx); return nil }); err != nil {
		t.Error(err)
	}
	if held := pg.Stat().AcquiredConns(); held != 0 {
		t.Errorf("%d connections are still held", held)
	}
}

// A read that fails after some rows leaves the caller's rows unchanged.
func TestAppendToAfterAnError(t *testing.T) {
	t.Parallel()
	pg := open(t, nil, itemSchema...)
	stmt := db.MustCompile[item]("SELECT 100 / (id - $1) AS id, name FROM items ORDER BY items.id")
	dst := append(make([]item, 0, 20), item{7, "before"})
	got, err := stmt.AppendTo(t.Context(), pg, dst, 5)
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); !ok || pgErr.Code != "22012" {
		t.Errorf("error %v, want a division by zero", err)
	}
	if len(got) != 1 || got[0] != (item{7, "before"}) || &got[0] != &dst[0] {
		t.Errorf("got %v, want dst", got)
	}
	if got, err = stmt.AppendTo(t.Context(), pg, got[:0], 11); err != nil || len(got) != 10 || &got[0] != &dst[0] {
		t.Errorf("got %v, error %v after an error", got, err)
	}
}

func TestBuilders(t *testing.T) {
	t.Parallel()
	pg := open(t, nil, itemSchema...)
	ctx := t.Context()
	all, err := db.All[item](ctx, pg, db.Select("id", "name").From("items").
		Where(db.AnyOf("id", []int{2, 4, 99})).
		Where("tags ?? 'a' AND name <> 'what?'").
		Where(squirrel.Expr("EXISTS (?)", squirrel.Select("1").From("items i").Where("i.id = ?", 7))).
		OrderBy("id"))
	if err != nil || len(all) != 2 || all[1].ID != 4 {
		t.Fatalf("%v, error %v", all, err)
	}
	if all, err := db.All[item](ctx, pg, db.Select("id", "name").From("items").Where(db.AnyOf[int]("id", nil))); err != nil || len(all) != 0 {
		t.Errorf("AnyOf of nothing: %v, error %v", all, err)
	}
	must(t)(db.Exec(ctx, pg, db.Insert("items").Columns("id", "name").Values(50, "it's ?")))
	must(t)(db.Exec(ctx, pg, db.Update("items").Set("name", "new").Where(squirrel.Eq{"id": 50})))
	if one, err := db.One[item](ctx, pg, db.Select("id", "name").From("items").Where(squirrel.Eq{"id": 50})); err != nil || one.Name != "new" {
		t.Errorf("%v, error %v", one, err)
	}
	if tag, err := db.Exec(ctx, pg, db.Delete("items").Where(squirrel.Eq{"id": 50})); err != nil || tag.RowsAffected() != 1 {
		t.Errorf("%v, error %v", tag, err)
	}
	if _, err := db.All[item](ctx, pg, db.Select("id", "name").From("items").Where("id = $1", 1).Where("name = ?", "x")); err == nil {
		t.Error("a text that is numbered in part was let pass")
	}
}

// Under the simple protocol the server runs any number of statements.
func TestBuiltReadsAreOneStatement(t *testing.T) {
	t.Parallel()
	setup := open(t, nil, itemSchema...)
	pg, err := db.Open(t.Context(), setup.Pool().Config().ConnString()+"&default_query_exec_mode=simple_protocol", nil)
	must(t)(nil, err)
	t.Cleanup(pg.Close)
	two := db.SQL("SELECT 1; DELETE FROM items")
	_, err1 := db.All[int](t.Context(), pg, two)
	_, err2 := db.One[int](t.Context(), pg, two)
	var err3 error
	for _, err3 = range db.Each[int](t.Context(), pg, two) {
	}
	for _, err := range []error{err1, err2, err3, db.Gather(t.Context(), pg, db.GatherAll[int](two))} {
		if err == nil || !strings.Contains(err.Error(), "2 statements") {
			t.Errorf("error %v, want it to mention 2 statements", err)
		}
	}
	if n := count(t, pg, "SELECT count(*)::int FROM items -- ; not a second one"); n != 10 {
		t.Errorf("%d rows are left of 10", n)
	}
	if s, err := db.One[string](t.Context(), pg, db.SQL("SELECT ';' ;")); err != nil || s != ";" {
		t.Errorf("%q, error %v", s, err)
	}
}

func TestMaxRows(t *testing.T) {
	t.Parallel()
	pg := open(t, &db.Options{MaxRows: 5}, itemSchema...)
	stmt := db.MustCompile[item]("-- name: Items :many\nSELECT id, name FROM items")
	if _, err := stmt.All(t.Context(), pg); !errors.Is(err, db.ErrTooManyRows) {
		t.Errorf("error %v, want ErrTooManyRows", err)
	}
	if all, err := stmt.All(db.WithMaxRows(t.Context(), 0), pg); err != nil || len(all) != 10 {
		t.Errorf("%d rows, error %v", len(all), err)
	}
	if _, err := stmt.All(db.WithMaxRows(t.Context(), 9), pg.Pool()); !errors.Is(err, db.ErrTooManyRows) {
		t.Errorf("error %v, want ErrTooManyRows", err)
	}
	if held := pg.Stat().AcquiredConns(); held != 0 {
		t.Errorf("%d connections are still held", held)
	}
}

func TestTypesAreLoaded(t *testing.T) {
	t.Parallel()
	plain := open(t, nil, "CREATE TYPE mood AS ENUM ('low', 'high')", "CREATE TYPE pair AS (a int, m mood)")
	pg, err := db.Open(t.Context(), plain.Pool().Config().ConnString(), &db.Options{Types: []string{"mood", "pair"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pg.Close)
	type pair struct {
		A int
		M string
	}
	one, err := db.One[struct{ P pair }](t.Context(), pg, db.SQL("SELECT ROW(7, 'high')::pair AS p"))
	if err != nil || one.P != (pair{7, "high"}) {
		t.Errorf("%v, error %v", one, err)
	}
	if _, err := db.Open(t.Context(), plain.Pool().Config().ConnString(), &db.Options{Types: []string{"no_such_type"}}); err == nil {
		t.Error("a type that is not there was loaded")
	}
}

// Extensions add base types, which pgx does not load.
func TestBaseTypes(t *testing.T) {
	t.Parallel()
	plain := open(t, nil, "CREATE EXTENSION citext", "CREATE EXTENSION hstore", "CREATE TYPE tagged AS (id int, tag citext)")
	connString := plain.Pool().Config().ConnString()
	pg, err := db.Open(t.Context(), connString, &db.Options{Types: []string{"int4", "citext", "_citext", "tagged"}})
	must(t)(nil, err)
	t.Cleanup(pg.Close)
	type tagged struct {
		ID  int
		Tag string
	}
	type row struct {
		Tags []string
		One  tagged
		Same bool
	}
	got, err := db.One[row](t.Context(), pg, db.SQL("SELECT '{A,b}'::citext[] AS tags, ROW(7, 'X')::tagged AS one, $1 = 'ABC'::citext AS same", "abc"))
	if err != nil || fmt.Sprint(got) != "{[A b] {7 X} true}" {
		t.Errorf("%v, error %v", got, err)
	}
	for name, want := range map[string]string{
		"hstore":     "public.hstore is a base type",
		"no_citext":  "type no_citext does not exist",
		"citext, xx": "type citext, xx does not exist",
	} {
		_, err := db.Open(t.Context(), connString, &db.Options{Types: []string{"citext", name}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

func TestStats(t *testing.T) {
	t.Parallel()
	pg := open(t, nil, itemSchema...)
	for i := range 20 {
		_, _ = db.All[item](t.Context(), pg, db.SQL("-- name: Some :many\nSELECT id, name FROM items WHERE id IN (1, 2) AND id > $1", i%2))
	}
	_, _ = pg.Exec(t.Context(), "INSERT INTO items VALUES (1, 'x')")
	var some, insert db.StatementStats
	for _, st := range pg.Stats().Statements {
		switch {
		case st.Name == "Some":
			some = st
		case st.Errors["23"] == 1:
			insert = st
		}
	}
	if some.Calls != 20 || some.Rows != 30 || some.P50 == 0 || some.P99 < some.P50 || some.Total < some.Max {
		t.Errorf("figures of the read: %+v", some)
	}
	if insert.Calls != 1 {
		t.Errorf("the failed insert is not counted: %+v", pg.Stats().Statements)
	}
	if w := pg.Stats().Waits; w.Count < 20 {
		t.Errorf("waits %+v, want at least 20", w)
	}
}
