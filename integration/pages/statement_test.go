package pages_test

import (
	"bytes"
	"context"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/db"
)

// TestStatements pages through statements of every form.
func TestStatements(t *testing.T) {
	t.Parallel()
	pg := open(t, cities, "CREATE TABLE visits AS SELECT i % 25 AS city_id, i AS id FROM generate_series(0, 99) i",
		"CREATE TABLE headrace_rows AS SELECT id FROM cities WHERE id < 5",
		"CREATE VIEW big AS SELECT * FROM cities WHERE population > 100")
	for _, tt := range []struct {
		name, sql string
		order     string
		keys      []db.Order
	}{
		{"table", "TABLE cities", "id", []db.Order{db.Asc("id")}},
		{"values", "VALUES (3, 'c'), (1, 'a'), (2, NULL)", "column1", []db.Order{db.Asc("column1")}},
		{"view", "SELECT * FROM big", "name DESC, id", []db.Order{db.Desc("name"), db.Asc("id")}},
		{"expression", "SELECT id, -population / 30 AS rank FROM cities", "rank, id DESC", []db.Order{db.Asc("rank"), db.Desc("id")}},
		{"quoted name", `SELECT id AS "the ""Id""" FROM cities`, `"the ""Id"""`, []db.Order{db.Asc(`the "Id"`)}},
		{"outer join", "SELECT v.id, c.name, c.id AS c_id FROM visits v LEFT JOIN cities c ON c.id = v.city_id",
			"name DESC, id", []db.Order{db.Desc("name"), db.Asc("id")}},
		{"WITH", "WITH c AS (SELECT * FROM cities), d AS (SELECT id FROM c) SELECT c.* FROM c JOIN d USING (id)",
			"name, id", []db.Order{db.Asc("name"), db.Asc("id")}},
		{"WITH of our names", "WITH headrace_rows AS (SELECT * FROM cities), headrace2_page AS (SELECT nullif(id % 3, 0) AS a, id, name FROM headrace_rows) SELECT * FROM headrace2_page",
			"a, id", []db.Order{db.Asc("a"), db.Asc("id")}},
		{"recursive WITH of a table of our name", `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT nullif(h.id, i) AS a, h.id * 10 + i AS b FROM "headrace_rows" h, n`,
			"a, b", []db.Order{db.Asc("a"), db.Asc("b")}},
		{"WITH RECURSIVE", "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30) SELECT i % 4 AS m, i FROM n",
			"m, i", []db.Order{db.Asc("m"), db.Asc("i")}},
		{"GROUP BY", "SELECT city_id, count(*) AS n FROM visits GROUP BY city_id", "n DESC, city_id", []db.Order{db.Desc("n"), db.Asc("city_id")}},
		{"DISTINCT ON", "SELECT DISTINCT ON (name) name, id FROM cities ORDER BY name, id DESC", "id", []db.Order{db.Asc("id")}},
		{"window", "SELECT id, row_number() OVER (PARTITION BY name ORDER BY id) AS place FROM cities",
			"place, id", []db.Order{db.Asc("place"), db.Asc("id")}},
		{"UNION", "SELECT id FROM cities UNION SELECT id FROM visits", "id DESC", []db.Order{db.Desc("id")}},
		{"LIMIT", "SELECT id, name FROM cities ORDER BY population DESC LIMIT 7", "id", []db.Order{db.Asc("id")}},
		{"comment at the end", "SELECT id FROM cities -- all of them", "id", []db.Order{db.Asc("id")}},
		{"semicolon", "SELECT id FROM cities;", "id", []db.Order{db.Asc("id")}},
		{"parameters", "SELECT id, name FROM cities WHERE id <> $1 AND name <> $2", "name, id DESC", []db.Order{db.Asc("name"), db.Desc("id")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var args []any
			if tt.name == "parameters" {
				args = []any{4, "c2"}
			}
			all, err := db.All[rowBytes](t.Context(), pg, db.SQL("SELECT * FROM ("+trim(tt.sql)+"\n) r ORDER BY "+tt.order, args...))
			if err != nil {
				t.Fatal(err)
			}
			p := db.Pager{Keys: tt.keys}
			page := func(ctx context.Context, at db.Cursor) (db.Page[rowBytes], error) {
				return db.Paginate[rowBytes](ctx, pg, db.SQL(tt.sql, args...), p, at, 3)
			}
			if got := forward(t, page); !slices.Equal(got, all) || len(got) == 0 {
				t.Errorf("forward %q\nwant %q", got, all)
			}
			if got := backward(t, page); !slices.Equal(got, all) {
				t.Errorf("backward %q\nwant %q", got, all)
			}
		})
	}
}

// rowBytes is a row as the server sent it, with any columns.
type rowBytes string

func (r *rowBytes) ScanRow(rows pgx.Rows) error {
	*r = rowBytes(bytes.Join(rows.RawValues(), []byte("|")))
	return nil
}

// trim removes a semicolon.
func trim(sql string) string {
	if sql[len(sql)-1] == ';' {
		return sql[:len(sql)-1]
	}
	return sql
}

// A page can be read from everything that runs statements.
func TestQueriers(t *testing.T) {
	t.Parallel()
	pg := open(t, cities)
	conn, err := pg.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	tx, err := pg.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(t.Context())
	if _, err := tx.Exec(t.Context(), "INSERT INTO cities VALUES (20, 'c4', 200)"); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		q    db.Querier
		rows int
	}{{pg, 20}, {pg.Pool(), 20}, {conn, 20}, {conn.Conn(), 20}, {tx, 21}} {
		page := func(ctx context.Context, at db.Cursor) (db.Page[city], error) {
			return citiesAbove.Page(ctx, tt.q, byName, at, 6, 0)
		}
		if got := forward(t, page); len(got) != tt.rows {
			t.Errorf("%T: %d rows, want %d", tt.q, len(got), tt.rows)
		}
		if got := backward(t, page); len(got) != tt.rows {
			t.Errorf("%T, backward: %d rows, want %d", tt.q, len(got), tt.rows)
		}
	}
}
