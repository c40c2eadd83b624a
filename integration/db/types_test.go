package db_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/headrace/headrace/db"
)

type status string

// Arrays are loaded with their elements, in either spelling, and so are the
// component types of others, in any order.
func TestArraysAreLoadedWithTheirElements(t *testing.T) {
	t.Parallel()
	plain := open(t, nil, "CREATE SCHEMA shop", "CREATE TYPE shop.status AS ENUM ('new', 'done')", "CREATE TYPE item AS (n int, s shop.status)",
		"CREATE DOMAIN amount AS int", "CREATE EXTENSION citext")
	type line struct {
		N int
		S status
	}
	for _, names := range [][]string{
		{"status", "item", "amount", "citext"}, {"status[]", "item[]", "amount[]", "citext[]"}, {"item", "shop.status[]", "amount", "citext"}, {"_status", "_item", "_amount", "_citext"},
	} {
		pg, err := db.Open(t.Context(), plain.Pool().Config().ConnString(), &db.Options{Types: names})
		if err != nil {
			t.Errorf("%v: %v", names, err)
			continue
		}
		got, err := db.All[status](t.Context(), pg, db.SQL("SELECT s FROM unnest($1::shop.status[]) s WHERE s = ANY($1)", []status{"done", "new"}))
		if err != nil || !slices.Equal(got, []status{"done", "new"}) {
			t.Errorf("%v: %v, %v", names, got, err)
		}
		lines, err := db.One[[]line](t.Context(), pg, db.SQL("SELECT ARRAY[(1, 'new')]::item[]"))
		if err != nil || !slices.Equal(lines, []line{{1, "new"}}) {
			t.Errorf("%v: %v, %v", names, lines, err)
		}
		amounts, err := db.One[[]int](t.Context(), pg, db.SQL("SELECT ARRAY[1, 2]::amount[]"))
		if err != nil || !slices.Equal(amounts, []int{1, 2}) {
			t.Errorf("%v: %v, %v", names, amounts, err)
		}
		words, err := db.One[[]string](t.Context(), pg, db.SQL("SELECT $1::citext[]", []string{"A"}))
		if err != nil || !slices.Equal(words, []string{"A"}) {
			t.Errorf("%v: %v, %v", names, words, err)
		}
		pg.Close()
	}
}

// Ranges come with their subtypes and multiranges with their ranges, alone, within
// other types, and in any order.
func TestMultirangesComeWithTheirRanges(t *testing.T) {
	t.Parallel()
	plain := open(t, nil, "CREATE SCHEMA ty", "CREATE EXTENSION citext", "CREATE TYPE ty.frange AS RANGE (subtype = float8, multirange_type_name = ty.fmulti)",
		"CREATE TYPE ty.crange AS RANGE (subtype = citext, multirange_type_name = ty.cmulti)",
		"CREATE DOMAIN ty.dm AS ty.fmulti", "CREATE TYPE ty.withm AS (m ty.fmulti, n int)", "CREATE TYPE ty.outer AS (w ty.withm[])", "CREATE DOMAIN ty.ints AS int4multirange",
		"CREATE TYPE ty.mood AS ENUM ('sad', 'glad')", "CREATE TYPE ty.moods AS RANGE (subtype = ty.mood, multirange_type_name = ty.moodsm)",
		"CREATE TYPE ty.point AS (x int, m ty.mood)", "CREATE TYPE ty.points AS RANGE (subtype = ty.point)")
	type multirange = pgtype.Multirange[pgtype.Range[float64]]
	want := multirange{
		{Lower: 1, Upper: 2, LowerType: pgtype.Inclusive, UpperType: pgtype.Exclusive, Valid: true},
		{Lower: 5, Upper: 6, LowerType: pgtype.Inclusive, UpperType: pgtype.Exclusive, Valid: true},
	}
	for _, names := range [][]string{
		{"ty.fmulti"}, {"ty.frange", "ty.fmulti"}, {"ty.fmulti", "ty.frange"}, {"fmulti[]"}, {"ty.dm"}, {"ty.withm"}, {"ty.outer"}, {"ty.ints", "ty.fmulti"},
		{"ty.fmulti", "ty.cmulti", "citext"}, {"ty.fmulti", "ty.moods"}, {"ty.fmulti", "ty.moodsm"}, {"ty.fmulti", "ty.points"},
	} {
		for _, mode := range []string{"cache_statement", "simple_protocol"} {
			pg, err := db.Open(t.Context(), plain.Pool().Config().ConnString()+"&default_query_exec_mode="+mode, &db.Options{Types: names})
			if err != nil {
				t.Errorf("%v, %s: %v", names, mode, err)
				continue
			}
			got, err := db.One[multirange](t.Context(), pg, db.SQL("SELECT '{[1,2),[5,6)}'::ty.fmulti"))
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("%v, %s: %v, %v", names, mode, got, err)
			}
			pg.Close()
		}
	}
}

// Slices of a string type are encoded for an enum that is not loaded, as slices
// of strings are, on every path.
func TestSlicesOfStringTypesReachUnknownTypes(t *testing.T) {
	t.Parallel()
	pg := open(t, nil, "CREATE TYPE status AS ENUM ('new', 'done')", "CREATE TABLE orders (id int, s status)", "INSERT INTO orders VALUES (1, 'new'), (2, 'done')")
	const sql = "SELECT id FROM orders WHERE s = ANY($1::status[]) ORDER BY id"
	stmt := db.MustCompile[int](sql)
	for _, tt := range []struct {
		list []status
		want []int
	}{{[]status{"new"}, []int{1}}, {[]status{}, []int{}}, {[]status{"new", "done"}, []int{1, 2}}, {nil, []int{}}} {
		for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol} {
			got, err := stmt.All(t.Context(), pg, mode, tt.list)
			if err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("%v, %v: %v, %v, want %v", mode, tt.list, got, err, tt.want)
			}
		}
		err := pg.InTx(t.Context(), db.TxOptions{}, func(tx pgx.Tx) error {
			got, err := stmt.All(t.Context(), tx, tt.list)
			if err == nil && !slices.Equal(got, tt.want) {
				err = fmt.Errorf("got %v, want %v", got, tt.want)
			}
			return err
		})
		if err != nil {
			t.Errorf("in a transaction, %v: %v", tt.list, err)
		}
		page, err := db.MustCompile[int]("SELECT id FROM orders WHERE s = ANY($1)").Page(t.Context(), pg, db.Pager{Keys: []db.Order{db.Asc("id")}}, "", 5, tt.list)
		if err != nil || !slices.Equal(page.Items, tt.want) {
			t.Errorf("page, %v: %v, %v", tt.list, page.Items, err)
		}
		if _, err := pg.Exec(t.Context(), "UPDATE orders SET s = s WHERE s = ANY($1)", tt.list); err != nil {
			t.Errorf("exec, %v: %v", tt.list, err)
		}
	}
}
