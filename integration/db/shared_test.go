package db_test

import (
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/db"
)

// Texts that differ only in white space, comments and the case of keywords
// share one prepared statement on the server.
func TestPreparedStatementsAreShared(t *testing.T) {
	t.Parallel()
	pg := open(t, nil, itemSchema...)
	conn, err := pg.Acquire(t.Context())
	must(t)(nil, err)
	defer conn.Release()
	for _, sql := range []string{
		"SELECT id, name FROM items WHERE id = $1",
		"select id, name from items where id = $1",
		"SELECT id,name\n\tFROM items -- by its key\n WHERE id=$1 ;",
		"-- name: ItemByID :one\nSELECT id, name /* of /* all */ items */ FROM items WHERE id = $1",
		"SELECT id, name FROM ITEMS WHERE Id = $1",
	} {
		if one, err := db.MustCompile[item](sql).One(t.Context(), conn, 3); err != nil || one.ID != 3 {
			t.Errorf("%q: %v, error %v", sql, one, err)
		}
	}
	const named = "SELECT count(*)::int FROM pg_prepared_statements WHERE statement ILIKE '% items where%' AND statement NOT LIKE '%pg_prepared%'"
	if n := count(t, conn, named); n != 1 {
		t.Errorf("%d prepared statements, want one for all texts", n)
	}
	must(t)(db.MustCompile[item]("SELECT id, name FROM items WHERE id = $1 AND name <> 'A  b'").All(t.Context(), conn, 3))
	must(t)(db.MustCompile[item]("SELECT id, name FROM items WHERE id = $1 AND name <> 'A b'").All(t.Context(), conn, 3))
	if n := count(t, conn, named); n != 3 {
		t.Errorf("%d prepared statements, want another for each constant", n)
	}
}

// Counting a read of one row by its key allocates nothing.
//
// Not parallel: allocations of other tests would count.
func TestStatisticsAllocateNothing(t *testing.T) {
	counted := open(t, nil, itemSchema...)
	pool, err := pgxpool.New(t.Context(), counted.Pool().Config().ConnString())
	must(t)(nil, err)
	bare, err := db.New(pool, nil) // over connections without a tracer of ours
	must(t)(nil, err)
	t.Cleanup(bare.Close)
	byID := db.MustCompile[item]("SELECT id, name FROM items WHERE id = $1")
	for name, read := range map[string]func(pg *db.DB){
		"One": func(pg *db.DB) { must(t)(byID.One(t.Context(), pg, 3)) },
		"QueryRow": func(pg *db.DB) {
			var id int
			var name string
			must(t)(nil, pg.QueryRow(t.Context(), byID.SQL(), 3).Scan(&id, &name))
		},
	} {
		t.Run(name, func(t *testing.T) {
			measure := func(pg *db.DB) float64 { return testing.AllocsPerRun(500, func() { read(pg) }) }
			var with, without float64
			for range 3 { // what runs in the background allocates too
				if with, without = measure(counted), measure(bare); with <= without {
					return
				}
			}
			t.Errorf("%v allocations, without statistics %v", with, without)
		})
	}
	for _, st := range counted.Stats().Statements {
		if st.Calls >= 1000 && st.Rows == st.Calls {
			return
		}
	}
	t.Errorf("the reads were not counted: %+v", counted.Stats().Statements)
}
