package batchinsert_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/batchinsert"
	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/internal/soak"
)

func TestEverySizeWritesTheSameRows(t *testing.T) {
	t.Parallel()
	pg := open(t, createParts)
	wanted := map[string]string{} // what is in the table, by way and size
	each(t, false, func(w writing, n int) {
		w.prepare(t, pg, n)
		var last batchinsert.Progress
		w.table = w.table.With(batchinsert.Options{ChunkRows: w.chunkRows, Progress: func(p batchinsert.Progress) {
			if last.Done {
				t.Errorf("%v, %d rows: progress %+v after %+v", w, n, p, last)
			}
			last = p
		}})
		counts, err := w.run(t.Context(), pg, manyParts(n), nil)
		if want := w.want(int64(n)); err != nil || counts != want {
			t.Errorf("%v, %d rows: %+v, %v; want %+v", w, n, counts, err, want)
			return
		}
		if !last.Done || last.Rows != int64(n) {
			t.Errorf("%v, %d rows: progress ends with %+v", w, n, last)
		}
		kind := fmt.Sprint(n, " inserted")
		if w.filled {
			kind = fmt.Sprint(n, w.name)
		}
		got := w.inTable(t, pg)
		if wanted[kind] == "" {
			wanted[kind] = got
		}
		if got != wanted[kind] {
			t.Errorf("%v, %d rows: in the table are %s, want %s", w, n, got, wanted[kind])
		}
	})
}

// A fault makes one row bad.
type fault struct {
	name string
	// spoil makes the row at i bad.
	spoil func(rows []part, i int)
	// code is the server's, or, where the client refuses, the column's name.
	code   string
	column string
	// unless are ways to which it is none.
	unless []string
	// few: it is refused at the same place as another fault, and is tried
	// among few rows only.
	few bool
}

var faults = []fault{
	{name: "a number that the column does not hold", spoil: func(rows []part, i int) { rows[i].Size = 1 << 40 }, column: "size", unless: []string{"delete"}},
	{name: "text with a NUL byte", spoil: func(rows []part, i int) { rows[i].Name = ptr("\x00") }, column: "name", unless: []string{"delete"}, few: true},
	{name: "NULL", spoil: func(rows []part, i int) { rows[i].Name = nil }, column: "name", unless: []string{"delete"}, few: true},
	{name: "too long", spoil: func(rows []part, i int) { rows[i].Name = ptr(strings.Repeat("x", 21)) }, code: "22001", unless: []string{"delete"}, few: true},
	{name: "a check", spoil: func(rows []part, i int) { rows[i].Size = 13 }, code: "23514", unless: []string{"delete"}},
	{name: "a key that is there", spoil: func(rows []part, i int) { rows[i].ID = -1 }, code: "23505", unless: []string{"upsert into nothing", "upsert", "update", "delete"}},
	{name: "a key twice", spoil: func(rows []part, i int) { rows[i].ID = rows[(i+1)%len(rows)].ID }, code: "23505", unless: []string{"upsert into nothing", "upsert", "update", "delete"}},
}

// A bad row is refused with the same error at every place and among any number
// of rows, and nothing is written.
func TestEverySizeRefusesTheSameRows(t *testing.T) {
	t.Parallel()
	pg := open(t, createParts)
	each(t, true, func(w writing, n int) {
		for _, f := range faults {
			if !slices.Contains(f.unless, w.name) && (soak.On || !f.few || n < 10) {
				w.refuses(t, pg, n, f)
			}
		}
	})
}

func (w writing) refuses(t *testing.T, pg *db.DB, n int, f fault) {
	t.Helper()
	w.prepare(t, pg, n)
	if w.filled { // so that there is something to update at each place
		exec(t, pg, "INSERT INTO parts SELECT 1, i, 'other' FROM generate_series(1, $1::int) AS i ON CONFLICT DO NOTHING", n)
	} else {
		exec(t, pg, "INSERT INTO parts VALUES (1, -1, 'there')")
	}
	before := w.inTable(t, pg)
	for _, i := range places(n) {
		if f.name == "a key twice" && n == 1 {
			continue
		}
		rows := manyParts(n)
		f.spoil(rows, i)
		_, err := w.run(t.Context(), pg, rows, nil)
		where := fmt.Sprintf("%v, %d rows, %s in row %d", w, n, f.name, i+1)
		var row *batchinsert.RowError
		isRow := errors.As(err, &row)
		var pgErr *pgconn.PgError
		isServers := errors.As(err, &pgErr)
		switch {
		case f.column != "" && (!isRow || isServers || row.Row != int64(i+1) || row.Column != f.column):
			t.Errorf("%s: %v", where, err)
		case f.code != "" && (!isServers || pgErr.Code != f.code):
			t.Errorf("%s: %v", where, err)
		case isRow && row.Row != int64(i+1) && f.name != "a key twice":
			t.Errorf("%s: the error names row %d: %v", where, row.Row, err)
		}
		if after := w.inTable(t, pg); after != before {
			t.Errorf("%s: in the table are %s, before %s", where, after, before)
		}
	}
}

// places are the first, the middle and the last of n, or some of these where
// rows are many.
func places(n int) []int {
	switch {
	case n == 0:
		return nil
	case n > 1001:
		return []int{n / 2}
	case n > 10 && !soak.On:
		return []int{0, n - 1}
	}
	return slices.Compact([]int{0, n / 2, n - 1})
}

var errSource = errors.New("the source is at its end")

// An error of an iterator is returned with its place, and nothing is written.
func TestEverySizeReportsTheSource(t *testing.T) {
	t.Parallel()
	pg := open(t, createParts)
	each(t, true, func(w writing, n int) {
		if !w.seq {
			return
		}
		w.prepare(t, pg, n)
		before := w.inTable(t, pg)
		_, err := w.run(t.Context(), pg, manyParts(n), errSource)
		if !errors.Is(err, errSource) || !strings.Contains(err.Error(), fmt.Sprintf("row %d of the source", n+1)) {
			t.Errorf("%v, %d rows: %v", w, n, err)
		}
		if after := w.inTable(t, pg); after != before {
			t.Errorf("%v, %d rows: in the table are %s, before %s", w, n, after, before)
		}
	})
}

// A row that a trigger suppresses is not counted, and the others are written.
// InsertReturning has no answer for it.
func TestEverySizeCountsSuppressedRows(t *testing.T) {
	t.Parallel()
	pg := open(t, createParts,
		"CREATE FUNCTION skip() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.size = 13 OR NEW.name IS NULL THEN RETURN NULL; END IF; RETURN NEW; END'",
		"CREATE TRIGGER skip BEFORE INSERT ON parts FOR EACH ROW EXECUTE FUNCTION skip()")
	each(t, true, func(w writing, n int) {
		if w.filled {
			return
		}
		for _, i := range places(n) {
			w.prepare(t, pg, n)
			rows := manyParts(n)
			rows[i].Size, rows[i].Name = 13, nil
			counts, err := w.run(t.Context(), pg, rows, nil)
			want, left := batchinsert.Counts{Inserted: int64(n - 1)}, int64(n-1)
			switch w.name {
			case "upsert into nothing":
				want.Suppressed = 1
			case "returning":
				var row *batchinsert.RowError
				if !errors.As(err, &row) || row.Row != int64(i+1) {
					t.Errorf("%v, row %d of %d: %v", w, i+1, n, err)
				}
				err, want, left = nil, batchinsert.Counts{}, 0
			}
			if err != nil || counts != want {
				t.Errorf("%v, row %d of %d: %+v, %v; want %+v", w, i+1, n, counts, err, want)
			}
			wantCount(t, pg, "parts", left)
		}
	})
}

// Duplicates are resolved the same way for any number of rows.
func TestEverySizeResolvesDuplicates(t *testing.T) {
	t.Parallel()
	pg := open(t, createParts)
	each(t, true, func(w writing, n int) {
		if n < 2 || !strings.HasPrefix(w.name, "up") {
			return
		}
		for _, i := range places(n - 1) {
			rows := manyParts(n)
			rows[n-1] = part{ID: rows[i].ID, Name: ptr("last"), Size: 1}
			for how, want := range map[batchinsert.Duplicates]string{batchinsert.KeepFirst: *rows[i].Name, batchinsert.KeepLast: "last", batchinsert.Refuse: ""} {
				if w.name == "update" && how != batchinsert.KeepLast {
					continue
				}
				if w.prepare(t, pg, n); w.filled { // that the row is there
					exec(t, pg, "INSERT INTO parts VALUES (1, $1, 'other') ON CONFLICT DO NOTHING", rows[i].ID)
				}
				before := w.inTable(t, pg)
				if w.name != "update" {
					w.write = func(ctx context.Context, to batchinsert.Writer, t *batchinsert.Table[part], rows batchinsert.Source[part]) (batchinsert.Counts, error) {
						return t.Upsert(ctx, to, rows, batchinsert.OnConflict{Keys: []string{"id"}, Duplicates: how})
					}
				}
				counts, err := w.run(t.Context(), pg, rows, nil)
				if how == batchinsert.Refuse {
					var twice *batchinsert.DuplicateError
					if !errors.As(err, &twice) || twice.First != int64(i+1) || twice.Second != int64(n) || w.inTable(t, pg) != before {
						t.Errorf("%v, rows %d and %d: %v", w, i+1, n, err)
					}
					continue
				}
				if err != nil || counts.Duplicates != 1 {
					t.Errorf("%v, rows %d and %d: %+v, %v", w, i+1, n, counts, err)
				}
				if got := get[string](t, pg, "SELECT name FROM parts WHERE id = $1", rows[i].ID); got != want {
					t.Errorf("%v, rows %d and %d: %q is there, want %q", w, i+1, n, got, want)
				}
			}
		}
	})
}

// DeleteMany sends the keys only.
func TestDeleteManySendsKeysOnly(t *testing.T) {
	t.Parallel()
	pg := open(t, createParts)
	each(t, true, func(w writing, n int) {
		if w.name != "delete" {
			return
		}
		w.prepare(t, pg, n)
		rows := manyParts(n)
		for i := range rows {
			rows[i].Name, rows[i].Size = nil, 1<<40
		}
		counts, err := w.run(t.Context(), pg, rows, nil)
		if want := w.want(int64(n)); err != nil || counts != want {
			t.Errorf("%v, %d rows: %+v, %v; want %+v", w, n, counts, err, want)
		}
	})
}

// In a session that takes text for that of another encoding, no way writes.
func TestEverySizeRefusesOtherClientEncodings(t *testing.T) {
	t.Parallel()
	pg := open(t, createParts)
	conn, err := pg.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	exec(t, conn, "SET client_encoding = 'LATIN1'")
	each(t, true, func(w writing, n int) {
		if n > 1001 {
			return
		}
		_, err := w.run(t.Context(), conn, manyParts(n), nil)
		if err == nil || !strings.Contains(err.Error(), "client_encoding is LATIN1") {
			t.Errorf("%v, %d rows: %v", w, n, err)
		}
	})
	exec(t, conn, "RESET client_encoding")
}

// A BufferedWriter writes each row once and returns the bad one, for every size
// of batches and every place in them.
func TestBufferedWriterAtEverySize(t *testing.T) {
	t.Parallel()
	pg := open(t, createParts)
	one := len("part 0") + int(reflect.TypeFor[part]().Size()) + int(reflect.TypeFor[string]().Size())
	for name, c := range map[string]struct {
		opts  batchinsert.WriterOptions[part]
		sizes []int
	}{
		"rows":    {batchinsert.WriterOptions[part]{Rows: 3}, []int{0, 1, 2, 3, 4, 5, 6, 7}},
		"bytes":   {batchinsert.WriterOptions[part]{Bytes: 3 * one}, []int{1, 2, 3, 4, 5, 6, 7}},
		"a byte":  {batchinsert.WriterOptions[part]{Bytes: 1}, []int{1, 2}},
		"default": {batchinsert.WriterOptions[part]{}, []int{999, 1000, 1001}},
		"upserts": {batchinsert.WriterOptions[part]{Rows: 5000, OnConflict: &byID}, []int{4999, 5000, 5001}},
		"many":    {batchinsert.WriterOptions[part]{Rows: 6000}, []int{5999, 6000, 6001}},
	} {
		for _, n := range c.sizes {
			if testing.Short() && n > 1001 {
				continue
			}
			for _, bad := range append(places(n), -1) {
				exec(t, pg, "TRUNCATE parts")
				rows, opts := manyParts(n), c.opts
				opts.Every = time.Hour
				if bad >= 0 {
					rows[bad].Size = 1 << 40
				}
				w := parts.NewWriter(pg, &opts)
				for _, row := range rows {
					if err := w.Add(t.Context(), row); err != nil {
						t.Fatal(err)
					}
				}
				err := w.Close(context.WithoutCancel(t.Context()))
				var unwritten *batchinsert.UnwrittenError[part]
				switch isUnwritten := errors.As(err, &unwritten); {
				case bad < 0 && err != nil:
					t.Errorf("%s, %d rows: %v", name, n, err)
				case bad >= 0 && (!isUnwritten || len(unwritten.Rows) != 1 || unwritten.Rows[0].ID != rows[bad].ID || len(unwritten.Unknown) > 0):
					t.Errorf("%s, row %d of %d: %v", name, bad+1, n, err)
				}
				want := 0
				for i, row := range rows {
					if i != bad {
						want += int(row.ID)
					}
				}
				if got := get[int](t, pg, "SELECT coalesce(sum(id), 0)::bigint FROM parts"); got != want {
					t.Errorf("%s, row %d of %d: the sum of ids is %d, want %d", name, bad+1, n, got, want)
				}
			}
		}
	}
}
