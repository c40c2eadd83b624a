package db_test

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/headrace/headrace/db"
)

// Special leading arguments of pgx work in every way to read, on every handle.
func TestSpecialArguments(t *testing.T) {
	t.Parallel()
	pg := open(t, nil, itemSchema...)
	const (
		numbered = "SELECT id, name FROM items WHERE id <= $1 AND name <> $2"
		named    = "SELECT id, name FROM items WHERE id <= @most AND name <> @Not"
	)
	args := pgx.NamedArgs{"most": 5, "Not": "item 2"}
	for _, tt := range []struct {
		sql  string
		args []any
	}{
		{numbered, []any{pgx.QueryExecModeCacheStatement, 5, "item 2"}},
		{numbered, []any{pgx.QueryExecModeCacheDescribe, 5, "item 2"}},
		{numbered, []any{pgx.QueryExecModeDescribeExec, 5, "item 2"}},
		{numbered, []any{pgx.QueryExecModeExec, 5, "item 2"}},
		{numbered, []any{pgx.QueryExecModeSimpleProtocol, 5, "item 2"}},
		{numbered, []any{pgx.QueryResultFormats{pgx.TextFormatCode}, 5, "item 2"}},
		{numbered, []any{pgx.QueryResultFormats{pgx.TextFormatCode, pgx.BinaryFormatCode}, 5, "item 2"}},
		{numbered, []any{pgx.QueryResultFormatsByOID{pgtype.TextOID: pgx.BinaryFormatCode}, 5, "item 2"}},
		{numbered, []any{pgx.QueryResultFormats{pgx.TextFormatCode}, pgx.QueryExecModeCacheDescribe, 5, "item 2"}},
		{named, []any{args}},
		{named, []any{pgx.StrictNamedArgs(args)}},
		{named, []any{pgx.QueryExecModeSimpleProtocol, args}},
		{named, []any{pgx.QueryExecModeExec, pgx.StrictNamedArgs(args)}},
		{named, []any{pgx.QueryResultFormats{pgx.BinaryFormatCode, pgx.TextFormatCode}, pgx.QueryExecModeDescribeExec, args}},
	} {
		t.Run(fmt.Sprintf("%T %v", tt.args[0], tt.args), func(t *testing.T) {
			for _, q := range queriersOf(t, pg) {
				readSpecial(t, q, tt.sql, tt.args)
			}
			must(t)(nil, pg.InTx(t.Context(), db.TxOptions{}, func(tx pgx.Tx) error {
				readSpecial(t, tx, tt.sql, tt.args)
				return nil
			}))
		})
	}
}

// readSpecial reads items 1, 3, 4 and 5 in every way that accepts such
// arguments.
func readSpecial(t *testing.T, q anyQuerier, sql string, args []any) {
	t.Helper()
	stmt := db.MustCompile[item](sql)
	check := func(way string, items []item, err error) {
		t.Helper()
		if err != nil || len(items) != 4 || items[1] != (item{3, "item 3"}) {
			t.Errorf("%s on a %T: %v, error %v", way, q, items, err)
		}
	}
	all, err := stmt.All(t.Context(), q, args...)
	check("All", all, err)
	all, err = db.All[item](t.Context(), q, db.SQL(sql, args...))
	check("built", all, err)
	all = nil
	for one, eachErr := range stmt.Each(t.Context(), q, args...) {
		all, err = append(all, one), eachErr
	}
	check("Each", all, err)
	// The name is a key that the server has to compare: a column more.
	for _, keys := range [][]db.Order{{db.Asc("id")}, {db.Asc("name")}} {
		all = nil
		for at, more := db.Cursor(""), true; more && err == nil; {
			var page db.Page[item]
			page, err = stmt.Page(t.Context(), q, db.Pager{Keys: keys}, at, 3, args...)
			all, at, more = append(all, page.Items...), page.Next, page.Next != ""
		}
		check(fmt.Sprintf("Page by %v", keys), all, err)
	}
	for _, count := range []db.Count{db.ExactCount, db.EstimatedCount} {
		page, err := db.PaginateOffset[item](t.Context(), q, db.SQL(sql, args...),
			db.OffsetPager{Keys: []db.Order{db.Asc("id")}, Size: 9, Count: count}, 1)
		check("PaginateOffset", page.Items, err)
		if page.Total != 4 && count == db.ExactCount || page.Total == 0 {
			t.Errorf("PaginateOffset on a %T: %d rows in total, want 4", q, page.Total)
		}
	}
	if formatted(args[0]) {
		return // pgx's Exec takes none
	}
	if tag, err := stmt.Exec(t.Context(), q, args...); err != nil || tag.RowsAffected() != 4 {
		t.Errorf("Exec on a %T: %v, error %v", q, tag, err)
	}
}

func formatted(arg any) bool {
	switch arg.(type) {
	case pgx.QueryResultFormats, pgx.QueryResultFormatsByOID:
		return true
	}
	return false
}
