// Package rowscan_test compares the decoders of internal/rowscan with pgx on
// data of real servers.
package rowscan_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"reflect"
	"regexp"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/internal/rowscan"
	"github.com/headrace/headrace/internal/rowscan/replay"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// schema has each kind of user-defined type.
const schema = `
CREATE EXTENSION hstore; CREATE EXTENSION citext; CREATE EXTENSION ltree;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN quantity AS int4 CHECK (VALUE >= 0);
CREATE DOMAIN label AS text;
CREATE DOMAIN digest AS bytea;
CREATE TYPE pair AS (x int4, y text);
CREATE TYPE span AS RANGE (subtype = float8, multirange_type_name = spanmulti);
CREATE DOMAIN small AS quantity CHECK (VALUE < 10);
CREATE DOMAIN humor AS mood;
CREATE DOMAIN couple AS pair;
CREATE DOMAIN digits AS int4[];
CREATE DOMAIN reach AS span;
CREATE TYPE nest AS (p pair, m mood, q quantity, tags text[], at timestamptz);
`

var programsTypes = []string{
	"mood", "_mood", "quantity", "_quantity", "label", "digest", "pair", "_pair", "span", "_span", "spanmulti", "_spanmulti",
	"small", "humor", "couple", "digits", "reach", "nest", "_nest",
}

// connect returns a connection in an execution mode to a database with the
// schema, with or without its types loaded.
func connect(t *testing.T, mode pgx.QueryExecMode, load bool) *pgx.Conn {
	t.Helper()
	config, err := pgx.ParseConfig(pgtest.NewFrom(t, "rowscan", pgtest.Script(schema)))
	if err != nil {
		t.Fatal(err)
	}
	config.DefaultQueryExecMode = mode
	config.RuntimeParams["timezone"] = "America/New_York"
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	if load {
		types, err := conn.LoadTypes(t.Context(), programsTypes)
		if err != nil {
			t.Fatal(err)
		}
		conn.TypeMap().RegisterTypes(types)
	}
	return conn
}

// A check reads a recorded value into one Go type by a Decoder and by pgx, and
// reports where they differ.
type check func(rec *replay.Recording, typeMap *pgtype.Map) error

// into reads the value as it is.
func into[T any]() check { return unlessGuess[T](by(pgx.RowTo[T])) }

// field reads the value as the field of a struct: only there is a struct T a
// single value.
func field[T any]() check { return unlessGuess[T](by(pgx.RowToStructByName[Holder[T]])) }

// embedded reads the value as a field of an embedded struct, in a row behind a
// pointer.
func embedded[T any]() check { return unlessGuess[T](by(pgx.RowToAddrOfStructByName[embedding[T]])) }

func unlessGuess[T any](c check) check {
	return func(rec *replay.Recording, typeMap *pgtype.Map) error {
		if isGuess[T](rec, typeMap) {
			return nil
		}
		return c(rec, typeMap)
	}
}

type (
	Holder[T any]    struct{ V T }
	embedding[T any] struct{ Holder[T] }
)

// by compares with one of pgx's ways of reading a row. The Decoder reads into
// new memory, and over an old value.
func by[T any](oracle pgx.RowToFunc[T]) check {
	var before atomic.Pointer[T]
	before.Store(new(T))
	return func(rec *replay.Recording, typeMap *pgtype.Map) (err error) {
		d, err := rowscan.For[T]()
		if err != nil {
			return err
		}
		appendTo := func() (got T, err error) {
			room := []T{*before.Load()}
			appended, err := d.AppendTo(room[:0], rec.Rows(typeMap), 0)
			if len(appended) == 1 {
				before.Store(&appended[0])
				got = appended[0]
			}
			return got, err
		}
		for _, read := range []func() (T, error){func() (T, error) { return d.One(rec.Rows(typeMap)) }, appendTo} {
			for range 100 { // pgx guesses at NULLs within composites, and does not guess the same each time
				got, gotErr := read()
				want, wantErr := collectOne(rec.Rows(typeMap), oracle)
				if err = nil; agree(got, want, gotErr, wantErr) {
					break
				}
				err = fmt.Errorf("into %T:\n got %#v, %v\nwant %#v, %v", got, got, gotErr, want, wantErr)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
}

func agree[T any](got, want T, gotErr, wantErr error) bool {
	switch {
	case wantErr == nil:
		return gotErr == nil && same(reflect.ValueOf(&got), reflect.ValueOf(&want))
	case wantErr == errPanic:
		return gotErr != nil
	}
	ours, theirs := reason(gotErr), reason(wantErr)
	return ours == theirs || addresses.ReplaceAllString(ours, "0x") == addresses.ReplaceAllString(theirs, "0x")
}

// collectOne is pgx.CollectOneRow, except that a panic in it becomes errPanic,
// as for a composite into a multirange.
func collectOne[T any](rows pgx.Rows, oracle pgx.RowToFunc[T]) (value T, err error) {
	defer func() {
		if recover() != nil {
			err = errPanic
		}
	}()
	return pgx.CollectOneRow(rows, oracle)
}

var errPanic = errors.New("pgx panics")

// reason returns the part of an error about the value, without the column
// descriptions of pgx and the Decoder.
func reason(err error) string {
	if column, ok := errors.AsType[*rowscan.ColumnError](err); ok {
		return column.Err.Error()
	}
	if arg, ok := errors.AsType[pgx.ScanArgError](err); ok {
		return arg.Err.Error()
	}
	return fmt.Sprint(err)
}

var addresses = regexp.MustCompile("0x[0-9a-f]+")

// isGuess reports whether the value is a NULL of a type that pgx cannot scan
// into T: pgx then tries the plans of all types in random order.
func isGuess[T any](rec *replay.Recording, typeMap *pgtype.Map) bool {
	rows, column := rec.Rows(typeMap), rec.Fields()[0]
	defer rows.Close()
	plan := typeMap.PlanScan(column.DataTypeOID, column.Format, new(T))
	return rows.Next() && rows.RawValues()[0] == nil && fmt.Sprintf("%T", plan) == "*pgtype.scanPlanFail"
}

type (
	mood string
	xy   struct {
		X int32
		Y string
	}
	document struct {
		A int
		B []string
	}
)

// ScanIndex makes xy a value of one column.
func (p *xy) ScanIndex(i int) any { return []any{&p.X, &p.Y}[i] }

// ScanNull is never reached: NULL goes into *xy.
func (p *xy) ScanNull() error { return fmt.Errorf("cannot scan NULL into %T", p) }

// recorded is a database/sql Scanner that records its argument.
type recorded struct{ text string }

func (v *recorded) Scan(src any) error {
	v.text = fmt.Sprintf("%T %v", src, src)
	if src == "b" {
		return errors.New("recorded does not take b")
	}
	return nil
}

// Value makes recorded a driver.Valuer, which does not matter here.
func (v recorded) Value() (driver.Value, error) { return v.text, nil }

var checks = []check{
	into[bool](), into[int](), into[int8](), into[int16](), into[int32](), into[int64](), into[uint8](), into[uint16](), into[uint32](),
	into[uint64](), into[float32](), into[float64](), into[string](), into[*string](), into[**string](), into[[]byte](), into[*[]byte](),
	into[*bool](), into[*int32](), into[*int64](), into[**int64](), into[*float64](), into[*time.Time](), into[time.Time](), into[time.Duration](),
	into[[16]byte](), into[uuid.UUID](), into[*uuid.UUID](), into[uuid.NullUUID](), into[pgtype.UUID](), into[mood](), into[*mood](), into[[]mood](), into[[]*mood](),
	into[any](), into[json.RawMessage](), into[*json.RawMessage](), into[*map[string]any](), by(pgx.RowToMap), field[map[string]any](),
	field[document](), field[*document](), field[[]document](), field[xy](),
	field[bool](), field[int32](), field[*int64](), field[string](), field[*string](), field[[]byte](), field[time.Time](), field[*time.Time](), field[any](),
	field[uuid.UUID](), field[[]int64](), field[[]*string](), field[pgtype.Numeric](), field[sql.NullString](), field[sql.Null[time.Time]](), field[recorded](), field[netip.Addr](),
	embedded[int64](), embedded[*string](), embedded[time.Time](), embedded[[]int32](), embedded[*xy](), embedded[sql.NullInt64](), embedded[pgtype.Int8](),
	into[pgtype.Numeric](), into[*pgtype.Numeric](), into[pgtype.Text](), into[*pgtype.Text](), into[pgtype.Bool](), into[pgtype.Int2](), into[pgtype.Int4](),
	into[pgtype.Int8](), into[pgtype.Float4](), into[pgtype.Float8](), into[pgtype.Uint32](), into[pgtype.Uint64](),
	into[pgtype.Timestamptz](), into[pgtype.Timestamp](), into[pgtype.Date](), into[pgtype.Time](), into[pgtype.Interval](),
	into[sql.NullString](), into[sql.NullBool](), into[sql.NullByte](), into[sql.NullInt16](), into[sql.NullInt32](), into[sql.NullInt64](),
	into[sql.NullFloat64](), into[sql.NullTime](), into[sql.Null[string]](), into[sql.Null[int64]](), into[sql.Null[int32]](), into[sql.Null[float64]](),
	into[sql.Null[bool]](), into[sql.Null[time.Time]](), into[sql.Null[[]byte]](), into[sql.Null[uuid.UUID]](), into[*sql.Null[string]](),
	into[recorded](), into[*recorded](), into[[]recorded](), into[[]*recorded](),
	into[net.IP](), into[net.IPNet](), into[*net.IPNet](), into[net.HardwareAddr](), into[netip.Addr](), into[*netip.Addr](), into[netip.Prefix](), into[[]netip.Addr](),
	into[*xy](), into[**xy](), into[[]*xy](),
	into[[]string](), into[*[]string](), into[[]*string](), into[[]int16](), into[[]int32](), into[[]int64](), into[[]int](), into[[]uint32](), into[[]float32](), into[[]float64](),
	into[[]bool](), into[[]*bool](), into[[]time.Time](), into[[]*time.Time](), into[[][]byte](), into[[]any](), into[[]json.RawMessage](), into[[]map[string]any](),
	into[[][]int32](), into[[][]string](), into[[]*int32](), into[[]*int64](), into[[]uuid.UUID](), into[[]*uuid.UUID](), into[[][16]byte](), into[[]pgtype.UUID](),
	into[[2]int32](), into[[2]string](), into[[]pgtype.Text](), into[[]pgtype.Int4](), into[[]pgtype.Numeric](), into[[]pgtype.Interval](), into[[]sql.NullString](), into[[]sql.Null[int64]](),
	into[pgtype.Array[int32]](), into[pgtype.Array[*string]](), into[pgtype.FlatArray[int64]](), into[pgtype.FlatArray[pgtype.Text]](),
	into[pgtype.Range[pgtype.Int4]](), into[pgtype.Range[int32]](), into[pgtype.Range[pgtype.Float8]](), into[pgtype.Range[pgtype.Numeric]](),
	into[pgtype.Range[pgtype.Date]](), into[pgtype.Range[pgtype.Timestamptz]](), into[pgtype.Range[time.Time]](), into[*pgtype.Range[pgtype.Int4]](),
	into[[]pgtype.Range[pgtype.Int4]](), into[pgtype.Multirange[pgtype.Range[pgtype.Int4]]](), into[pgtype.Multirange[pgtype.Range[pgtype.Float8]]](),
	into[pgtype.Multirange[pgtype.Range[pgtype.Timestamptz]]](),
	into[pgtype.Bits](), into[pgtype.Point](), into[pgtype.Box](), into[pgtype.Circle](), into[pgtype.Line](), into[pgtype.Lseg](), into[pgtype.Path](), into[pgtype.Polygon](),
	into[pgtype.TID](), into[pgtype.TSVector](), into[pgtype.Hstore](), into[map[string]string](), into[map[string]*string](), into[pgtype.UndecodedBytes](), into[pgtype.PreallocBytes](),
}

// values are expressions of every kind of type.
var values = []string{
	"true", "1::int2", "-70000::int4", "3000000000", "1.5::float4", "'-Infinity'::float8", "'NaN'::float8", "123.4500::numeric", "'NaN'::numeric",
	"'text'", "''::text", "'v'::varchar(9)", "'b'::char(3)", "'n'::name", "'c'::\"char\"", `'\x00ff'::bytea`, `''::bytea`,
	"'2024-02-29'::date", "'infinity'::date", "'0044-03-15 BC'::date", "'2024-02-29 12:34:56.789'::timestamp", "'infinity'::timestamp",
	"'2024-02-29 12:34:56.789+02'::timestamptz", "'1850-01-01 00:00:00 America/New_York'::timestamptz", "'-infinity'::timestamptz",
	"'24:00'::time", "'12:34:56.789+02'::timetz", "'1 mon 2 days 03:04:05.6'::interval", "'6ba7b810-9dad-11d1-80b4-00c04fd430c8'::uuid",
	`'{"a": 1, "b": ["x"]}'::json`, `'{"a": 1, "b": ["x"]}'::jsonb`, "'null'::jsonb", `'"s"'::jsonb`,
	"'10.0.0.1'::inet", "'10.0.0.0/8'::cidr", "'::1'::inet", "'08:00:2b:01:02:03'::macaddr", "'101'::bit(3)", "'101'::varbit", "'(1,2)'::point",
	"'[1,5)'::int4range", "'empty'::int4range", "'[2024-01-01,)'::daterange", "'{[1,2),[5,6)}'::int4multirange", "'(0,1)'::tid", "'x & y'::tsquery",
	"'a b'::tsvector", "17::oid", "'pg_class'::regclass", "'<a/>'::xml", "'12.50'::money",
	"'{}'::int4[]", "'{1,2}'::int4[]", "'{1,NULL}'::int4[]", "'{{1,2},{3,4}}'::int4[]", "'[5:6]={7,8}'::int4[]", "'{1.5,2}'::float8[]",
	`'{a,"b c",""}'::text[]`, "'{a,NULL}'::text[]", "'{t,f}'::bool[]", "'{2024-02-29 12:00+00}'::timestamptz[]",
	"'{6ba7b810-9dad-11d1-80b4-00c04fd430c8}'::uuid[]", "NULL::int4", "NULL::text", "NULL::timestamptz", "NULL::int4[]", "NULL::jsonb", "NULL::uuid", "NULL",
	"'happy'::mood", "NULL::mood", "'{sad,ok}'::mood[]", "7::quantity", "'l'::label", `'\xab'::digest`, "(1,'y')::pair", "NULL::pair",
	"ARRAY[(1,'y')::pair]", "'[0.5,1)'::span", "ROW(1,'a')",

	"0::int8", "-1::int2", "255::int4", "256::int4", "65536::int8", "9223372036854775807", "(-9223372036854775808)::int8", "'-0'::float8", "1e-45::float4",
	"1e300::float8", "16777217::float8", "1e20::numeric", "-0.000000001::numeric", "'Infinity'::numeric", "1e400::numeric", "2147483648::oid", "'a'::text", "'b'::text", "'t'::text",
	"'1'::text", "'1.5'::varchar", "'2024-02-29 12:34:56Z'::text", "'6ba7b810-9dad-11d1-80b4-00c04fd430c8'::text", `'{"a": 2}'::text`, `'\xc3a4'::bytea`, "'n'::name",
	"'4714-11-24 BC'::date", "'5874897-12-31'::date", "'-infinity'::date", "'4714-11-24 BC'::timestamp", "'294276-12-31 23:59:59.999999'::timestamp", "'-infinity'::timestamp",
	"'294276-12-31 23:59:59.999999+00'::timestamptz", "'infinity'::timestamptz", "'2024-07-01 00:00:00.000001 America/New_York'::timestamptz", "'0001-01-01 00:00:00+00 BC'::timestamptz",
	"'00:00'::time", "'-1 mon -2 days -03:04:05.6'::interval", "'178000000 years'::interval", "'-1 us'::interval", "'00000000-0000-0000-0000-000000000000'::uuid",
	"'17'::json", "'17'::jsonb", "'[1, null, \"x\"]'::jsonb", "'[]'::jsonb", "'null'::json", "'12345678901234567890.5'::jsonb", "'$.a[*]'::jsonpath", `'[{"a": 1}, null]'::jsonb`,
	"'::ffff:10.0.0.1/100'::inet", "'10.0.0.1/8'::inet", "'0.0.0.0/0'::cidr", "'08:00:2b:01:02:03:04:05'::macaddr8", "''::varbit", "B'1'", "'-12.50'::money",
	"'(1,2),(3,4)'::box", "'<(1,2),3>'::circle", "'{1,2,3}'::line", "'[(1,2),(3,4)]'::lseg", "'((1,2),(3,4))'::path", "'[(1,2),(3,4)]'::path", "'((1,2),(3,4),(5,6))'::polygon",
	"'16/B374D848'::pg_lsn", "'42'::xid8", "'42'::xid", "'42'::cid", "'1 2'::int2vector", "'1 2'::oidvector", "'now'::regproc", "'int4'::regtype", "'10:20:'::pg_snapshot",
	"'(,)'::int8range", "'(1.5,2]'::numrange", "'[2024-01-01 00:00,infinity]'::tsrange", "'[2024-01-01 00:00+00,)'::tstzrange", "'empty'::daterange",
	"'{}'::int4multirange", "'{[1.5,2)}'::nummultirange", "'{[2024-01-01,2024-02-01)}'::datemultirange", "'{[2024-01-01 00:00+00,)}'::tstzmultirange", "'{(,)}'::int8multirange",
	"NULL::bool", "NULL::int2", "NULL::int8", "NULL::float4", "NULL::float8", "NULL::numeric", "NULL::varchar", "NULL::bytea", "NULL::date", "NULL::timestamp", "NULL::time", "NULL::interval",
	"NULL::json", "NULL::inet", "NULL::cidr", "NULL::macaddr", "NULL::varbit", "NULL::point", "NULL::box", "NULL::oid", "NULL::xml", "NULL::money", "NULL::int4range", "NULL::int4multirange",
	"NULL::text[]", "NULL::mood[]", "NULL::pair[]", "NULL::quantity", "NULL::digest", "NULL::span", "NULL::couple", "NULL::nest", "NULL::digits", "NULL::tsvector",

	"'{1,-2}'::int2[]", "'{3000000000,NULL}'::int8[]", "'{1.5,NaN}'::float4[]", "'{NaN,Infinity,NULL}'::float8[]", "'{1.50,NaN,NULL}'::numeric[]", `'{"\\x00","\\x",NULL}'::bytea[]`,
	"'{2024-02-29,infinity,NULL}'::date[]", "'{2024-02-29 12:00,-infinity}'::timestamp[]", "'{infinity,NULL}'::timestamptz[]", "'{12:00,24:00}'::time[]", "'{1 day,NULL}'::interval[]",
	`'{"{\"a\": 1}",NULL,"null"}'::json[]`, `'{"{\"a\": 1}",NULL,"null"}'::jsonb[]`, "'{10.0.0.1,::1,NULL}'::inet[]", "'{10.0.0.0/8}'::cidr[]", "'{08:00:2b:01:02:03}'::macaddr[]",
	"'{101,NULL}'::bit(3)[]", "'{1,10}'::varbit[]", `'{"(1,2)",NULL}'::point[]`, "'{a,NULL}'::name[]", "'{a,b}'::\"char\"[]", "'{ab,NULL}'::char(2)[]", "'{x,\"\"}'::varchar(3)[]",
	"'{6ba7b810-9dad-11d1-80b4-00c04fd430c8,NULL}'::uuid[]", "'{t,NULL}'::bool[]", "'{1,4294967295}'::oid[]", `'{"[1,5)",empty,NULL}'::int4range[]`, `'{"{[1,2)}"}'::int4multirange[]`,
	"'{{a,b},{c,NULL}}'::text[]", "'[0:1]={a,b}'::text[]", "'{{{1,2}},{{3,4}}}'::int4[]", "'{NULL}'::int4[]", "'{<a/>}'::xml[]", "'{12.50}'::money[]", "'{a b}'::tsvector[]", "ARRAY[ROW(1,'a')]",
	"'{sad,NULL}'::mood[]", "'{}'::mood[]", "'{7,NULL}'::quantity[]", "7::small", "'ok'::humor", "(1,'y')::pair::couple", "'{1,NULL}'::digits", "'[0.5,1)'::span::reach",
	"(NULL,NULL)::pair", "(1,'a \"b\" (c), d')::pair", "ARRAY[(1,'y')::pair, NULL]", "'{\"[0.5,1)\",NULL}'::span[]", "'{[0.5,1)}'::spanmulti", "'{}'::spanmulti", "ARRAY['{[0.5,1)}'::spanmulti]",
	"ROW(ROW(1,'y'),'ok',7,'{a,NULL}','2024-01-01 00:00+00')::nest", "ROW(NULL,NULL,NULL,NULL,NULL)::nest", "ARRAY[ROW(ROW(1,'y'),'ok',7,'{}',NULL)::nest]", "ROW(1,NULL,'{1,2}'::int4[])", "ROW()",
	"'a=>1, b=>NULL'::hstore", "''::hstore", "'Abc'::citext", "'{Abc,NULL}'::citext[]", "'1.a'::ltree",
}

func TestOracle(t *testing.T) {
	// All that these modes have between them: the formats that pgx asks for,
	// and text for everything.
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeSimpleProtocol} {
		for _, load := range []bool{true, false} {
			t.Run(fmt.Sprintf("%v/loaded=%t", mode, load), func(t *testing.T) {
				t.Parallel()
				conn := connect(t, mode, load)
				for _, value := range values {
					rows, err := conn.Query(t.Context(), "SELECT "+value+" AS v")
					if err != nil {
						t.Fatal(err)
					}
					rec, err := replay.Record(rows, 0)
					if err != nil {
						t.Fatalf("%s: %v", value, err)
					}
					for _, check := range checks {
						if err := check(rec, conn.TypeMap()); err != nil {
							t.Errorf("%s %v", value, err)
						}
					}
				}
			})
		}
	}
}

// A wide has a column of each kind that a row may have.
type wide struct {
	ID        int64
	Quantity  int32
	Mood      mood
	Label     string
	Digest    []byte
	Pair      *xy
	Price     pgtype.Numeric
	Tags      []string
	Doc       document
	Raw       json.RawMessage
	Address   netip.Addr
	Key       uuid.UUID
	CreatedAt time.Time
	Day       time.Time
	Nick      *string
	Score     *float64
	Deleted   sql.NullTime
}

const selectWide = `SELECT i AS id, i::quantity AS quantity, (ARRAY['sad','ok','happy']::mood[])[1 + i % 3] AS mood, ('l' || i)::label AS label,
	decode(md5(i::text), 'hex')::digest AS digest, CASE WHEN i % 2 = 0 THEN (i, 'y' || i)::pair END AS pair, i / 7.0 AS price,
	ARRAY['t' || i, ''] AS tags, jsonb_build_object('a', i, 'b', ARRAY['x']) AS doc, json_build_object('i', i) AS raw,
	('10.0.0.' || i % 256)::inet AS address, md5(i::text)::uuid AS key, '2024-01-01 12:00+00'::timestamptz + i * '61.5 min'::interval AS created_at,
	'2024-01-01'::date + i::int AS day, CASE WHEN i % 3 > 0 THEN 'n' || i END AS nick, CASE WHEN i % 5 > 0 THEN i / 3.0::float8 END AS score,
	CASE WHEN i % 7 = 0 THEN '2024-01-01'::timestamptz END AS deleted
FROM generate_series(1, 500) i`

func TestWideRows(t *testing.T) {
	d, err := rowscan.New[wide]()
	if err != nil {
		t.Fatal(err)
	}
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol} {
		conn := connect(t, mode, true)
		rows, err := conn.Query(t.Context(), selectWide)
		if err != nil {
			t.Fatal(err)
		}
		want, err := pgx.CollectRows(rows, pgx.RowToStructByName[wide])
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if rows, err = conn.Query(t.Context(), selectWide); err != nil {
				t.Fatal(err)
			}
			got, err := d.All(rows, 0)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%v: rows differ", mode)
			}
		}
	}
}
