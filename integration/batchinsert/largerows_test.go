package batchinsert_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/batchinsert"
	"github.com/headrace/headrace/integration/pgtest"
)

// Rows that are many bytes are not sent in one message, of which the server
// takes no more than a gigabyte: few of them go the way of many small ones.
func TestLargeRowsTakeSeveralStatements(t *testing.T) {
	t.Parallel()
	type doc struct {
		ID   int64
		Body string
	}
	config, err := pgx.ParseConfig(pgtest.New(t))
	if err != nil {
		t.Fatal(err)
	}
	seen := new(textTracer)
	config.Tracer = seen
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	exec(t, conn, "CREATE UNLOGGED TABLE docs (id bigint PRIMARY KEY, body text NOT NULL)")
	exec(t, conn, "ALTER TABLE docs ALTER body SET STORAGE EXTERNAL")
	docs := batchinsert.MustTable[doc]("docs")
	body := strings.Repeat("9 MB here", 1e6)
	rows := func(bad string) []doc { return []doc{{1, body}, {2, body}, {3, bad}} }
	for _, c := range []struct {
		name, text string // of the statement that there are more of
		small      int    // of them where rows are small
		large      int
		write      func(rows []doc) error
	}{
		{"insert", "INSERT INTO", 1, 2, func(rows []doc) error {
			n, err := docs.Insert(t.Context(), conn, batchinsert.Rows(rows))
			return wantRows(n, err)
		}},
		{"insert of an iterator", "INSERT INTO", 1, 2, func(rows []doc) error {
			n, err := docs.Insert(t.Context(), conn, batchinsert.Seq(slices.Values(rows)))
			return wantRows(n, err)
		}},
		{"returning", "INTO \"docs\"", 1, 3, func(rows []doc) error {
			ids, err := batchinsert.InsertReturning[int64](t.Context(), conn, docs, batchinsert.Rows(rows), "id")
			if err == nil && !slices.Equal(ids, []int64{1, 2, 3}) {
				err = fmt.Errorf("ids %d", ids)
			}
			return err
		}},
		{"upsert", "CREATE TEMPORARY TABLE", 0, 1, func(rows []doc) error {
			counts, err := docs.Upsert(t.Context(), conn, batchinsert.Rows(rows), byID)
			return wantRows(counts.Inserted, err)
		}},
		{"update", "CREATE TEMPORARY TABLE", 0, 1, func(rows []doc) error {
			exec(t, conn, "INSERT INTO docs SELECT i, '' FROM generate_series(1, 3) AS i")
			counts, err := docs.UpdateMany(t.Context(), conn, batchinsert.Rows(rows), "id")
			return wantRows(counts.Updated, err)
		}},
	} {
		try := func(rows []doc) (int, error) {
			exec(t, conn, "TRUNCATE docs")
			seen.take()
			err := c.write(rows)
			return strings.Count(strings.Join(seen.take(), "\n"), c.text), err
		}
		small := []doc{{1, "a"}, {2, "b"}, {3, "c"}}
		if n, err := try(small); err != nil || n != c.small {
			t.Errorf("%s of small rows: %d times %s, %v", c.name, n, c.text, err)
		}
		if n, err := try(rows(body)); err != nil || n != c.large {
			t.Errorf("%s of large rows: %d times %s, want %d, %v", c.name, n, c.text, c.large, err)
		}
		if got := get[string](t, conn, "SELECT string_agg(concat_ws(' ', id, length(body)), ' ' ORDER BY id) FROM docs"); got != "1 9000000 2 9000000 3 9000000" {
			t.Errorf("%s: in the table are %s", c.name, got)
		}
		_, err := try(rows("\x00"))
		var row *batchinsert.RowError
		if !errors.As(err, &row) || row.Row != 3 {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func wantRows(n int64, err error) error {
	if err == nil && n != 3 {
		err = fmt.Errorf("%d rows are counted", n)
	}
	return err
}
