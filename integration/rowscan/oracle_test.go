// Package rowscan_test holds the decoders of internal/rowscan to pgx on what real servers send.
package rowscan_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"reflect"
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

// schema has the kinds of types that a program makes.
const schema = `
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN quantity AS int4 CHECK (VALUE >= 0);
CREATE DOMAIN label AS text;
CREATE DOMAIN digest AS bytea;
CREATE TYPE pair AS (x int4, y text);
CREATE TYPE span AS RANGE (subtype = float8);
`

var programsTypes = []string{"mood", "_mood", "quantity", "label", "digest", "pair", "_pair", "span"}

// connect returns a connection in an execution mode to a database with the schema, with the types loaded or not.
func connect(t *testing.T, mode pgx.QueryExecMode, load bool) *pgx.Conn {
	t.Helper()
	url := pgtest.NewFrom(t, "rowscan", func(ctx context.Context, url string) error {
		conn, err := pgx.Connect(ctx, url)
		if err != nil {
			return err
		}
		defer conn.Close(ctx)
		_, err = conn.Exec(ctx, schema)
		return err
	})
	config, err := pgx.ParseConfig(url)
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

// A check reads a recorded value into one Go type by a Decoder and by pgx, and reports where they differ.
type check func(rec *replay.Recording, typeMap *pgtype.Map) error

func into[T any]() check { return by(pgx.RowTo[T]) }

// by compares with one of pgx's ways of reading a row.
func by[T any](oracle pgx.RowToFunc[T]) check {
	return func(rec *replay.Recording, typeMap *pgtype.Map) error {
		if isGuess[T](rec, typeMap) {
			return nil
		}
		want, wantErr := pgx.CollectOneRow(rec.Rows(typeMap), oracle)
		d, err := rowscan.For[T]()
		if err != nil {
			return err
		}
		got, err := d.One(rec.Rows(typeMap))
		if (err == nil) != (wantErr == nil) || err == nil && !reflect.DeepEqual(got, want) && fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", want) {
			return fmt.Errorf("into %T:\n got %#v, %v\nwant %#v, %v", got, got, err, want, wantErr)
		}
		return nil
	}
}

// isGuess reports whether the value is a NULL of a type that pgx cannot scan into T: it then tries the plans of all types,
// in random order.
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

var checks = []check{
	into[bool](), into[int](), into[int16](), into[int32](), into[int64](), into[uint32](), into[float32](), into[float64](),
	into[string](), into[*string](), into[[]byte](), into[*int64](), into[*time.Time](), into[time.Time](), into[time.Duration](),
	into[[16]byte](), into[uuid.UUID](), into[*uuid.UUID](), into[pgtype.UUID](), into[mood](), into[*mood](), into[[]mood](),
	into[any](), into[json.RawMessage](), by(pgx.RowToMap), into[pgtype.Numeric](), into[pgtype.Text](), into[pgtype.Int8](),
	into[pgtype.Timestamptz](), into[pgtype.Timestamp](), into[pgtype.Date](), into[pgtype.Interval](), into[sql.NullString](),
	into[sql.NullInt64](), into[sql.NullTime](), into[netip.Addr](), into[netip.Prefix](), into[net.IPNet](), into[*xy](), into[[]*xy](),
	into[[]string](), into[[]int32](), into[[]int64](), into[[]float64](), into[[]bool](), into[[]time.Time](), into[[][]int32](),
	into[[]*int32](), into[[]uuid.UUID](), into[pgtype.Range[pgtype.Int4]](), into[pgtype.Range[pgtype.Float8]](), into[pgtype.Bits](),
	into[pgtype.Point](), into[pgtype.TID](), into[pgtype.Time](),
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
}

func TestOracle(t *testing.T) {
	for _, mode := range []pgx.QueryExecMode{
		pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol,
	} {
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

// A wide has a column of each kind that one row of a program may have.
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
