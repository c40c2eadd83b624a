package batchinsert_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/headrace/headrace/batchinsert"
)

const inferCSV = `id,"Zip code",price,when,at,day,u,doc,ok,note,none,big,ratio
1,00100,1,2024-01-02,2024-01-02T00:00:00Z,2024-01-01,f47ac10b-58cc-4372-a567-0e02b2c3d479,"{""a"": 1}",t,"x
y",,1,1e-3
2,20095,2.50,2024-01-02 03:04:05.123456789,2024-01-02 00:00:00.5+02,2024-02-29,00000000-0000-0000-0000-000000000000,[],f,,,3000000000,2
`

const inferTable = `CREATE TABLE "public"."items" (
    "id" integer NOT NULL,
    "Zip code" text NOT NULL,
    "price" numeric NOT NULL,
    "when" timestamp NOT NULL,
    "at" timestamptz NOT NULL,
    "day" date NOT NULL,
    "u" uuid NOT NULL,
    "doc" jsonb NOT NULL,
    "ok" boolean NOT NULL,
    "note" text,
    "none" text,
    "big" bigint NOT NULL,
    "ratio" double precision NOT NULL
)`

func TestInfer(t *testing.T) {
	t.Parallel()
	pg := open(t)
	for chunk := range 3 {
		opts := &batchinsert.LoadOptions{ChunkBytes: chunk}
		inferred, err := batchinsert.Infer(t.Context(), batchinsert.CSV(strings.NewReader(inferCSV)), "public.items", opts)
		if err != nil {
			t.Fatal(err)
		}
		if got := inferred.CreateTable(); got != inferTable || inferred.Rows != 2 || inferred.Columns[9].Nulls != 1 {
			t.Errorf("%d rows, %s", inferred.Rows, got)
		}
	}
	exec(t, pg, inferTable)
	if report, err := batchinsert.Load(t.Context(), pg, "public.items", batchinsert.CSV(strings.NewReader(inferCSV)), nil); err != nil || report.Rows != 2 {
		t.Errorf("%+v, %v", report, err)
	}
	if got := get[string](t, pg, `SELECT string_agg("Zip code", ' ' ORDER BY id) FROM items`); got != "00100 20095" {
		t.Error(got)
	}
}

func TestInferErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in   string
		want []string
		line int64
	}{
		{"", []string{"infer a table from input", "the file is empty"}, 1},
		{"a,b,a\n1,2,3\n", []string{`"a" is there twice`}, 1},
		{"a,ctid\n1,2\n", []string{`"ctid"`, "the server's own"}, 1},
		{strings.Repeat("a", 64) + "\n", []string{"longer than 63 bytes"}, 1},
		{"a,b\n1,2\n\"3\n\",4\n5\n", []string{"1 fields, and the header names 2"}, 5},
		{"a,b\n1,2\n3,4,5\n", []string{"3 fields"}, 3},
		{"a,b\n1,2\n3,\"4\n", []string{"a quote is not closed"}, 3},
		{"a,b\n1,2\n3,\xff\n", []string{`column "b"`, "not valid UTF-8"}, 3},
		{"a,b\n1,2\r\n3,4\n", []string{"a line end is of another kind"}, 2},
	} {
		_, err := batchinsert.Infer(t.Context(), batchinsert.CSV(strings.NewReader(c.in)), "t", nil)
		wantError(t, err, c.want...)
		if line, ok := errors.AsType[*batchinsert.LineError](err); !ok || line.Line != c.line {
			t.Errorf("%q: %v is not about line %d", c.in, err, c.line)
		}
	}
	_, err := batchinsert.Infer(t.Context(), batchinsert.NDJSON(strings.NewReader("{\"a\":1}\n\n{\"a\":\"\\u0000\"}")), "t", nil)
	wantError(t, err, "input:3", `column "a"`, "zero byte")
	_, err = batchinsert.Infer(t.Context(), batchinsert.NDJSON(strings.NewReader("{\"a\":1}\n{")), "t", nil)
	wantError(t, err, "input:2", "not valid JSON")
	rows := func(yield func([]any, error) bool) { _ = yield([]any{"a"}, nil) && yield([]any{"a\x00"}, nil) }
	_, err = batchinsert.Infer(t.Context(), batchinsert.Records{Name: "rows", Columns: []string{"a"}, Rows: rows}, "t", nil)
	wantError(t, err, "rows:2", `column "a"`, "zero byte")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = batchinsert.Infer(ctx, batchinsert.CSV(strings.NewReader(inferCSV)), "t", nil)
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestInferCities(t *testing.T) {
	t.Parallel()
	pg := open(t)
	file, err := os.ReadFile("../../examples/shared/geonames/cities.csv.gz")
	if err != nil {
		t.Fatal(err)
	}
	inferred, err := batchinsert.Infer(t.Context(), batchinsert.CSV(bytes.NewReader(file)), "cities", nil)
	if err != nil {
		t.Fatal(err)
	}
	exec(t, pg, inferred.CreateTable())
	report, err := batchinsert.Load(t.Context(), pg, "cities", batchinsert.CSV(bytes.NewReader(file)), nil)
	if err != nil || report.Rows != inferred.Rows || report.Rows != 135_233 {
		t.Errorf("%d rows of %d: %v", report.Rows, inferred.Rows, err)
	}
}

// cells are values of every kind, and text that resembles one.
var cells = []string{
	"", "t", "false", "TRUE", "0", "-1", "-0", "007", "2147483648", "-9223372036854775809", "1.5", ".5", "5.", "-", "+1", "1e10", "1E-307",
	"4e-320", "1e308", "1e309", "0e999", "NaN", "Infinity", "-Infinity", "nan", "123456789012345678", "0.12345678901234567890", "1 ", "2024-02-29", "2023-02-29",
	"0001-01-01", "9999-12-31", "0000-01-01", "2024-01-01 00:00:00", "2024-01-01T23:59:59.9999999", "2024-01-01 24:00:00", "9999-12-31 23:59:59.9999999",
	"2024-01-01 00:00:00Z", "0001-01-01 00:00:00+15:59", "2024-01-01 00:00:00+16", "2024-01-01 00:00:00.123456789-03", "2024-01-01 00:00",
	"f47ac10b-58cc-4372-a567-0e02b2c3d479", "F47AC10B-58CC-4372-A567-0E02B2C3D479", "f47ac10b58cc4372a5670e02b2c3d479", "{}", `{"a":[1,{"b":null}],"a":1.5e3}`, "[1", `["\u0000"]`, `["\ud800"]`,
	"[1e400]", "[1e-400]", "\\N", "\\.", "a\tb", "x\ny", "ü", "\"", "{1,2}", "yes", strings.Repeat("9", 400), strings.Repeat("9", 400) + ".5", strings.Repeat("[", 300) + strings.Repeat("]", 300),
}

var goValues = []any{
	nil, true, 1, int8(-1), uint64(math.MaxUint64), 1.5, math.NaN(), math.Inf(-1), float32(0.1), math.MaxFloat64, math.SmallestNonzeroFloat64, "a", "1", "2024-01-01", []byte{0, 1}, []byte{},
	time.Date(2024, 1, 1, 0, 0, 0, 123456789, time.UTC), time.Date(-4711, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(294275, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(300000, 1, 1, 0, 0, 0, 0, time.UTC), time.Time{},
	pgtype.Timestamp{Time: time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), Valid: true}, pgtype.Timestamp{InfinityModifier: pgtype.Infinity, Valid: true}, pgtype.Date{Time: time.Date(5874896, 1, 1, 0, 0, 0, 0, time.UTC), Valid: true},
	pgtype.Date{Time: time.Date(6000000, 1, 1, 0, 0, 0, 0, time.UTC), Valid: true}, pgtype.Time{Microseconds: 86_400_000_000, Valid: true}, pgtype.Time{Microseconds: -1, Valid: true}, pgtype.Interval{Months: 1, Valid: true},
	pgtype.Numeric{Int: big.NewInt(-125), Exp: -2, Valid: true}, pgtype.Numeric{Int: big.NewInt(7), Exp: 400, Valid: true}, pgtype.Numeric{NaN: true, Valid: true}, pgtype.Numeric{InfinityModifier: pgtype.Infinity, Valid: true}, [16]byte{1},
	json.RawMessage(`{"a": "\n"}`), json.RawMessage(`[1e999]`), json.RawMessage(`{`), map[string]any{"a": 1}, []any{1, "a"}, []int32{1, 2}, []string{"a", `"`}, netip.MustParseAddr("::1"), netip.MustParsePrefix("10.0.0.0/8"), time.Hour,
}

// Every proposed table accepts its input.
func TestInferredTablesAcceptTheirInput(t *testing.T) {
	t.Parallel()
	pg := open(t)
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range 400 {
		kinds := make([]int, 1+rng.IntN(3)) // few in a column, so that not each becomes text
		for k := range kinds {
			kinds[k] = rng.IntN(1 << 20)
		}
		rows := make([]int, 1+rng.IntN(6))
		for r := range rows {
			rows[r] = kinds[rng.IntN(len(kinds))]
		}
		open := []func([]int) (batchinsert.Input, string){csvOf, ndjsonOf, recordsOf}[rng.IntN(3)]
		in, shown := open(rows)
		inferred, err := batchinsert.Infer(t.Context(), in, "t", nil)
		if err != nil {
			t.Errorf("%d: %.300s: %v", i, shown, err)
			continue
		}
		exec(t, pg, "DROP TABLE IF EXISTS t")
		exec(t, pg, inferred.CreateTable())
		in, _ = open(rows)
		if report, err := batchinsert.Load(t.Context(), pg, "t", in, nil); err != nil || report.Rows != inferred.Rows {
			t.Errorf("%d: %.500s\n%s\n%d rows of %d: %v", i, shown, inferred.CreateTable(), report.Rows, inferred.Rows, err)
		}
	}
}

func csvOf(rows []int) (batchinsert.Input, string) {
	var b strings.Builder
	w := csv.NewWriter(&b)
	_ = w.Write([]string{"c", "d"})
	for _, r := range rows {
		_ = w.Write([]string{cells[r%len(cells)], "x"})
	}
	w.Flush()
	return batchinsert.CSV(strings.NewReader(b.String())), b.String()
}

func ndjsonOf(rows []int) (batchinsert.Input, string) {
	var b strings.Builder
	for _, r := range rows {
		cell := cells[r%len(cells)]
		if !json.Valid([]byte(cell)) || r/len(cells)%3 == 0 {
			quoted, _ := json.Marshal(cell)
			cell = string(quoted)
		}
		fmt.Fprintf(&b, "{\"c\": %s}\n", cell)
	}
	return batchinsert.NDJSON(strings.NewReader(b.String())), b.String()
}

func recordsOf(rows []int) (batchinsert.Input, string) {
	values := func(yield func([]any, error) bool) {
		for _, r := range rows {
			if !yield([]any{goValues[r%len(goValues)]}, nil) {
				return
			}
		}
	}
	var shown []any
	for _, r := range rows {
		shown = append(shown, goValues[r%len(goValues)])
	}
	return batchinsert.Records{Columns: []string{"c"}, Rows: values}, fmt.Sprintf("%#v", shown)
}
