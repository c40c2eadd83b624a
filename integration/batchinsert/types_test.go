package batchinsert_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/headrace/headrace/batchinsert"
	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/internal/soak"
)

// typed is a row of the column under test.
type typed[V any] struct {
	ID int64
	V  V
}

// A typeCase is a column's type and values of one Go type for it.
type typeCase struct {
	sql string
	run func(t *testing.T, pg *db.DB)
}

const (
	typedText = `SELECT string_agg(concat_ws(' ', id, coalesce(quote_literal(left(v::text, 500)), 'NULL')), E'\n' ORDER BY id) FROM typed`
	takeTyped = `WITH typed AS (DELETE FROM typed RETURNING *) ` + typedText
)

// column checks that each way of writing stores the same values as single
// INSERTs of pgx do.
func column[V any](sql string, values ...V) typeCase {
	name := fmt.Sprintf("%T into %s", *new(V), sql)
	return typeCase{name, func(t *testing.T, pg *db.DB) {
		exec(t, pg, "DROP TABLE IF EXISTS typed")
		exec(t, pg, "CREATE TABLE typed (id bigint PRIMARY KEY, v "+sql+")")
		rows := typedRows(values)
		var want string
		for i, way := range waysToWrite[V]() {
			if way.name == loadOfRecords && (becomesJSON(reflect.TypeFor[V]()) || name == "[]uint8 into text") { // hexadecimal
				continue
			}
			if err := way.write(t.Context(), pg, rows); err != nil {
				t.Errorf("%s, %s: %v", name, way.name, err)
				exec(t, pg, "TRUNCATE typed")
				continue
			}
			text := takeTyped
			if i == 0 || soak.On { // the others leave the same
				text = typedText
			}
			got := get[string](t, pg, text)
			if want == "" {
				want = got
			}
			if got != want {
				t.Errorf("%s, %s: in the table are\n%s\nwant\n%s", name, way.name, got, want)
			}
			if text == takeTyped {
				continue
			}
			if n, err := batchinsert.MustTable[typed[V]]("typed").DeleteMany(t.Context(), pg, batchinsert.Rows(rows), "id"); n != int64(len(rows)) || err != nil {
				t.Errorf("%s, %s: %d deleted, %v", name, way.name, n, err)
			}
		}
		for i, v := range values {
			_, err := pg.Exec(t.Context(), "INSERT INTO typed VALUES ($1, $2)", pgx.QueryExecModeDescribeExec, i+1, v)
			if err != nil {
				return // pgx has no way for it
			}
		}
		if got := get[string](t, pg, typedText); got != want {
			t.Errorf("%s: pgx stores\n%s\nand we\n%s", name, got, want)
		}
	}}
}

// refused checks that each way of writing refuses values, with the same error,
// and names the row where the client does.
func refused[V any](sql string, values ...V) typeCase {
	name := fmt.Sprintf("%T into %s", *new(V), sql)
	return typeCase{name, func(t *testing.T, pg *db.DB) {
		exec(t, pg, "DROP TABLE IF EXISTS typed")
		exec(t, pg, "CREATE TABLE typed (id bigint PRIMARY KEY, v "+sql+")")
		for _, v := range values {
			var first string
			for _, way := range waysToWrite[V]() {
				if way.name == loadOfRecords { // of which the server refuses values
					continue
				}
				err := way.write(t.Context(), pg, typedRows([]V{v}))
				var row *batchinsert.RowError
				var pgErr *pgconn.PgError
				got := "none"
				switch {
				case errors.As(err, &pgErr):
					got = pgErr.Code
				case errors.As(err, &row):
					got = fmt.Sprint("row ", row.Row, " ", row.Column, ": ", row.Err)
				case err != nil:
					_, got, _ = strings.Cut(err.Error(), ": ") // without the call's name
				}
				if first == "" {
					first = got
				}
				exec(t, pg, "DELETE FROM typed")
				if got == "none" || got != first {
					t.Errorf("%s: %v, %s: %s, want %s", name, v, way.name, got, first)
				}
			}
		}
	}}
}

func typedRows[V any](values []V) []typed[V] {
	rows := make([]typed[V], len(values))
	for i, v := range values {
		rows[i] = typed[V]{int64(i + 1), v}
	}
	return rows
}

// A wayToWrite writes rows into an empty table.
type wayToWrite[V any] struct {
	name  string
	write func(ctx context.Context, pg *db.DB, rows []typed[V]) error
}

const loadOfRecords = "load of records"

// becomesJSON reports whether Records makes JSON of a Go type: of a struct that
// pgx does not know.
func becomesJSON(t reflect.Type) bool {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	return t == reflect.TypeFor[pgtype.Range[pgtype.Interval]]() || t.Kind() == reflect.Struct && !strings.Contains(t.PkgPath(), "pgtype") && t != reflect.TypeFor[time.Time]() && t.PkgPath() != "net/netip"
}

// waysToWrite are all: rows as arrays of a statement, by COPY, and through a
// temporary table.
func waysToWrite[V any]() []wayToWrite[V] {
	type row = typed[V]
	table := batchinsert.MustTable[row]("typed")
	seq := func(rows []row) batchinsert.Source[row] { return batchinsert.Seq(slices.Values(rows)) }
	counted := func(n int64, rows []row, err error) error {
		if err == nil && n != int64(len(rows)) {
			err = fmt.Errorf("%d rows of %d are counted", n, len(rows))
		}
		return err
	}
	fill := func(ctx context.Context, pg *db.DB, rows []row) error {
		_, err := pg.Exec(ctx, "INSERT INTO typed SELECT generate_series(1, $1)", len(rows))
		return err
	}
	return []wayToWrite[V]{
		{"insert", func(ctx context.Context, pg *db.DB, rows []row) error {
			n, err := table.Insert(ctx, pg, batchinsert.Rows(rows))
			return counted(n, rows, err)
		}},
		{"insert in chunks", func(ctx context.Context, pg *db.DB, rows []row) error {
			n, err := table.With(batchinsert.Options{ChunkRows: 2}).Insert(ctx, pg, seq(rows))
			return counted(n, rows, err)
		}},
		{"copy", func(ctx context.Context, pg *db.DB, rows []row) error {
			n, err := table.Copy(ctx, pg, batchinsert.Rows(rows))
			return counted(n, rows, err)
		}},
		{"copy seq", func(ctx context.Context, pg *db.DB, rows []row) error {
			n, err := table.Copy(ctx, pg, seq(rows))
			return counted(n, rows, err)
		}},
		{"upsert", func(ctx context.Context, pg *db.DB, rows []row) error {
			c, err := table.Upsert(ctx, pg, batchinsert.Rows(rows), byID)
			return counted(c.Inserted, rows, err)
		}},
		{"upsert staged", func(ctx context.Context, pg *db.DB, rows []row) error {
			c, err := table.Upsert(ctx, pg, seq(rows), byID)
			return counted(c.Inserted, rows, err)
		}},
		{"upsert again", func(ctx context.Context, pg *db.DB, rows []row) error {
			if _, err := table.Upsert(ctx, pg, seq(rows), byID); err != nil {
				return err
			}
			c, err := table.Upsert(ctx, pg, batchinsert.Rows(rows), byID)
			return counted(c.Unchanged, rows, err)
		}},
		{"update", func(ctx context.Context, pg *db.DB, rows []row) error {
			if err := fill(ctx, pg, rows); err != nil {
				return err
			}
			c, err := table.UpdateMany(ctx, pg, batchinsert.Rows(rows), "id")
			return counted(c.Updated+c.Unchanged, rows, err)
		}},
		{"update staged", func(ctx context.Context, pg *db.DB, rows []row) error {
			if err := fill(ctx, pg, rows); err != nil {
				return err
			}
			c, err := table.UpdateMany(ctx, pg, seq(rows), "id")
			return counted(c.Updated+c.Unchanged, rows, err)
		}},
		{"returning", func(ctx context.Context, pg *db.DB, rows []row) error {
			ids, err := batchinsert.InsertReturning[int64](ctx, pg, table, batchinsert.Rows(rows), "id")
			for i, id := range ids {
				if id != rows[i].ID {
					return fmt.Errorf("id %d is returned for row %d", id, i+1)
				}
			}
			return counted(int64(len(ids)), rows, err)
		}},
		{"buffered", func(ctx context.Context, pg *db.DB, rows []row) error {
			w := table.NewWriter(pg, nil)
			for _, row := range rows {
				if err := w.Add(ctx, row); err != nil {
					return err
				}
			}
			err := w.Close(ctx)
			if unwritten, ok := errors.AsType[*batchinsert.UnwrittenError[row]](err); ok {
				return unwritten.Err
			}
			return err
		}},
		{loadOfRecords, func(ctx context.Context, pg *db.DB, rows []row) error {
			report, err := batchinsert.Load(ctx, pg, "typed", batchinsert.Records{Columns: []string{"id", "v"}, Rows: func(yield func([]any, error) bool) {
				for _, r := range rows {
					if !yield([]any{r.ID, r.V}, nil) {
						return
					}
				}
			}}, nil)
			return counted(report.Rows, rows, err)
		}},
		{"returning row by row", func(ctx context.Context, pg *db.DB, rows []row) error {
			_, err := pg.Exec(ctx, "CREATE RULE again AS ON INSERT TO typed DO ALSO SELECT 1")
			if err != nil {
				return err
			}
			ids, err := batchinsert.InsertReturning[int64](ctx, pg, table, batchinsert.Rows(rows), "id")
			_, dropErr := pg.Exec(ctx, "DROP RULE again ON typed")
			return errors.Join(counted(int64(len(ids)), rows, err), dropErr)
		}},
	}
}

type label string

func ptr[V any](v V) *V { return &v }

func day(year int, month time.Month, d, hour, minute, second, micro int) time.Time {
	return time.Date(year, month, d, hour, minute, second, 1000*micro, time.UTC)
}

var typeCases = []typeCase{
	column("boolean", true, false),
	column("boolean", ptr(true), nil),
	column[int16]("smallint", 0, math.MinInt16, math.MaxInt16),
	column[int32]("integer", 0, math.MinInt32, math.MaxInt32),
	column[int64]("bigint", 0, math.MinInt64, math.MaxInt64),
	column("bigint", "0", "-5", "9223372036854775807"),
	column[uint8]("bigint", 0, 255),
	column[float32]("real", 0, float32(math.Copysign(0, -1)), float32(math.Inf(1)), math.MaxFloat32, math.SmallestNonzeroFloat32),
	column("real", 1.5, math.NaN(), math.Inf(-1)),
	column("double precision", 0, math.Copysign(0, -1), math.NaN(), math.Inf(1), math.MaxFloat64, math.SmallestNonzeroFloat64),
	column("numeric", 0, 1.5, math.NaN(), math.Inf(1), math.Inf(-1), 1e300, 1e-300),
	column("numeric", "0", "1.00", "NaN", "123456789012345678901234567890.000000000000000001", "-0.5"),
	column("numeric(12,3)", "0", "1.5", "-123456789.001"),
	column("numeric", pgtype.Numeric{}, pgtype.Numeric{NaN: true, Valid: true}, pgtype.Numeric{InfinityModifier: pgtype.Infinity, Valid: true}),
	column[int64]("numeric", 0, math.MinInt64, 10_000, 123_456_789),
	column("money", "$1,234.56", "-0.01"),
	column("text", "", "a", " ", "ünï ☃ 😀", "it's \\ \"quoted\"\n\t", strings.Repeat("long ", 30_000)),
	column("text", ptr(""), nil),
	column("text", []byte(nil), []byte{}, []byte("bytes")),
	column("varchar(10)", "", "0123456789", "☃☃☃☃☃☃☃☃☃☃"),
	column("char(5)", "", "ab", "abcde"),
	column("name", "", "a_name"),
	column(`"char"`, "", "x"),
	column("citext", "Bob", "BOB", ""),
	column("citext[]", []string{"Bob", `a,"b`}, nil, []string{}),
	column("bytea", nil, []byte{}, []byte{0, 255, '\\', '\''}),
	column("bytea", `\x00ff`, `\x`),
	column("date", day(2024, 2, 29, 0, 0, 0, 0), day(1, 1, 1, 0, 0, 0, 0), day(-4712, 1, 1, 0, 0, 0, 0), day(9999, 12, 31, 23, 59, 59, 999999)),
	column("date", pgtype.Date{}, pgtype.Date{InfinityModifier: pgtype.Infinity, Valid: true}, pgtype.Date{InfinityModifier: pgtype.NegativeInfinity, Valid: true}),
	column("date", "2024-02-29"),
	column("time", pgtype.Time{}, pgtype.Time{Microseconds: 86_400_000_000, Valid: true}, pgtype.Time{Valid: true}),
	column("timetz", "10:00:00+02", "24:00:00-12"),
	column("timestamp", day(2024, 2, 29, 1, 2, 3, 456789), day(290000, 1, 1, 0, 0, 0, 0)),
	column("timestamp", pgtype.Timestamp{}, pgtype.Timestamp{InfinityModifier: pgtype.NegativeInfinity, Valid: true}),
	column("timestamp(0)", day(2024, 2, 29, 1, 2, 3, 500000)),
	column("timestamptz", day(2024, 2, 29, 1, 2, 3, 456789), day(2024, 2, 29, 1, 2, 3, 0).In(time.FixedZone("", 3600))),
	column("timestamptz", pgtype.Timestamptz{}, pgtype.Timestamptz{InfinityModifier: pgtype.Infinity, Valid: true}),
	column("interval", time.Duration(0), -time.Hour, 1000*time.Hour+time.Microsecond),
	column("interval", pgtype.Interval{}, pgtype.Interval{Months: 14, Days: -3, Microseconds: 1, Valid: true}),
	column("interval", "1 mon", "30 days", "-1 year 01:02:03.000004"),
	column("uuid", [16]byte{1, 2, 3}, [16]byte{}),
	column("uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
	column("inet", netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("::1")),
	column("inet", netip.MustParsePrefix("10.0.0.1/8"), netip.MustParsePrefix("fe80::/10")),
	column("inet", "10.0.0.1/8", "::1"),
	column("cidr", netip.MustParsePrefix("10.0.0.0/8")),
	column("macaddr", net.HardwareAddr{8, 0, 43, 1, 2, 3}),
	column("macaddr8", "08:00:2b:01:02:03:04:05"),
	column("bit(3)", "101", "000"),
	column("bit(3)", pgtype.Bits{}, pgtype.Bits{Bytes: []byte{0xa0}, Len: 3, Valid: true}),
	column("varbit", "", "1", "1010101010101"),
	column("json", `{"a" : "\u0000"}`, "null", `[1, 2.50, "x"]`, `""`),
	column("json", json.RawMessage(`{"a":1}`), nil),
	column("jsonb", `{"a" : 1.50}`, "null", `"\u00e9"`),
	column("jsonb", map[string]any{"a": []int{1}}, nil),
	column("jsonb", []string{"a"}, nil, []string{}),
	column("json", []byte(`{"a":1}`), nil),
	column("jsonb", [][]string{{"a"}, {"b"}}),
	column("jsonb", true, false),
	column("jsonb", 1.5, -2),
	column("jsonb", day(2024, 2, 29, 1, 2, 3, 0)),
	column("json[]", []map[string]any{{"a": 1}}),
	column("xml", "<a>ü</a>", "text", ""),
	column("tsvector", "'a':1 'b':2A", ""),
	column("tsquery", "'a' & 'b'", ""),
	column("jsonpath", "$.a[*]", "$"),
	column("int4range", "empty", "[1,5)", "(,)", "[1,1]"),
	column("int4range", pgtype.Range[pgtype.Int4]{}, pgtype.Range[pgtype.Int4]{LowerType: pgtype.Empty, UpperType: pgtype.Empty, Valid: true}),
	column("numrange", "[1.0,1.50]", "(,1.0)"),
	column("tstzrange", "[2024-01-01 00:00+00,)", "empty"),
	column("nummultirange", "{}", "{[1.0,2),(5,6]}"),
	column("spans", "[30 days,1 year)"),
	column("point", "(1,-0)", "(NaN,Infinity)"),
	column("point", pgtype.Point{}, pgtype.Point{P: pgtype.Vec2{X: 1.5, Y: -2}, Valid: true}),
	column("box", "(2,2),(1,1)", "(1,2),(3,0)"),
	column("circle", "<(1,2),3>"),
	column("line", "{1,-1,0}"),
	column("lseg", "[(0,0),(1,1)]"),
	column("path", "((0,0),(1,1))", "[(0,0),(1,1)]"),
	column("polygon", "((0,0),(1,1),(1,0))"),
	column("pg_lsn", "16/B374D848"),
	column[uint32]("oid", 0, math.MaxUint32),
	column("xid8", "18446744073709551615"),
	column("mood", "sad", "so 'so'", ""),
	column("mood", ptr("sad"), nil),
	column("mood[]", []string{"sad", ""}, nil, []string{}),
	column("mood[]", []*string{ptr("sad"), nil}),
	column("span", "(30 days,1.0)", "(,)", `("1 mon",NaN)`),
	column("span[]", []string{"(30 days,1.0)", `("1 mon",)`}, []string{}),
	column("span[]", `{"(30 days,1.0)"}`),
	column[int32]("positive", 1, 2),
	column("code", "AB", "Z"),
	column("ints", []int32{1, 2}, nil),
	column("moods", []string{"sad"}, []string{}),
	column("integer[]", nil, []int32{}, []int32{1, -1}),
	column("integer[]", []*int32{nil, ptr[int32](1)}),
	column("integer[]", [][]int32{{1, 2}, {3, 4}}, nil, [][]int32{}, [][]int32{{1}}),
	column("integer[]", [2]int32{1, 2}, [2]int32{}),
	column("text[]", [][]string{{"a", "NULL"}, {"", "b,\""}}, nil),
	column("mood[]", []label{"sad", ""}, nil),
	column("uuid[]", [2][16]byte{{1}}),
	column("text", ptr(label("")), nil),
	column("integer[]", "{1,NULL,3}", "[0:1]={1,2}", "{}"),
	column("numeric[]", [][]string{{"1.0", "2"}, {"NaN", "-0.50"}}, [][]string{{}}, nil),
	column("json[]", [][]int{{1}, {2, 3}}),
	column("json", [][]int{{1}, {2, 3}}, nil),
	column("bigint[]", [][][]int64{{{1, 2}}, {{3, 4}}}),
	column("numeric[]", []string{"1.0", "1.00", "NaN"}),
	column("double precision[]", []float64{math.NaN(), math.Inf(1), math.Copysign(0, -1)}),
	column("text[]", []string{"", "NULL", "null", `a"b\c`, "{x}", "a,b", " ", "ü\n"}, nil, []string{}),
	column("text[]", []*string{nil, ptr(""), ptr("NULL")}),
	column("timestamptz[]", []time.Time{day(2024, 2, 29, 1, 2, 3, 456789)}),
	column("bytea[]", [][]byte{{0, 255}, {}, []byte(`\"`)}, nil),
	column("uuid[]", [][16]byte{{1}, {}}),
	column("json[]", []string{`{"a": "\"q\""}`, "1"}),
	column("int4range[]", []string{"[1,5)", "empty"}),
	column("box[]", "{(2,2),(1,1);(1,1),(0,0)}"),
	column("int2vector", "1 2 3"),
	column("regclass", "pg_class"),
}

var refusedCases = []typeCase{
	refused[int64]("smallint", 40_000, -40_000),
	refused("integer", "1.5", "x", ""),
	refused("real", 1e39, -1e39),
	refused("text", "a\x00b", "\xff"),
	refused("text[]", []string{"a\x00b"}, []string{"\xff"}),
	refused("varchar(3)", "abcd"),
	refused("numeric(3,1)", "1000"),
	refused("bit(3)", "1010", "abc"),
	refused("mood", "angry"),
	refused("mood[]", []string{"angry"}),
	refused("positive", int32(-1)),
	refused("span", "(1"),
	refused("json", "{"),
	refused("xml", "<a>"),
	refused("citext", "\x00"),
	refused("tsvector", "'"),
	refused("money", "x"),
	refused("int4range", "[5,1)"),
	refused("integer[]", [][]int32{{1, 2}, {3}}, [][]int32{{1}, {2, 3}}),
	refused("text[]", [][]string{{"a", "b"}, {"c"}}),
	refused("mood[]", [][]string{{"sad"}, {"sad", "sad"}}),
	refused("date", day(6_000_000, 1, 1, 0, 0, 0, 0)),
	refused("timestamptz", day(300_000, 1, 1, 0, 0, 0, 0)),
	refused("bytea", `\xzz`),
	refused("uuid", "x"),
}

func TestEveryWayWritesTheSameValues(t *testing.T) {
	t.Parallel()
	runTypes(t, typeCases)
}

func TestEveryWayRefusesTheSameValues(t *testing.T) {
	t.Parallel()
	runTypes(t, refusedCases)
}

func runTypes(t *testing.T, cases []typeCase) {
	pg := withTypes(t)
	for _, c := range cases {
		c.run(t, pg)
	}
}

// withTypes is open, with the types that the cases use.
func withTypes(t *testing.T) *db.DB {
	return open(t, "CREATE EXTENSION citext", "CREATE TYPE mood AS ENUM ('sad', 'so ''so''', '')",
		"CREATE TYPE span AS (length interval, share numeric)", "CREATE TYPE spans AS RANGE (subtype = interval)",
		"CREATE DOMAIN positive AS integer CHECK (VALUE > 0)", "CREATE DOMAIN code AS char(2)",
		"CREATE DOMAIN ints AS integer[]", "CREATE DOMAIN moods AS mood[]",
		"CREATE TYPE alone AS (n integer)", "CREATE TYPE nested AS (single alone, spans span[])", "CREATE DOMAIN spanned AS span")
}
