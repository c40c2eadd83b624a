package querycache_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/pgtest"
)

type point struct {
	X int
	Y string
}

type segment struct {
	A point
	M string
}

// Recorded rows decode element and field types, on misses and hits, whether or
// not pgx registers these types itself.
func TestRecordedRowsKnowNestedTypes(t *testing.T) {
	t.Parallel()
	b := following(t, minute)
	for _, sql := range []string{
		"CREATE TYPE mood AS ENUM ('sad', 'glad')",
		"CREATE TYPE p AS (x int, y text)",
		"CREATE TYPE seg AS (a p, m mood)",
		"CREATE TYPE moods AS RANGE (subtype = mood)",
		`CREATE TABLE c AS SELECT ARRAY[(1, 'a')::p, (2, 'b')::p] AS ps, ROW((1, 'a')::p, 'sad')::seg AS s, ARRAY[ROW((3, 'c')::p, 'glad')::seg] AS ss,
			moods('sad', 'glad', '[]') AS r, ARRAY['glad', 'sad']::mood[] AS ms`,
	} {
		b.exec(b.pg, sql)
	}
	pg := pgtest.Open(t, b.pg.Pool().Config().ConnString(), &db.Options{Types: []string{"_p", "seg", "moods"}})
	reads, err := b.cache.ReadThrough(pg, minute)
	if err != nil {
		t.Fatal(err)
	}
	for round := range 3 {
		var ps []point
		if err := reads.QueryRow(t.Context(), "SELECT ps FROM c").Scan(&ps); err != nil || !slices.Equal(ps, []point{{1, "a"}, {2, "b"}}) {
			t.Errorf("read %d: %v, %v", round, ps, err)
		}
		var s segment
		if err := reads.QueryRow(t.Context(), "SELECT s FROM c").Scan(&s); err != nil || s != (segment{point{1, "a"}, "sad"}) {
			t.Errorf("read %d: %v, %v", round, s, err)
		}
		var ss []segment
		if err := reads.QueryRow(t.Context(), "SELECT ss FROM c").Scan(&ss); err != nil || !slices.Equal(ss, []segment{{point{3, "c"}, "glad"}}) {
			t.Errorf("read %d: %v, %v", round, ss, err)
		}
		var r pgtype.Range[string]
		if err := reads.QueryRow(t.Context(), "SELECT r FROM c").Scan(&r); err != nil || r.Lower != "sad" || r.Upper != "glad" {
			t.Errorf("read %d: %v, %v", round, r, err)
		}
		var ms []string
		if err := reads.QueryRow(t.Context(), "SELECT ms FROM c").Scan(&ms); err != nil || !slices.Equal(ms, []string{"glad", "sad"}) {
			t.Errorf("read %d: %v, %v", round, ms, err)
		}
	}
}

// Elements of arrays are decoded by the connection's codec for their type.
func TestRecordedArraysFollowElements(t *testing.T) {
	t.Parallel()
	b := following(t, minute)
	zone := time.FixedZone("there", -3*3600)
	cfg, err := pgxpool.ParseConfig(b.pg.Pool().Config().ConnString())
	if err != nil {
		t.Fatal(err)
	}
	cfg.AfterConnect = func(_ context.Context, conn *pgx.Conn) error {
		conn.TypeMap().RegisterType(&pgtype.Type{Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: &pgtype.TimestamptzCodec{ScanLocation: zone}})
		return nil
	}
	pg, err := db.OpenConfig(t.Context(), cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pg.Close)
	reads, err := b.cache.ReadThrough(pg, minute)
	if err != nil {
		t.Fatal(err)
	}
	const sql = "SELECT ARRAY[timestamptz '2026-03-01 12:00:00Z']"
	for _, q := range []interface {
		db.Querier
		QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	}{pg, reads} {
		for range 3 {
			var times []time.Time
			if err := q.QueryRow(t.Context(), sql).Scan(&times); err != nil || len(times) != 1 || times[0].Location() != zone {
				t.Errorf("%T: %v, %v, want a time there", q, times, err)
			}
			times, err := db.One[[]time.Time](t.Context(), q, db.SQL(sql))
			if err != nil || len(times) != 1 || times[0].Location() != zone {
				t.Errorf("%T: %v, %v, want a time there", q, times, err)
			}
		}
	}
}

// A reader cannot change the bytes in the cache.
func TestDriverBytesAreNotTheCaches(t *testing.T) {
	t.Parallel()
	b := following(t, minute)
	const sql = `SELECT '\x010203'::bytea`
	for range 3 {
		var bytes pgtype.DriverBytes
		if err := b.reads.QueryRow(t.Context(), sql).Scan(&bytes); err == nil {
			t.Errorf("QueryRow was scanned into DriverBytes: %v", bytes)
		}
		rows, err := b.reads.Query(t.Context(), sql)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			if err := rows.Scan(&bytes); err != nil || !slices.Equal(bytes, []byte{1, 2, 3}) {
				t.Errorf("%v, %v", bytes, err)
			}
			bytes[0] = 9
		}
		if err := rows.Err(); err != nil {
			t.Error(err)
		}
		pointer := &pgtype.DriverBytes{}
		if err := b.reads.QueryRow(t.Context(), sql).Scan(&pointer); err == nil {
			if !slices.Equal(*pointer, []byte{1, 2, 3}) {
				t.Errorf("%v by a pointer", *pointer)
			}
			(*pointer)[1] = 9
		}
		var list [][]byte
		if err := b.reads.QueryRow(t.Context(), `SELECT ARRAY['\x010203'::bytea]`).Scan(&list); err != nil || !slices.Equal(list[0], []byte{1, 2, 3}) {
			t.Errorf("%v, %v", list, err)
		} else {
			list[0][0] = 9
		}
	}
}
