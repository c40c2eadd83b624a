package parquetsource

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"
)

func numeric(n int64, scale int32) pgtype.Numeric {
	return pgtype.Numeric{Int: big.NewInt(n), Exp: -scale, Valid: true}
}

func at(year int, month time.Month, day, hour, minute, sec, nsec int) time.Time {
	return time.Date(year, month, day, hour, minute, sec, nsec, time.UTC)
}

func local(t time.Time) pgtype.Timestamp { return pgtype.Timestamp{Time: t, Valid: true} }

// A kind is a type that a column may be of, with values and what they become.
type kind struct {
	name   string
	node   parquet.Node
	values []parquet.Value
	want   []any
}

var kinds = []kind{
	{"bool", parquet.Leaf(parquet.BooleanType), vals(true, false), []any{true, false}},
	{"int32", parquet.Leaf(parquet.Int32Type), vals(int32(math.MinInt32), int32(math.MaxInt32)), []any{int64(math.MinInt32), int64(math.MaxInt32)}},
	{"int64", parquet.Leaf(parquet.Int64Type), vals(int64(math.MinInt64), int64(math.MaxInt64)), []any{int64(math.MinInt64), int64(math.MaxInt64)}},
	{"int8", parquet.Int(8), vals(int32(-128), int32(127)), []any{int64(-128), int64(127)}},
	{"int16", parquet.Int(16), vals(int32(-32768)), []any{int64(-32768)}},
	{"uint8", parquet.Uint(8), vals(int32(255)), []any{int64(255)}},
	{"uint32", parquet.Uint(32), vals(int32(-1)), []any{int64(math.MaxUint32)}},
	{"uint64", parquet.Uint(64), vals(int64(-1), int64(7)), []any{uint64(math.MaxUint64), int64(7)}},
	{"float", parquet.Leaf(parquet.FloatType), vals(float32(0.1), float32(math.Inf(-1))), []any{float32(0.1), float32(math.Inf(-1))}},
	{"double", parquet.Leaf(parquet.DoubleType), vals(0.1, math.MaxFloat64), []any{0.1, math.MaxFloat64}},
	{"decimal32", parquet.Decimal(2, 9, parquet.Int32Type), vals(int32(-1250), int32(7)), []any{numeric(-1250, 2), numeric(7, 2)}},
	{"decimal64", parquet.Decimal(0, 18, parquet.Int64Type), vals(int64(999999999999999999)), []any{numeric(999999999999999999, 0)}},
	{"decimal_fixed", parquet.Decimal(3, 20, parquet.FixedLenByteArrayType(9)), vals([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe}, []byte{0, 0, 0, 0, 0, 0, 0, 1, 2}), []any{numeric(-2, 3), numeric(258, 3)}},
	{"decimal_bytes", parquet.Decimal(1, 20, parquet.ByteArrayType), vals([]byte{0x80}, []byte{}), []any{numeric(-128, 1), numeric(0, 1)}},
	{"string", parquet.String(), vals([]byte("Zürich\x00\t\n"), []byte("")), []any{"Zürich\x00\t\n", ""}},
	{"enum", parquet.Enum(), vals([]byte("A")), []any{"A"}},
	{"json", parquet.JSON(), vals([]byte(`{"a": [1, "ü"]}`)), []any{json.RawMessage(`{"a": [1, "ü"]}`)}},
	{"bson", parquet.BSON(), vals([]byte{5, 0, 0, 0, 0}), []any{[]byte{5, 0, 0, 0, 0}}},
	{"bytes", parquet.Leaf(parquet.ByteArrayType), vals([]byte{0, 255}, []byte{}), []any{[]byte{0, 255}, []byte{}}},
	{"fixed", parquet.Leaf(parquet.FixedLenByteArrayType(3)), vals([]byte{1, 2, 3}), []any{[]byte{1, 2, 3}}},
	{"uuid", parquet.UUID(), vals([]byte("0123456789abcdef")), []any{[16]byte([]byte("0123456789abcdef"))}},
	{"interval", parquet.IntervalNode(), vals([]byte{1, 0, 0, 0, 2, 0, 0, 0, 3, 1, 0, 0}), []any{pgtype.Interval{Months: 1, Days: 2, Microseconds: 259_000, Valid: true}}},
	{"date", parquet.Date(), vals(int32(0), int32(-1), int32(19782), int32(2932896+1)), []any{
		pgtype.Date{Time: at(1970, 1, 1, 0, 0, 0, 0), Valid: true}, pgtype.Date{Time: at(1969, 12, 31, 0, 0, 0, 0), Valid: true},
		pgtype.Date{Time: at(2024, 2, 29, 0, 0, 0, 0), Valid: true}, pgtype.Date{Time: at(10000, 1, 1, 0, 0, 0, 0), Valid: true},
	}},
	{"time_ms", parquet.Time(parquet.Millisecond), vals(int32(1500)), []any{pgtype.Time{Microseconds: 1_500_000, Valid: true}}},
	{"time_us", parquet.Time(parquet.Microsecond), vals(int64(86_399_999_999)), []any{pgtype.Time{Microseconds: 86_399_999_999, Valid: true}}},
	{"time_ns", parquet.TimeAdjusted(parquet.Nanosecond, false), vals(int64(1_500)), []any{pgtype.Time{Microseconds: 2, Valid: true}}},
	{"ts_ms", parquet.Timestamp(parquet.Millisecond), vals(int64(-1)), []any{at(1969, 12, 31, 23, 59, 59, 999_000_000)}},
	{"ts_us", parquet.Timestamp(parquet.Microsecond), vals(int64(1_709_208_001_123_456)), []any{at(2024, 2, 29, 12, 0, 1, 123_456_000)}},
	{"ts_ns", parquet.Timestamp(parquet.Nanosecond), vals(int64(1_709_208_001_123_456_789)), []any{at(2024, 2, 29, 12, 0, 1, 123_457_000)}},
	{"local_ms", parquet.TimestampAdjusted(parquet.Millisecond, false), vals(int64(1000)), []any{local(at(1970, 1, 1, 0, 0, 1, 0))}},
	{"local_us", parquet.TimestampAdjusted(parquet.Microsecond, false), vals(int64(math.MinInt64)), []any{local(time.UnixMicro(math.MinInt64).UTC())}},
	{"local_ns", parquet.TimestampAdjusted(parquet.Nanosecond, false), vals(int64(-1)), []any{local(at(1970, 1, 1, 0, 0, 0, 0))}},
	{"int96", parquet.Leaf(parquet.Int96Type), vals(deprecated.Int96{1000, 0, 2_440_589}), []any{local(at(1970, 1, 2, 0, 0, 0, 1000))}},
}

func vals(of ...any) []parquet.Value {
	values := make([]parquet.Value, len(of))
	for i, v := range of {
		values[i] = parquet.ValueOf(v)
	}
	return values
}

const testRows = 300

// allKinds is the schema with each type, required and optional.
func allKinds() *parquet.Schema {
	group := parquet.Group{}
	for _, k := range kinds {
		group[k.name] = k.node
		group[k.name+"_or_null"] = parquet.Optional(k.node)
	}
	return parquet.NewSchema("all", group)
}

// wantAt is what the row i has for a kind.
func wantAt(values []any, i int, optional bool) any {
	if optional && i%3 == 1 {
		return nil
	}
	return values[i%len(values)]
}

// write makes a file of all kinds.
func write(t *testing.T, schema *parquet.Schema, opts ...parquet.WriterOption) []byte {
	t.Helper()
	var file bytes.Buffer
	w := parquet.NewWriter(&file, append([]parquet.WriterOption{schema}, opts...)...)
	for i := range testRows {
		var row parquet.Row
		for c, path := range schema.Columns() {
			name, optional := strings.CutSuffix(path[0], "_or_null")
			k := kinds[slices.IndexFunc(kinds, func(k kind) bool { return k.name == name })]
			v := k.values[i%len(k.values)]
			if k.node.Type().Kind() == parquet.FixedLenByteArray {
				v = parquet.FixedLenByteArrayValue(v.ByteArray())
			}
			switch {
			case optional && i%3 == 1:
				v = parquet.NullValue().Level(0, 0, c)
			case optional:
				v = v.Level(0, 1, c)
			default:
				v = v.Level(0, 0, c)
			}
			row = append(row, v)
		}
		if _, err := w.WriteRows([]parquet.Row{row}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// readAll reads a file as a load would.
func readAll(file []byte, columns ...string) (names []string, out [][]any, err error) {
	f, err := Open(bytes.NewReader(file), int64(len(file)), nil)
	if err != nil {
		return nil, nil, err
	}
	r, err := f.Records("test.parquet", columns...)
	if err != nil {
		return nil, nil, err
	}
	for row, err := range r.Rows {
		if err != nil {
			return r.Columns, out, err
		}
		out = append(out, slices.Clone(row))
	}
	if int64(len(out)) != r.Total {
		return r.Columns, out, fmt.Errorf("%d rows of %d", len(out), r.Total)
	}
	return r.Columns, out, nil
}

func TestEveryTypeInEveryLayout(t *testing.T) {
	t.Parallel()
	schema := allKinds()
	for layout, opts := range map[string][]parquet.WriterOption{
		"usual":              nil,
		"pages of version 1": {parquet.DataPageVersion(1), parquet.Compression(&parquet.Snappy)},
		"small pages":        {parquet.PageBufferSize(64), parquet.Compression(&parquet.Zstd)},
		"small row groups":   {parquet.MaxRowsPerRowGroup(40), parquet.Compression(&parquet.Gzip)},
		"plain":              {parquet.DefaultEncoding(&parquet.Plain), parquet.Compression(&parquet.Brotli)},
		"dictionary":         {parquet.DefaultEncoding(&parquet.RLEDictionary), parquet.Compression(&parquet.Zstd)},
	} {
		names, got, err := readAll(write(t, schema, opts...))
		if err != nil || len(got) != testRows {
			t.Errorf("%s: %d rows, %v", layout, len(got), err)
			continue
		}
		for c, column := range names {
			name, optional := strings.CutSuffix(column, "_or_null")
			for _, k := range kinds {
				for i := 0; k.name == name && i < testRows; i++ {
					if want := wantAt(k.want, i, optional); !reflect.DeepEqual(got[i][c], want) {
						t.Fatalf("%s: column %s, row %d: %#v, want %#v", layout, column, i, got[i][c], want)
					}
				}
			}
		}
	}
}

// As parquet-go reads its own rows.
func TestSameAsParquetGo(t *testing.T) {
	t.Parallel()
	type event struct {
		ID    int64     `parquet:"id,delta"`
		Name  *string   `parquet:"name,optional,dict"`
		Score float64   `parquet:"score"`
		At    time.Time `parquet:"at,timestamp(microsecond)"`
		Data  []byte    `parquet:"data"`
	}
	var events []event
	for i := range 5000 {
		e := event{ID: int64(i) * 7, Score: float64(i) / 3, At: at(2024, 1, 1, 0, 0, i, 1000*i), Data: fmt.Append(nil, i)}
		if i%5 > 0 {
			name := fmt.Sprint("name ", i%40)
			e.Name = &name
		}
		events = append(events, e)
	}
	var file bytes.Buffer
	if err := parquet.Write(&file, events, parquet.MaxRowsPerRowGroup(1300), parquet.PageBufferSize(1000)); err != nil {
		t.Fatal(err)
	}
	want, err := parquet.Read[event](bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		t.Fatal(err)
	}
	_, got, err := readAll(file.Bytes(), "id", "name", "score", "at", "data")
	if err != nil || len(got) != len(want) {
		t.Fatal(len(got), err)
	}
	for i, e := range want {
		var name any
		if e.Name != nil {
			name = *e.Name
		}
		if row := []any{e.ID, name, e.Score, e.At.UTC(), e.Data}; !reflect.DeepEqual(got[i], row) {
			t.Fatalf("row %d: %v, want %v", i, got[i], row)
		}
	}
}

func TestRecordsTakesSomeColumns(t *testing.T) {
	t.Parallel()
	file := write(t, allKinds())
	names, got, err := readAll(file, "uint64", "bool")
	if err != nil || !slices.Equal(names, []string{"uint64", "bool"}) || !reflect.DeepEqual(got[0], []any{uint64(math.MaxUint64), true}) {
		t.Errorf("%v %v %v", names, got[0], err)
	}
	wantError(t, second(readAll(file, "bool", "other")), `test.parquet`, `no column "other"`, `"bool"`)
}

func second(_ []string, _ [][]any, err error) error { return err }

func TestBinaryAsText(t *testing.T) {
	t.Parallel()
	file := write(t, parquet.NewSchema("s", parquet.Group{"bytes": parquet.Leaf(parquet.ByteArrayType), "bson": parquet.BSON()}))
	f, err := Open(bytes.NewReader(file), int64(len(file)), &Options{BinaryAsText: true})
	if err != nil {
		t.Fatal(err)
	}
	r, err := f.Records("x")
	if err != nil {
		t.Fatal(err)
	}
	for row := range r.Rows {
		if !reflect.DeepEqual(row, []any{[]byte{5, 0, 0, 0, 0}, "\x00\xff"}) {
			t.Errorf("%#v", row)
		}
		break // and no more is read
	}
}

func TestNestedColumnsAreRefused(t *testing.T) {
	t.Parallel()
	type inner struct{ X, Y int32 }
	for name, write := range map[string]func(w io.Writer) error{
		"tags": func(w io.Writer) error {
			return parquet.Write(w, []struct {
				ID   int32
				Tags []string `parquet:"tags"`
			}{{1, []string{"a", "b"}}})
		},
		"list": func(w io.Writer) error {
			return parquet.Write(w, []struct {
				ID   int32
				List []string `parquet:"list,list"`
			}{{1, []string{"a"}}})
		},
		"point": func(w io.Writer) error {
			return parquet.Write(w, []struct {
				Point inner `parquet:"point"`
				ID    int32
			}{{inner{1, 2}, 1}})
		},
		"map": func(w io.Writer) error {
			return parquet.Write(w, []struct {
				Map map[string]int32 `parquet:"map"`
				ID  int32
			}{{map[string]int32{"a": 1}, 1}})
		},
	} {
		var file bytes.Buffer
		if err := write(&file); err != nil {
			t.Fatal(err)
		}
		wantError(t, second(readAll(file.Bytes())), fmt.Sprintf("column %q", name), "nested")
		if _, got, err := readAll(file.Bytes(), "ID"); err != nil || len(got) != 1 || got[0][0] != int64(1) {
			t.Errorf("%s: the others: %v, %v", name, got, err)
		}
	}
}

func wantError(t *testing.T, err error, want ...string) {
	t.Helper()
	for _, w := range want {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("error %v does not say %q", err, w)
		}
	}
}

func TestFloat16(t *testing.T) {
	t.Parallel()
	for bits, want := range map[uint16]float32{
		0: 0, 0x3c00: 1, 0xc000: -2, 0x7bff: 65504, 0x0400: 0x1p-14, 0x0001: 0x1p-24, 0x03ff: 0x1p-14 - 0x1p-24,
		0x3555: 0.333251953125, 0x7c00: float32(math.Inf(1)), 0xfc00: float32(math.Inf(-1)),
	} {
		if got := float16(parquet.ValueOf([]byte{byte(bits), byte(bits >> 8)})); got != want {
			t.Errorf("%#x: %v, want %v", bits, got, want)
		}
	}
	if got := float16(parquet.ValueOf([]byte{0, 0x80})).(float32); got != 0 || !math.Signbit(float64(got)) {
		t.Error("minus zero", got)
	}
	if got := float16(parquet.ValueOf([]byte{1, 0x7c})).(float32); got == got {
		t.Error("NaN", got)
	}
}
