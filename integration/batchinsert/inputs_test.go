package batchinsert_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"github.com/headrace/headrace/batchinsert"
)

const createItem = "CREATE TABLE items (id bigint PRIMARY KEY, name text NOT NULL, price numeric, tags text[], doc jsonb, added timestamptz)"

const showItems = `SELECT coalesce(string_agg(concat_ws('|', id, name, coalesce(price::text, 'NULL'), coalesce(tags::text, 'NULL'), coalesce(doc::text, 'NULL')), ';' ORDER BY id), '') FROM items`

func TestLoadNDJSON(t *testing.T) {
	t.Parallel()
	pg := open(t, createItem)
	file := `{"id": 1, "name": "a\tb\\\n\"c\" \u00fc\ud83d\ude00", "price": 1.50, "tags": ["x", "y,\"z\"", null, "{}"], "doc": {"k": [1, "ü"]}}

{"name":"b","id":2,"doc":"text","tags":[]}` + "\r\n" +
		`{"id":3,"name":"null","price":null,"tags":"{p,q}","doc":null}   ` + "\n" +
		`{"id":"4","name":5,"tags":[["a","b"],["c",null]],"doc":[{"a":null}],"name":"last"}`
	want := "1|a\tb\\\n\"c\" ü😀|1.50|{x,\"y,\\\"z\\\"\",NULL,\"{}\"}|{\"k\": [1, \"ü\"]};2|b|NULL|{}|\"text\";3|null|NULL|{p,q}|NULL;4|last|NULL|{{a,b},{c,NULL}}|[{\"a\": null}]"
	for chunk := 1; chunk < len(file); chunk += 13 {
		exec(t, pg, "TRUNCATE items")
		report, err := batchinsert.Load(t.Context(), pg, "items", batchinsert.NDJSON(strings.NewReader(file)), &batchinsert.LoadOptions{ChunkBytes: chunk})
		if err != nil || report.Rows != 4 {
			t.Fatalf("%+v, %v", report, err)
		}
		if got := get[string](t, pg, showItems); got != want {
			t.Errorf("in chunks of %d:\n%s\nwant\n%s", chunk, got, want)
		}
	}
	// Without the array every type has a parser here: the same values by it.
	exec(t, pg, "TRUNCATE items")
	exec(t, pg, "ALTER TABLE items DROP tags")
	typed := `{"id":1,"name":"a\u0041","price":1e2,"doc":{"b":1,"a":"x"},"added":"2024-02-29T12:00:01Z"}` + "\n" + `{"id":2,"name":"plain","price":-0.50,"doc":"s","added":"2024-02-29 12:00:01+02"}`
	if _, err := batchinsert.Load(t.Context(), pg, "items", batchinsert.NDJSON(strings.NewReader(typed)), nil); err != nil {
		t.Fatal(err)
	}
	if got := get[string](t, pg, "SELECT string_agg(concat_ws('|', id, name, price, doc, added AT TIME ZONE 'UTC'), ';' ORDER BY id) FROM items"); got != `1|aA|100|{"a": "x", "b": 1}|2024-02-29 12:00:01;2|plain|-0.50|"s"|2024-02-29 10:00:01` {
		t.Error(got)
	}
}

func TestLoadNDJSONErrorsNameTheLine(t *testing.T) {
	t.Parallel()
	pg := open(t, createItem)
	for _, c := range []struct {
		file string
		want []string
		line int64
	}{
		{"", []string{"the file is empty"}, 1},
		{"\n\n", []string{"the file is empty"}, 1},
		{"[1]", []string{"not a JSON object"}, 1},
		{`{"id":1,"nome":"a"}`, []string{`"nome"`, "price"}, 1},
		{`{"id":1}`, []string{`"name"`, "NOT NULL"}, 1},
		{"{\"id\":1,\"name\":\"a\"}\n\n{\"id\":2,\"name\":\"a\"", []string{"not valid JSON", "unexpected end"}, 3},
		{"{\"id\":1,\"name\":\"a\"}\n{\"id\":\"x\",\"name\":\"a\"}", []string{`column "id"`, `invalid input syntax for type bigint: "x"`}, 2},
		{"{\"id\":1,\"name\":\"a\"}\n\n\n{\"id\":2,\"name\":null}", []string{`column "name"`}, 4},
		{"{\"id\":1,\"name\":\"a\\u0000\"}", []string{"0x00"}, 1},
		{"{\"id\":1,\"name\":\"\\ud800\"}", []string{`column "name"`, "half a character"}, 1},
		{"{\"id\":1,\"name\":\"\xff\"}", []string{"invalid byte sequence"}, 1},
	} {
		_, err := batchinsert.Load(t.Context(), pg, "items", batchinsert.NDJSON(strings.NewReader(c.file)), nil)
		wantError(t, err, c.want...)
		line, ok := errors.AsType[*batchinsert.LineError](err)
		if !ok || line.Line != c.line {
			t.Errorf("%q: %v is not about line %d", c.file, err, c.line)
		}
		wantCount(t, pg, "items", 0)
	}
	// A key that comes up late.
	late := ""
	for i := range 100 {
		late += fmt.Sprintf("{\"id\":%d,\"name\":\"%01000d\"}\n", i, i)
	}
	late += `{"id":100,"name":"a","price":3}`
	_, err := batchinsert.Load(t.Context(), pg, "items", batchinsert.NDJSON(strings.NewReader(late)), nil)
	wantError(t, err, "input:101", `a key "price"`, "id, name")
	file := `{"id":1,"name":"a","other":3}`
	_, err = batchinsert.Load(t.Context(), pg, "items", batchinsert.NDJSON(strings.NewReader(file)), &batchinsert.LoadOptions{Columns: []string{"id", "name"}})
	wantError(t, err, "input:1", `a key "other"`)
}

func TestNDJSONQuarantine(t *testing.T) {
	t.Parallel()
	pg := openInstalled(t, createItem)
	var file strings.Builder
	for i := 1; i <= 5000; i++ {
		switch i {
		case 10:
			file.WriteString("{\"id\":10,\n")
		case 2000:
			file.WriteString(`{"id":2000,"name":"x","more":1}` + "\n")
		case 3000:
			file.WriteString(`{"id":"three","name":"x"}` + "\n")
		case 4000:
			file.WriteString(`{"id":4000,"name":"x","tags":["y"],"price":"1` + "\n")
		case 4500:
			file.WriteString(`{"id":1,"name":"again"}` + "\n")
		default:
			fmt.Fprintf(&file, `{"id":%d,"name":"n%d","tags":["t"],"price":1,"doc":"%060d"}`+"\n", i, i, i)
		}
	}
	report, err := batchinsert.Load(t.Context(), pg, "items", batchinsert.NDJSON(strings.NewReader(file.String())), &batchinsert.LoadOptions{OnBad: batchinsert.Quarantine, ID: "j", ChunkBytes: 50_000, Jobs: 2})
	if err != nil || report.Rows != 4995 || report.Bad != 5 || len(report.BadLines) != 5 {
		t.Fatalf("%+v, %v", report, err)
	}
	got := get[string](t, pg, "SELECT string_agg(line || ' ' || sqlstate, ', ' ORDER BY line) FROM headrace.quarantine WHERE load_id = 'j'")
	if want := "10 22032, 2000 22P04, 3000 22P02, 4000 22032, 4500 23505"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	var rows int64
	for i, c := range report.Chunks {
		if c.Index != i || i > 0 && c.FirstByte != report.Chunks[i-1].EndByte {
			t.Fatalf("chunks %+v", report.Chunks)
		}
		rows += c.Rows
	}
	if rows != report.Rows {
		t.Errorf("chunks have %d rows of %d", rows, report.Rows)
	}
}

type named string

type stringer struct{ s string }

func (s stringer) MarshalText() ([]byte, error) { return []byte(s.s), nil }

func TestLoadRecords(t *testing.T) {
	t.Parallel()
	pg := openInstalled(t, `CREATE TABLE t (n int, i bigint, f double precision, b bool, s text, x bytea, ts timestamptz, d date, u uuid, j jsonb, a int[], ip inet, num numeric)`)
	at := time.Date(2024, 2, 29, 12, 0, 1, 123456000, time.FixedZone("", 2*3600))
	id := uuid.MustParse("f47ac10b-58cc-4372-a567-0e02b2c3d479")
	one := int32(7)
	columns := []string{"n", "i", "f", "b", "s", "x", "ts", "d", "u", "j", "a", "ip", "num"}
	rows := [][]any{
		{1, int64(math.MaxInt64), math.Inf(1), true, "tab\tnew\nline\r\\N\\.", []byte{0, 1, '\\'}, at, pgtype.Date{Time: at, Valid: true}, id, map[string]any{"a": 1}, []int32{1, 2}, netip.MustParseAddr("10.0.0.1"), "1.50"},
		{2, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil},
		{3, &one, float32(0.1), false, named(""), []byte{}, time.Date(-1, 1, 2, 3, 4, 5, 0, time.UTC), "2024-01-01", [16]byte(id), `"s"`, []*int32{&one, nil}, "::1", pgtype.Numeric{NaN: true, Valid: true}},
		{4, uint8(5), math.NaN(), true, stringer{"text"}, []byte("x"), (*time.Time)(nil), nil, nil, []any{"a", 1.5}, nil, nil, nil},
	}
	source := func(yield func([]any, error) bool) {
		for _, row := range rows {
			if !yield(row, nil) {
				return
			}
		}
	}
	for i, opts := range []batchinsert.LoadOptions{{}, {ID: "x", ChunkBytes: 1}, {Jobs: 2, ChunkBytes: 1}, {OnBad: batchinsert.Quarantine}} {
		exec(t, pg, "TRUNCATE t")
		var last batchinsert.Progress
		opts.Progress = func(p batchinsert.Progress) { last = p }
		report, err := batchinsert.Load(t.Context(), pg, "t", batchinsert.Records{Name: "rows", Columns: columns, Rows: source, Total: 4}, &opts)
		if err != nil || report.Rows != 4 || last.TotalRows != 4 || last.Share() != 1 {
			t.Fatalf("%d: %+v, %v", i, report, err)
		}
		got := get[string](t, pg, "SELECT string_agg(concat_ws('|', n, i, f, b, s, x, ts AT TIME ZONE 'UTC', d, u, j, a, ip, num), E'\\n--\\n' ORDER BY n) FROM t")
		want := "1|9223372036854775807|Infinity|t|tab\tnew\nline\r\\N\\.|\\x00015c|2024-02-29 10:00:01.123456|2024-02-29|f47ac10b-58cc-4372-a567-0e02b2c3d479|{\"a\": 1}|{1,2}|10.0.0.1|1.50\n--\n2\n--\n" +
			"3|7|0.1|f||\\x|0002-01-02 03:04:05 BC|2024-01-01|f47ac10b-58cc-4372-a567-0e02b2c3d479|\"s\"|{7,NULL}|::1|NaN\n--\n4|5|NaN|t|text|\\x78|[\"a\", 1.5]"
		if got != want {
			t.Errorf("%d:\n%s\nwant\n%s", i, got, want)
		}
	}
	// All types of these columns have parsers here.
	exec(t, pg, "TRUNCATE t")
	few := func(yield func([]any, error) bool) {
		_ = yield([]any{1, "a\\b\tc", at}, nil) && yield([]any{2, nil, nil}, nil) && yield([]any{3, `\N`, "2024-01-01 00:00:00Z"}, nil)
	}
	if _, err := batchinsert.Load(t.Context(), pg, "t", batchinsert.Records{Columns: []string{"n", "s", "ts"}, Rows: few}, nil); err != nil {
		t.Fatal(err)
	}
	if got := get[string](t, pg, `SELECT string_agg(concat_ws('|', n, s, ts AT TIME ZONE 'UTC'), ';' ORDER BY n) FROM t`); got != "1|a\\b\tc|2024-02-29 10:00:01.123456;2;3|\\N|2024-01-01 00:00:00" {
		t.Error(got)
	}
}

func TestLoadRecordsErrors(t *testing.T) {
	t.Parallel()
	pg := open(t, createItems)
	broken := errors.New("disk on fire")
	yields := func(rows ...any) iter.Seq2[[]any, error] {
		return func(yield func([]any, error) bool) {
			for _, row := range rows {
				values, _ := row.([]any)
				err, _ := row.(error)
				if !yield(values, err) {
					return
				}
			}
		}
	}
	load := func(rows iter.Seq2[[]any, error]) error {
		_, err := batchinsert.Load(t.Context(), pg, "items", batchinsert.Records{Name: "rows", Columns: []string{"id", "name"}, Rows: rows}, nil)
		wantCount(t, pg, "items", 0)
		return err
	}
	good := []any{1, "a"}
	wantError(t, load(yields(good, []any{2})), "rows:2: 1 values for 2 columns")
	wantError(t, load(yields(good, []any{2, make(chan int)})), `rows:2, column "name": value of Go type chan int`)
	wantError(t, load(yields(good, []any{"x", "b"})), `rows:2, column "id"`, "bigint")
	wantError(t, load(yields(good, good)), "rows:2", "duplicate key")
	if err := load(yields(good, broken)); !errors.Is(err, broken) {
		t.Error(err)
	} else {
		wantError(t, err, "rows:2: disk on fire")
	}
	_, err := batchinsert.Load(t.Context(), pg, "items", batchinsert.Records{}, nil)
	wantError(t, err, "no Columns")
	defer func() {
		if v := recover(); v == nil || !strings.Contains(fmt.Sprint(v), "boom") {
			t.Errorf("recovered %v", v)
		}
	}()
	_ = load(func(func([]any, error) bool) { panic("boom") })
}

func TestLoadCompressedAndEncoded(t *testing.T) {
	t.Parallel()
	pg := open(t, "CREATE TABLE t (id int, name text)")
	text := "id,name\n1,Zürich\n2,\"a\nb\"\n"
	bzip, err := hex.DecodeString(bzipped)
	if err != nil {
		t.Fatal(err)
	}
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	utf16, err := unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM).NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	latin, err := charmap.ISO8859_1.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	const want = "1 Zürich;2 a\nb"
	for _, c := range []struct {
		name, encoding string
		file           []byte
		want           string
	}{
		{"plain", "", []byte(text), want},
		{"utf-8 with mark", "utf8", []byte("\xef\xbb\xbf" + text), want},
		{"gzip", "", gzipped(t, text), want},
		{"two gzips", "", slices.Concat(gzipped(t, text[:12]), gzipped(t, text[12:])), want},
		{"zstd", "", w.EncodeAll([]byte(text), nil), want},
		{"bzip2", "", bzip, "1 a;2 b"},
		{"utf-16 by its mark", "", []byte(utf16), want},
		{"utf-16", "UTF-16LE", []byte(utf16[2:]), want},
		{"latin1", "ISO-8859-1", []byte(latin), want},
		{"latin1 in gzip", "latin1", gzipped(t, latin), want},
	} {
		exec(t, pg, "TRUNCATE t")
		report, err := batchinsert.Load(t.Context(), pg, "t", batchinsert.CSV(bytes.NewReader(c.file)), &batchinsert.LoadOptions{Encoding: c.encoding})
		if err != nil || report.Bytes != int64(len(c.file)) {
			t.Errorf("%s: %+v, %v", c.name, report, err)
		}
		if got := get[string](t, pg, "SELECT string_agg(concat_ws(' ', id, name), ';' ORDER BY id) FROM t"); got != c.want {
			t.Errorf("%s: %q", c.name, got)
		}
	}
	for file, want := range map[string]string{
		string(w.EncodeAll([]byte(strings.Repeat(text, 1000)), nil)[:60]): "zstd: ",
		string(bzip[:30]): "bzip2: ",
		"\x1f\x8bxxxx":    "gzip: ",
	} {
		_, err := batchinsert.Load(t.Context(), pg, "t", batchinsert.CSV(strings.NewReader(file)), nil)
		wantError(t, err, want)
	}
	_, err = batchinsert.Load(t.Context(), pg, "t", batchinsert.CSV(strings.NewReader(text)), &batchinsert.LoadOptions{Encoding: "EBCDIC?"})
	wantError(t, err, `unknown encoding "EBCDIC?"`, "Latin1")
}

// bzipped is "id,name\n1,a\n2,b\n".
const bzipped = "425a6839314159265359a0307b7e000006d900001000043000362320003100d34d0403102041459746f5edf8bb9229c284850183dbf0"

func TestLoadCSVWithoutHeader(t *testing.T) {
	t.Parallel()
	pg := open(t, "CREATE TABLE t (id int, name text)")
	for _, file := range []string{"1,a\n2,\"b\nc\"\n", "1,a\r\n2,\"b\nc\"\r\n", "1,a\r2,\"b\nc\"\r"} {
		exec(t, pg, "TRUNCATE t")
		opts := &batchinsert.LoadOptions{Columns: []string{"id", "name"}}
		if _, err := batchinsert.Load(t.Context(), pg, "t", batchinsert.CSV(strings.NewReader(file)), opts); err != nil {
			t.Errorf("%q: %v", file, err)
		}
		if got := get[string](t, pg, "SELECT string_agg(concat_ws(' ', id, name), ';' ORDER BY id) FROM t"); got != "1 a;2 b\nc" {
			t.Errorf("%q: %q", file, got)
		}
		_, err := batchinsert.Load(t.Context(), pg, "t", batchinsert.CSV(strings.NewReader(file+"x,")), opts)
		wantError(t, err, `column "id"`)
		lines := int64(3) // carriage returns end lines, and the line feed within quotes is none
		if strings.HasSuffix(file, "\n") {
			lines = 4
		}
		if line, ok := errors.AsType[*batchinsert.LineError](err); !ok || line.Line != lines {
			t.Errorf("%q: %v is not about line %d", file, err, lines)
		}
	}
}

// The text of an interval has a sign on each field, so that it does not depend on
// IntervalStyle.
func TestLoadRecordsOfIntervals(t *testing.T) {
	t.Parallel()
	pg := openWith(t, "intervalstyle=sql_standard", "CREATE TABLE loaded (v interval, a interval[])", "CREATE TABLE wanted (v interval, a interval[])")
	for _, v := range []pgtype.Interval{
		{Months: -13, Days: 2, Microseconds: 1, Valid: true}, {Days: -1, Microseconds: 1, Valid: true}, {Months: 1, Microseconds: -1, Valid: true}, {Valid: true}, {},
	} {
		a := [2]pgtype.Interval{v, {Days: -2, Microseconds: 3, Valid: true}}
		exec(t, pg, "INSERT INTO wanted VALUES ($1, $2)", v, a[:])
		in := batchinsert.Records{Columns: []string{"v", "a"}, Rows: func(yield func([]any, error) bool) { yield([]any{v, a[:]}, nil) }}
		if _, err := batchinsert.Load(t.Context(), pg, "loaded", in, nil); err != nil {
			t.Fatal(err)
		}
	}
	const all = "SELECT string_agg(concat_ws(' ', coalesce(v::text, 'NULL'), a), E'\\n' ORDER BY ctid) FROM "
	if got, want := get[string](t, pg, all+"loaded"), get[string](t, pg, all+"wanted"); got != want {
		t.Errorf("loaded\n%s\nwant\n%s", got, want)
	}
}
