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

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/batchinsert"
	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/pgtest"
)

// A part is a row of the tests that write as many rows as make a call take another
// way than with one less.
type part struct {
	ID   int64
	Name *string
	Size int64 // an integer in the table
}

const createParts = `CREATE TABLE parts (size integer NOT NULL CHECK (size <> 13), id bigint PRIMARY KEY, name varchar(20) NOT NULL)`

var parts = batchinsert.MustTable[part]("parts")

func manyParts(n int) []part {
	rows := make([]part, n)
	for i := range rows {
		rows[i] = part{ID: int64(i + 1), Name: ptr(fmt.Sprint("part ", i)), Size: int64(i) + 100}
	}
	return rows
}

// A writing is one way to write parts.
type writing struct {
	name      string
	table     *batchinsert.Table[part]
	chunkRows int
	seq       bool // rows are those of an iterator
	write     func(ctx context.Context, w batchinsert.Writer, t *batchinsert.Table[part], rows batchinsert.Source[part]) (batchinsert.Counts, error)
	// filled: the table holds, of each three rows, none, one like the given, and
	// one that differs.
	filled bool
	want   func(n int64) batchinsert.Counts // of n rows without a fault
}

func (w writing) String() string {
	source := "slice"
	if w.seq {
		source = "iterator"
	}
	return fmt.Sprintf("%s of a %s in chunks of %d", w.name, source, w.chunkRows)
}

// run writes rows. A cause is the iterator's, behind them.
func (w writing) run(ctx context.Context, to batchinsert.Writer, rows []part, cause error) (batchinsert.Counts, error) {
	source := batchinsert.Rows(rows)
	if w.seq {
		source = batchinsert.Seq2(func(yield func(part, error) bool) {
			for _, row := range rows {
				if !yield(row, nil) {
					return
				}
			}
			if cause != nil {
				yield(part{}, cause)
			}
		})
	}
	return w.write(ctx, to, w.table, source)
}

// prepare fills the table for n rows.
func (w writing) prepare(t *testing.T, pg *db.DB, n int) {
	t.Helper()
	exec(t, pg, "TRUNCATE parts")
	if w.filled {
		exec(t, pg, `INSERT INTO parts SELECT i + 99 + i % 3 / 2, i, 'part ' || i - 1 FROM generate_series(1, $1::int) AS i WHERE i % 3 > 0`, n)
	}
}

// inTable is what parts holds, in the order of the heap where rows were not there
// before.
func (w writing) inTable(t *testing.T, pg *db.DB) string {
	t.Helper()
	order := "ctid"
	if w.filled {
		order = "id"
	}
	return get[string](t, pg, "SELECT count(*) || coalesce(md5(string_agg(concat(id, name, size), ' ' ORDER BY "+order+")), '') FROM parts")
}

// writings are all ways, by chunks of so many rows.
func writings(chunkRows int) []writing {
	type (
		table  = *batchinsert.Table[part]
		source = batchinsert.Source[part]
		counts = batchinsert.Counts
	)
	inserted := func(n int64) counts { return counts{Inserted: n} }
	insert := func(ctx context.Context, w batchinsert.Writer, t table, rows source) (counts, error) {
		n, err := t.Insert(ctx, w, rows)
		return inserted(n), err
	}
	copied := func(ctx context.Context, w batchinsert.Writer, t table, rows source) (counts, error) {
		n, err := t.Copy(ctx, w, rows)
		return inserted(n), err
	}
	returning := func(ctx context.Context, w batchinsert.Writer, t table, rows source) (counts, error) {
		ids, err := batchinsert.InsertReturning[int64](ctx, w, t, rows, "id")
		for i, id := range ids {
			if i > 0 && id != ids[i-1]+1 {
				return counts{}, fmt.Errorf("row %d of the answer has id %d", i+1, id)
			}
		}
		return inserted(int64(len(ids))), err
	}
	upsert := func(ctx context.Context, w batchinsert.Writer, t table, rows source) (counts, error) {
		return t.Upsert(ctx, w, rows, byID)
	}
	update := func(ctx context.Context, w batchinsert.Writer, t table, rows source) (counts, error) {
		return t.UpdateMany(ctx, w, rows, "id")
	}
	deleted := func(ctx context.Context, w batchinsert.Writer, t table, rows source) (counts, error) {
		n, err := t.DeleteMany(ctx, w, rows, "id")
		return counts{Updated: n}, err
	}
	var all []writing
	for _, seq := range []bool{false, true} {
		all = append(all,
			writing{name: "insert", write: insert, want: inserted},
			writing{name: "copy", write: copied, want: inserted},
			writing{name: "returning", write: returning, want: inserted},
			writing{name: "upsert into nothing", write: upsert, want: inserted},
			writing{name: "upsert", write: upsert, filled: true, want: func(n int64) counts {
				return counts{Inserted: n / 3, Unchanged: (n + 2) / 3, Updated: (n + 1) / 3}
			}},
			writing{name: "update", write: update, filled: true, want: func(n int64) counts {
				return counts{Missing: n / 3, Unchanged: (n + 2) / 3, Updated: (n + 1) / 3}
			}},
			writing{name: "delete", write: deleted, filled: true, want: func(n int64) counts { return counts{Updated: n - n/3} }},
		)
		for i := range all {
			if all[i].table == nil {
				all[i].table, all[i].chunkRows, all[i].seq = parts.With(batchinsert.Options{ChunkRows: chunkRows}), chunkRows, seq
			}
		}
	}
	return all
}

// sizes are numbers of rows around those where a call takes another way. Those of
// faulty are on either side of each.
var sizes = []struct {
	chunkRows    int
	rows, faulty []int
}{
	{0, []int{0, 1, 2, 999, 1000, 1001, 1999, 2000, 2001, 4999, 5000, 5001}, []int{1, 2, 999, 1001, 4999, 5000}},
	{3, []int{2, 3, 4, 5, 6, 7}, []int{3, 4, 7}},
	{5001, []int{4999, 5000, 5001, 5002}, []int{5001, 5002}},
}

// each runs a test for every way of writing and every size.
func each(t *testing.T, faulty bool, test func(w writing, n int)) {
	t.Helper()
	for _, s := range sizes {
		rows := s.rows
		if faulty {
			rows = s.faulty
		}
		for _, n := range rows {
			if testing.Short() && n > 1001 {
				continue
			}
			for _, w := range writings(s.chunkRows) {
				test(w, n)
			}
		}
	}
}

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

// A fault is what is wrong with one row.
type fault struct {
	name string
	// spoil makes the row at i bad.
	spoil func(rows []part, i int)
	// code is the server's, or, where the client refuses, the column's name.
	code   string
	column string
	// unless are ways to which it is none.
	unless []string
}

var faults = []fault{
	{name: "a number that the column does not hold", spoil: func(rows []part, i int) { rows[i].Size = 1 << 40 }, column: "size", unless: []string{"delete"}},
	{name: "text with a NUL byte", spoil: func(rows []part, i int) { rows[i].Name = ptr("\x00") }, column: "name", unless: []string{"delete"}},
	{name: "NULL", spoil: func(rows []part, i int) { rows[i].Name = nil }, column: "name", unless: []string{"delete"}},
	{name: "too long", spoil: func(rows []part, i int) { rows[i].Name = ptr(strings.Repeat("x", 21)) }, code: "22001", unless: []string{"delete"}},
	{name: "a check", spoil: func(rows []part, i int) { rows[i].Size = 13 }, code: "23514", unless: []string{"delete"}},
	{name: "a key that is there", spoil: func(rows []part, i int) { rows[i].ID = -1 }, code: "23505", unless: []string{"upsert into nothing", "upsert", "update", "delete"}},
	{name: "a key twice", spoil: func(rows []part, i int) { rows[i].ID = rows[(i+1)%len(rows)].ID }, code: "23505", unless: []string{"upsert into nothing", "upsert", "update", "delete"}},
}

// A bad row, wherever it is among however many, is refused the same way, and
// nothing is written.
func TestEverySizeRefusesTheSameRows(t *testing.T) {
	t.Parallel()
	pg := open(t, createParts)
	each(t, true, func(w writing, n int) {
		for _, f := range faults {
			if !slices.Contains(f.unless, w.name) {
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

// places are the first, the middle and the last of n, or one of these where rows
// are many.
func places(n int) []int {
	switch {
	case n == 0:
		return nil
	case n > 1001:
		return []int{n / 2}
	}
	return slices.Compact([]int{0, n / 2, n - 1})
}

var errSource = errors.New("the source is at its end")

// What ends an iterator comes back, with its place, and nothing is written.
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

// Rows of one call with the same keys are settled the same way.
func TestEverySizeSettlesDuplicates(t *testing.T) {
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

// DeleteMany looks at the keys alone.
func TestDeleteManyTakesKeysAlone(t *testing.T) {
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

// A BufferedWriter writes each row once and gives the bad one back, however many
// rows make a batch and wherever that row is in its batch.
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

// A textTracer notes the texts of statements.
type textTracer struct{ texts []string }

func (s *textTracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	s.texts = append(s.texts, data.SQL)
	return ctx
}

func (s *textTracer) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// count is how many statements have a text.
func (s *textTracer) count(text string) int {
	n := 0
	for _, sql := range s.texts {
		n += strings.Count(sql, text)
	}
	return n
}

// Rows that are many bytes are not sent in one message, of which the server takes
// no more than a gigabyte: few of them go the way of many small ones.
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
			seen.texts = nil
			err := c.write(rows)
			return seen.count(c.text), err
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
