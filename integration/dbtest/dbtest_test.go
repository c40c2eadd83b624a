package dbtest_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/db/dbtest"
	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/querycache"
)

// A fakeTB records the failures of a test.
type fakeTB struct {
	failures []string
	cleanups []func()
}

func (f *fakeTB) Helper()           {}
func (f *fakeTB) Name() string      { return "TestOfAProgram" }
func (f *fakeTB) Cleanup(fn func()) { f.cleanups = append(f.cleanups, fn) }
func (f *fakeTB) Errorf(format string, args ...any) {
	f.failures = append(f.failures, fmt.Sprintf(format, args...))
}

// end runs the cleanups, and returns the failures.
func (f *fakeTB) end() string {
	for _, fn := range slices.Backward(f.cleanups) {
		fn()
	}
	return strings.Join(f.failures, "\n")
}

type city struct {
	ID   int
	Name string
}

var cityByID = db.MustCompile[city]("-- name: CityByID :one\nSELECT id, name FROM cities WHERE id = $1")

var cities = []string{
	"CREATE TABLE cities (id int PRIMARY KEY, name text NOT NULL, country text NOT NULL)",
	"CREATE INDEX ON cities (country)",
	"INSERT INTO cities SELECT g, 'city ' || g, 'DE' FROM generate_series(1, 30) g",
}

func wantFailure(t *testing.T, got string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(got, part) {
			t.Errorf("failure %q does not say %q", got, part)
		}
	}
	if len(parts) == 0 && got != "" {
		t.Errorf("failure %q", got)
	}
}

func TestBudget(t *testing.T) {
	t.Parallel()
	pg := pgtest.DB(t, nil, cities...)
	run := func() {
		if _, err := cityByID.One(t.Context(), pg, 1); err != nil {
			t.Error(err)
		}
		err := pg.InTx(t.Context(), db.TxOptions{}, func(tx pgx.Tx) error {
			_, err := tx.Exec(t.Context(), "UPDATE cities SET name = 'secret' WHERE id = 2")
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	exact, over := new(fakeTB), new(fakeTB)
	dbtest.Budget(exact, pg, 4)
	run()
	wantFailure(t, exact.end())
	dbtest.Budget(over, pg, 3)
	run()
	got := over.end()
	wantFailure(t, got, "4 statements ran, the budget is 3", "1 x CityByID: select id, name from cities where id = ?", "update cities set name = ? where id = ?", "dbtest_test.go:", "begin")
	if strings.Contains(got, "secret") {
		t.Errorf("failure %q shows a constant", got)
	}
	run() // after the cleanup
	if again := strings.Join(over.failures, "\n"); again != got {
		t.Errorf("after the cleanup: %s", again)
	}
}

// A budget does not count reads that a cache answers, nor the handle's own
// statements.
func TestBudgetOfCachedReads(t *testing.T) {
	t.Parallel()
	pg := pgtest.DB(t, nil, cities...)
	cache, err := querycache.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer cache.Close()
	stop, err := cache.Follow(pg)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	reads, err := cache.ReadThrough(pg, querycache.Policy{TTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 { // the first loads also find out what the tables' creation invalidates
		if _, err := cityByID.One(t.Context(), reads, 1); err != nil {
			t.Fatal(err)
		}
	}
	tb := new(fakeTB)
	dbtest.Budget(tb, pg, 0)
	for range 10 {
		if _, err := cityByID.One(t.Context(), reads, 1); err != nil {
			t.Fatal(err)
		}
	}
	wantFailure(t, tb.end())
}

func TestNoRepeats(t *testing.T) {
	t.Parallel()
	pg := pgtest.DB(t, nil, cities...)
	loop := func(ctx context.Context, n int) {
		for i := range n {
			if _, err := cityByID.One(ctx, pg, 1+i); err != nil {
				t.Error(err)
			}
		}
	}
	for _, c := range []struct {
		k, calls int
		want     []string
	}{
		{10, 9, nil},
		{10, 10, []string{"10 x CityByID: select", "dbtest_test.go:"}},
		{2, 2, []string{"2 x CityByID"}},
		{3, 2, nil},
		{1, 0, []string{"want 2 or more"}},
	} {
		tb := new(fakeTB)
		dbtest.NoRepeats(tb, pg, c.k)
		loop(t.Context(), c.calls)
		wantFailure(t, tb.end(), c.want...)
	}
}

func TestAdoptedHandleIsRefused(t *testing.T) {
	t.Parallel()
	pg, err := db.New(pgtest.Pool(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	tb := new(fakeTB)
	dbtest.Budget(tb, pg, 3)
	wantFailure(t, tb.end(), "use db.Open")
}

func TestNoSeqScan(t *testing.T) {
	t.Parallel()
	pg := pgtest.DB(t, nil, append(cities, "CREATE TABLE notes (body text)", "CREATE SCHEMA other", "CREATE TABLE other.notes (body text)")...)
	for _, c := range []struct {
		name, sql string
		args      []any
		tables    []string
		want      []string
	}{
		{"by key", "SELECT name FROM cities WHERE id = $1", []any{1}, nil, nil},
		{"by an index", "SELECT name FROM cities WHERE country = $1 AND name = $2", []any{"DE", "x"}, nil, nil},
		{"by no index", "SELECT id FROM cities WHERE name = $1", []any{"x"}, nil, []string{"public.cities of select id from cities where name = ?", "dbtest_test.go:"}},
		{"a constant", "SELECT id FROM cities WHERE name = 'secret'", nil, nil, []string{"where name = ?"}},
		{"a whole index", "SELECT id FROM cities WHERE id % 2 = 0 ORDER BY id", nil, nil, []string{"public.cities of"}},
		{"a join", "SELECT c.id FROM cities c JOIN notes n ON n.body = c.name", nil, []string{"notes"}, []string{"public.notes of"}},
		{"another table", "SELECT id FROM cities WHERE name = $1", []any{"x"}, []string{"notes"}, nil},
		{"with schema", "SELECT body FROM other.notes", nil, []string{"other.notes"}, []string{"other.notes of"}},
		{"another schema", "SELECT body FROM other.notes", nil, []string{"public.notes"}, nil},
		{"an update", "UPDATE cities SET name = $1 WHERE name = $2", []any{"y", "x"}, nil, []string{"public.cities of update"}},
		{"not explained", "CREATE TABLE more (id int)", nil, nil, nil},
		{"an error", "SELECT nothing FROM cities", nil, nil, nil},
	} {
		tb := new(fakeTB)
		dbtest.NoSeqScan(tb, pg, c.tables...)
		_, _ = pg.Exec(t.Context(), c.sql, c.args...)
		got := tb.end()
		if strings.Contains(got, "secret") {
			t.Errorf("%s: %q shows a constant", c.name, got)
		}
		if len(c.want) == 0 && got != "" {
			t.Errorf("%s: %q", c.name, got)
		}
		for _, want := range c.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: %q does not say %q", c.name, got, want)
			}
		}
	}
}
