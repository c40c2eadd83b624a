package batchinsert_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/batchinsert"
)

type item struct {
	ID    int64
	Name  string
	Price *float64
}

const createItems = `CREATE TABLE items (price numeric, id bigint PRIMARY KEY, added timestamptz NOT NULL DEFAULT now(), name varchar(20) NOT NULL)`

var items = batchinsert.MustTable[item]("items")

func manyItems(n int) []item {
	rows := make([]item, n)
	for i := range rows {
		price := float64(i) / 4
		rows[i] = item{ID: int64(i + 1), Name: fmt.Sprint("item ", i+1), Price: &price}
	}
	return rows
}

func itemSeq(n int, err error) iter.Seq2[item, error] {
	return func(yield func(item, error) bool) {
		for _, r := range manyItems(n) {
			if !yield(r, nil) {
				return
			}
		}
		if err != nil {
			yield(item{}, err)
		}
	}
}

func TestCopyAndInsertWriteTheSameRows(t *testing.T) {
	t.Parallel()
	type writeFunc = func(context.Context, batchinsert.Writer, batchinsert.Source[item]) (int64, error)
	pg := open(t, createItems)
	chunked := items.With(batchinsert.Options{ChunkRows: 7})
	for name, write := range map[string]writeFunc{"copy": items.Copy, "insert": items.Insert, "chunks": chunked.Insert} {
		for kind, source := range map[string]batchinsert.Source[item]{
			"slice": batchinsert.Rows(manyItems(100)), "seq": batchinsert.Seq2(itemSeq(100, nil)), "none": batchinsert.Rows[item](nil),
		} {
			exec(t, pg, "TRUNCATE items")
			want := int64(100)
			if kind == "none" {
				want = 0
			}
			n, err := write(t.Context(), pg, source)
			if err != nil || n != want {
				t.Fatalf("%s, %s: %d, %v", name, kind, n, err)
			}
			if want == 0 {
				wantCount(t, pg, "items", 0)
				continue
			}
			sum := get[string](t, pg, `SELECT concat_ws(' ', count(*), sum(id), sum(price), count(added), min(name)) FROM items`)
			if sum != "100 5050 1237.50 100 item 1" {
				t.Errorf("%s, %s: %s", name, kind, sum)
			}
		}
	}
}

func TestWriters(t *testing.T) {
	t.Parallel()
	pg := open(t, createItems)
	conn, err := pg.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	tx, err := pg.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.Background())
	writers := []batchinsert.Writer{pg, pg.Pool(), conn, conn.Conn(), tx}
	id := int64(0)
	for _, w := range writers {
		for _, write := range []func(context.Context, batchinsert.Writer, batchinsert.Source[item]) (int64, error){items.Copy, items.Insert} {
			id++
			if n, err := write(t.Context(), w, batchinsert.Rows([]item{{ID: id, Name: "x"}})); n != 1 || err != nil {
				t.Errorf("%T: %d, %v", w, n, err)
			}
		}
	}
	wantCount(t, pg, "items", 8)
	wantCount(t, tx, "items", 10)
}

// A value that no column can hold is found before its row is sent, and named.
func TestBadValuesAreNamed(t *testing.T) {
	t.Parallel()
	type row struct {
		Small int64
		Mood  string
	}
	pg := open(t, "CREATE TYPE mood AS ENUM ('happy', 'sad')", "CREATE TABLE feelings (small smallint, mood mood)")
	table := batchinsert.MustTable[row]("feelings")
	good := make([]row, 300)
	for i := range good {
		good[i] = row{int64(i), "sad"}
	}
	for _, c := range []struct {
		bad  row
		want []string
	}{
		{row{70_000, "sad"}, []string{"row 301", `column "small"`, "Go's int64 into smallint", "70000"}},
		{row{1, "angry"}, []string{"row 301", `column "mood"`, `"angry" is not a label`}},
		{row{1, "a\x00"}, []string{"row 301", `column "mood"`, "NUL"}},
	} {
		rows := append(good[:300:300], c.bad)
		_, err := table.Copy(t.Context(), pg, batchinsert.Rows(rows))
		wantError(t, err, append(c.want, "copy into feelings")...)
		_, err = table.Insert(t.Context(), pg, batchinsert.Rows(rows))
		wantError(t, err, append(c.want, "insert into feelings")...)
		var bad *batchinsert.RowError
		if !errors.As(err, &bad) || bad.Row != 301 {
			t.Errorf("%v is no *RowError of row 301", err)
		}
	}
	wantCount(t, pg, "feelings", 0)
	if _, err := table.Copy(t.Context(), pg, batchinsert.Rows(good)); err != nil {
		t.Error(err)
	}
	if _, err := table.Insert(t.Context(), pg, batchinsert.Rows(good)); err != nil {
		t.Error(err)
	}
}

// Errors of the server name the row and keep their SQLSTATE.
func TestServerErrorsNameTheRow(t *testing.T) {
	t.Parallel()
	pg := open(t, createItems, "ALTER TABLE items ADD CHECK (price < 1000)")
	for _, c := range []struct {
		spoil  func(*item)
		code   string
		column string
		detail string
	}{
		{func(i *item) { i.ID = 1 }, "23505", "", "Key (id)=(1) already exists."},
		{func(i *item) { i.Name = strings.Repeat("long", 10) }, "22001", "name", ""},
		{func(i *item) { *i.Price = 5000 }, "23514", "", "Failing row contains (5000"},
	} {
		rows := manyItems(3000)
		c.spoil(&rows[1233])
		_, err := items.Copy(t.Context(), pg, batchinsert.Rows(rows))
		var bad *batchinsert.RowError
		if !errors.As(err, &bad) || bad.Row != 1234 || bad.Column != c.column {
			t.Errorf("%s: %v", c.code, err)
		}
		wantDetail(t, "copy", err, c.code, c.detail)
	}
	wantCount(t, pg, "items", 0)
}

// Rows in arrays are refused as a whole; the server's detail identifies the row.
func TestServerErrorsNameTheKey(t *testing.T) {
	t.Parallel()
	pg := open(t, createItems, "INSERT INTO items VALUES (1, 7, now(), 'there')", "CREATE UNIQUE INDEX ON items (name)",
		"CREATE TABLE parts (item bigint REFERENCES items)", "INSERT INTO parts VALUES (7)")
	seven := []item{{ID: 6, Name: "six"}, {ID: 7, Name: "seven"}}
	there := []item{{ID: 6, Name: "six"}, {ID: 8, Name: "there"}}
	const idTaken, nameTaken = "Key (id)=(7) already exists.", "Key (name)=(there) already exists."
	chunked := items.With(batchinsert.Options{ChunkRows: 1})
	for name, c := range map[string]struct {
		write        func() error
		code, detail string
	}{
		"insert": {func() error { _, err := items.Insert(t.Context(), pg, batchinsert.Rows(seven)); return err }, "23505", idTaken},
		"insert seq": {func() error {
			_, err := items.Insert(t.Context(), pg, batchinsert.Seq(slices.Values(seven)))
			return err
		}, "23505", idTaken},
		"chunks": {func() error { _, err := chunked.Insert(t.Context(), pg, batchinsert.Rows(seven)); return err }, "23505", idTaken},
		"upsert": {func() error { _, err := items.Upsert(t.Context(), pg, batchinsert.Rows(there), byID); return err }, "23505", nameTaken},
		"upsert seq": {func() error {
			_, err := items.Upsert(t.Context(), pg, batchinsert.Seq(slices.Values(there)), byID)
			return err
		}, "23505", nameTaken},
		"update": {func() error {
			_, err := items.UpdateMany(t.Context(), pg, batchinsert.Rows([]item{{ID: 7, Name: strings.Repeat("long", 10)}}), "id")
			return err
		}, "22001", ""},
		"delete": {func() error { _, err := items.DeleteMany(t.Context(), pg, batchinsert.Rows(seven), "id"); return err }, "23503",
			`Key (id)=(7) is still referenced from table "parts".`},
		"returning": {func() error {
			_, err := batchinsert.InsertReturning[int64](t.Context(), pg, items, batchinsert.Rows(seven), "id")
			return err
		}, "23505", idTaken},
		"writer": {func() error {
			w := items.NewWriter(pg, nil)
			err := w.Write(t.Context(), seven[1])
			_ = w.Close(t.Context())
			return err
		}, "23505", idTaken},
	} {
		wantDetail(t, name, c.write(), c.code, c.detail)
	}
	wantCount(t, pg, "items", 1)
}

// wantDetail checks the server's code, and that its detail, which holds values,
// is at hand and not in the error's text.
func wantDetail(t *testing.T, name string, err error, code, detail string) {
	t.Helper()
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) || pgErr.Code != code {
		t.Errorf("%s: error %v, want code %s", name, err, code)
		return
	}
	if !strings.Contains(pgErr.Detail, detail) || detail != "" && strings.Contains(err.Error(), detail) {
		t.Errorf("%s: %v with detail %q, want %q in the detail alone", name, err, pgErr.Detail, detail)
	}
}

func TestSourceErrorLeavesTheTableAndTheConnection(t *testing.T) {
	t.Parallel()
	pg := open(t, createItems)
	broken := errors.New("disk on fire")
	tables := map[string]func(context.Context, batchinsert.Writer, batchinsert.Source[item]) (int64, error){"copy": items.Copy, "insert": items.Insert}
	for name, write := range tables {
		_, err := write(t.Context(), pg, batchinsert.Seq2(itemSeq(5000, broken)))
		if !errors.Is(err, broken) {
			t.Errorf("%s: %v", name, err)
		}
		wantError(t, err, "row 5001 of the source")
	}
	wantCount(t, pg, "items", 0)
	if s := pg.Stat(); s.NewConnsCount() > 2 {
		t.Errorf("%d connections were needed", s.NewConnsCount())
	}

	// In the caller's transaction, the savepoint undoes the call.
	err := pgx.BeginFunc(t.Context(), pg, func(tx pgx.Tx) error {
		exec(t, tx, "INSERT INTO items VALUES (1, 100000, now(), 'kept')")
		if _, err := items.Insert(t.Context(), tx, batchinsert.Seq2(itemSeq(5000, broken))); !errors.Is(err, broken) {
			t.Error(err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	wantCount(t, pg, "items", 1)
}

func TestSourcePanicsInTheCallersGoroutine(t *testing.T) {
	t.Parallel()
	pg := open(t, createItems)
	defer func() {
		v := recover()
		if err, ok := v.(error); !ok || !strings.Contains(err.Error(), "boom") {
			t.Errorf("recovered %v", v)
		}
		wantCount(t, pg, "items", 0)
	}()
	_, err := items.Copy(t.Context(), pg, batchinsert.Seq(func(yield func(item) bool) {
		yield(item{ID: 1, Name: "one"})
		panic("boom")
	}))
	t.Errorf("Copy returned %v", err)
}

// Types are read each time: the eight bytes of a bigint in a double precision
// column would be stored as 2e-322.
func TestCopyNoticesAnotherType(t *testing.T) {
	t.Parallel()
	type row struct{ N int64 }
	pg := open(t, "CREATE TABLE numbers (n bigint)")
	table := batchinsert.MustTable[row]("numbers")
	for _, typ := range []string{"bigint", "double precision", "smallint", "numeric"} {
		exec(t, pg, "ALTER TABLE numbers ALTER n TYPE "+typ)
		if _, err := table.Copy(t.Context(), pg, batchinsert.Rows([]row{{42}})); err != nil {
			t.Fatal(err)
		}
		if _, err := table.Insert(t.Context(), pg, batchinsert.Rows([]row{{42}})); err != nil {
			t.Fatal(err)
		}
		if got := get[string](t, pg, "SELECT string_agg(DISTINCT n::text, ' ') FROM numbers"); got != "42" {
			t.Errorf("as %s: %s", typ, got)
		}
	}
}

func TestColumnsThatCannotBeMatched(t *testing.T) {
	t.Parallel()
	pg := open(t, createItems)
	type noName struct{ ID int64 }
	type extra struct {
		ID     int64
		Name   string
		Colour string
	}
	type odd struct {
		ID   int64
		Name chan int
	}
	_, err := batchinsert.MustTable[noName]("items").Copy(t.Context(), pg, batchinsert.Rows([]noName{{1}}))
	wantError(t, err, `column "name" (character varying) is NOT NULL without a default`)
	_, err = batchinsert.MustTable[extra]("items").Insert(t.Context(), pg, batchinsert.Rows([]extra{{}}))
	wantError(t, err, `field Colour: the table has no column "Colour"`)
	_, err = batchinsert.MustTable[odd]("items").Copy(t.Context(), pg, batchinsert.Rows([]odd{{}}))
	wantError(t, err, `column "name"`, "chan int", "no binary encoding")
	_, err = batchinsert.MustTable[item]("nothing").Copy(t.Context(), pg, batchinsert.Rows(manyItems(1)))
	wantError(t, err, `relation "nothing" does not exist`)
	_, err = items.With(batchinsert.Options{Omit: []string{"colour"}}).Copy(t.Context(), pg, batchinsert.Rows(manyItems(1)))
	wantError(t, err, `Options.Omit names "colour"`)
	exec(t, pg, "CREATE VIEW seen AS SELECT * FROM items")
	_, err = batchinsert.MustTable[item]("seen").Copy(t.Context(), pg, batchinsert.Rows(manyItems(1)))
	wantError(t, err, `cannot copy to view "seen"`)
	if n, err := batchinsert.MustTable[item]("seen").Insert(t.Context(), pg, batchinsert.Rows(manyItems(1))); n != 1 || err != nil {
		t.Errorf("insert into a view: %d, %v", n, err)
	}
}

func TestGeneratedAndIdentityColumns(t *testing.T) {
	t.Parallel()
	type row struct {
		ID     int64
		Name   string
		Length int `db:"len"`
	}
	pg := open(t, `CREATE TABLE words (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text, len int GENERATED ALWAYS AS (length(name)) STORED)`)
	table := batchinsert.MustTable[row]("words")
	keeping := table.With(batchinsert.Options{KeepIdentity: true})
	type writeFunc = func(context.Context, batchinsert.Writer, batchinsert.Source[row]) (int64, error)
	for i, write := range []writeFunc{table.Copy, table.Insert, keeping.Copy, keeping.Insert} {
		rows := []row{{ID: int64(100 * i), Name: "four"}}
		if _, err := write(t.Context(), pg, batchinsert.Rows(rows)); err != nil {
			t.Fatal(err)
		}
	}
	if got := get[string](t, pg, "SELECT string_agg(id::text, ' ' ORDER BY id) FROM words WHERE len = 4"); got != "1 2 200 300" {
		t.Errorf("ids %s", got)
	}
	// The sequence has been moved: the next number is free.
	if got := get[int64](t, pg, "INSERT INTO words (name) VALUES ('x') RETURNING id"); got != 301 {
		t.Errorf("next id %d", got)
	}
}

func TestContextEndsACopy(t *testing.T) {
	t.Parallel()
	pg := open(t, createItems)
	block := make(chan struct{})
	defer close(block)
	for name, source := range map[string]batchinsert.Source[item]{
		"endless": batchinsert.Seq(func(yield func(item) bool) {
			for i := int64(1); yield(item{ID: i, Name: "x"}); i++ {
			}
		}),
		"blocked": batchinsert.Seq(func(yield func(item) bool) {
			yield(item{ID: 1, Name: "x"})
			<-block
		}),
	} {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		start := time.Now()
		_, err := items.Copy(ctx, pg, source)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
		if d := time.Since(start); d > 2*time.Second {
			t.Errorf("%s: returned after %v", name, d)
		}
		wantCount(t, pg, "items", 0)
	}
}

// A slow source's rows are sent while it pauses, and the server's refusal is
// noticed during the pause.
func TestRefusalIsNoticedDuringAPause(t *testing.T) {
	t.Parallel()
	pg := open(t, createItems, "ALTER TABLE items ADD CHECK (name <> 'bad')")
	start := time.Now()
	block := make(chan struct{})
	defer close(block)
	_, err := items.Copy(t.Context(), pg, batchinsert.Seq(func(yield func(item) bool) {
		_ = yield(item{ID: 1, Name: "x"}) && yield(item{ID: 2, Name: "bad"})
		<-block
	}))
	var bad *batchinsert.RowError
	if !errors.As(err, &bad) || bad.Row != 2 || time.Since(start) > 3*time.Second {
		t.Errorf("%v after %v", err, time.Since(start))
	}
}

func TestBeforeTriggersMaySetAndSuppress(t *testing.T) {
	t.Parallel()
	type row struct {
		ID   int64
		Name *string
	}
	pg := open(t, "CREATE TABLE named (id bigint, name text NOT NULL)",
		`CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF NEW.id = 2 THEN RETURN NULL; END IF; NEW.name := coalesce(NEW.name, 'filled'); RETURN NEW; END $$`)
	table := batchinsert.MustTable[row]("named")
	rows := batchinsert.Rows([]row{{ID: 1}, {ID: 2}, {ID: 3}})
	_, err := table.Copy(t.Context(), pg, rows)
	wantError(t, err, "row 1", `column "name"`, "NOT NULL")
	exec(t, pg, "CREATE TRIGGER fill BEFORE INSERT ON named FOR EACH ROW EXECUTE FUNCTION fill()")
	if n, err := table.Copy(t.Context(), pg, rows); n != 2 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if n, err := table.Insert(t.Context(), pg, rows); n != 2 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

func TestArraysAndUnknownTypes(t *testing.T) {
	t.Parallel()
	type row struct {
		Tags   []string
		Matrix [][]int32
		Doc    map[string]int
		Plain  string
		Ranks  []int16
	}
	pg := open(t, "CREATE TABLE things (tags text[], matrix int[], doc jsonb, plain char(4), ranks smallint[])")
	table := batchinsert.MustTable[row]("things")
	rows := []row{
		{Tags: []string{"a", `b"c`}, Matrix: [][]int32{{1, 2}, {3, 4}}, Doc: map[string]int{"k": 1}, Plain: "abcd", Ranks: []int16{}},
		{Tags: nil, Matrix: [][]int32{{1}}, Doc: nil, Plain: "x"},
	}
	want := ""
	for i, write := range []func(context.Context, batchinsert.Writer, batchinsert.Source[row]) (int64, error){table.Copy, table.Insert} {
		exec(t, pg, "TRUNCATE things")
		if _, err := write(t.Context(), pg, batchinsert.Rows(rows)); err != nil {
			t.Fatal(err)
		}
		got := get[string](t, pg, "SELECT string_agg(things::text, '|') FROM things")
		if i == 0 {
			want = got
		}
		if got != want {
			t.Errorf("insert wrote %s, copy %s", got, want)
		}
	}
	if !strings.Contains(want, "abcd") {
		t.Errorf("char(4) was cut: %s", want)
	}
}

// Bytes of one encoding must not be stored as those of another.
func TestOtherClientEncodingIsRefused(t *testing.T) {
	t.Parallel()
	pg := open(t, createItems)
	conn, err := pg.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	exec(t, conn, "SET client_encoding = 'LATIN1'")
	_, err = items.Copy(t.Context(), conn, batchinsert.Rows([]item{{ID: 1, Name: "ü"}}))
	wantError(t, err, "client_encoding is LATIN1", "client_encoding=UTF8 in the connection string")
	_, err = batchinsert.Load(t.Context(), conn, "items", batchinsert.CSV(strings.NewReader("id,name\n1,ü\n")), nil)
	wantError(t, err, "client_encoding is LATIN1", "client_encoding=UTF8 in the connection string")
	exec(t, conn, "RESET client_encoding")
}
