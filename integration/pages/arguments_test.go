package pages_test

import (
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/querycache"
)

// A cursor is bound to the sent argument: for every type but timestamptz pgx
// sends the wall clock of a time.Time, so that one instant in two zones is two
// arguments.
func TestCursorIsBoundToTheTimeThatIsSent(t *testing.T) {
	t.Parallel()
	pg := open(t, `CREATE TABLE ev (id int PRIMARY KEY, at timestamp, tz timestamptz, day date)`,
		`INSERT INTO ev SELECT g, t, t AT TIME ZONE 'UTC', t::date FROM generate_series(1, 100) g, LATERAL (SELECT timestamp '2026-03-01' + g * interval '1 hour') AS at(t)`)
	cache, err := querycache.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cache.Close)
	cached, err := cache.ReadThrough(pg, querycache.Policy{TTL: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	east := time.Date(2026, 3, 1, 3, 4, 5, 0, time.FixedZone("", 8*3600))
	for _, tt := range []struct {
		name  string
		where string
		arg   func(time.Time) any
		ok    bool
	}{
		{"timestamp", "at >= $1", oneTime, false},
		{"cast to timestamp", "tz >= $1::timestamp", oneTime, false},
		{"date", "day >= $1", oneTime, false},
		{"timestamps", "at <> ALL($1)", severalTimes, false},
		{"json", "at::text <> ($1::jsonb)->>0", severalTimes, false},
		{"timestamptz", "tz >= $1", oneTime, true},
		{"timestamptzs", "tz <> ALL($1)", severalTimes, true},
		{"unused beside timestamptz", "tz >= $1 AND $1::timestamptz IS NOT NULL", oneTime, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			stmt := db.MustCompile[int]("SELECT id FROM ev WHERE " + tt.where)
			p := db.Pager{Keys: []db.Order{db.Asc("id")}}
			for name, q := range map[string]db.Querier{"handle": pg, "pool": pg.Pool(), "cached": cached} {
				for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol} {
					first, err := stmt.Page(t.Context(), q, p, "", 5, mode, tt.arg(east))
					if err != nil {
						if mode != pgx.QueryExecModeCacheStatement {
							continue // pgx needs the type for some arguments
						}
						t.Fatal(name, mode, err)
					}
					if _, err := stmt.Page(t.Context(), q, p, first.Next, 5, mode, tt.arg(east)); err != nil {
						t.Errorf("%s, %v: the same argument: %v", name, mode, err)
					}
					_, err = stmt.Page(t.Context(), q, p, first.Next, 5, mode, tt.arg(east.UTC()))
					if tt.ok && err != nil || !tt.ok && !errors.Is(err, db.ErrBadCursor) {
						t.Errorf("%s, %v: the instant in another zone: %v, want it accepted: %t", name, mode, err, tt.ok)
					}
				}
			}
		})
	}
}

func oneTime(at time.Time) any      { return at }
func severalTimes(at time.Time) any { return []time.Time{at} }

// The parameter types are known on a transaction and a connection, but not on a
// Querier that does not lead to a connection.
func TestZonesOnAConnection(t *testing.T) {
	t.Parallel()
	pg := open(t, `CREATE TABLE ev AS SELECT g AS id, now() + g * interval '1 hour' AS at FROM generate_series(1, 100) g`)
	stmt := db.MustCompile[int]("SELECT id FROM ev WHERE at >= $1")
	p := db.Pager{Keys: []db.Order{db.Asc("id")}}
	from := time.Now().In(time.FixedZone("", 8*3600))
	first, err := stmt.Page(t.Context(), pg, p, "", 5, from)
	if err != nil {
		t.Fatal(err)
	}
	err = pg.InTx(t.Context(), db.TxOptions{}, func(tx pgx.Tx) error {
		_, err := stmt.Page(t.Context(), tx, p, first.Next, 5, from.UTC())
		return err
	})
	if err != nil {
		t.Errorf("in a transaction: %v", err)
	}
	_, err = stmt.Page(t.Context(), struct{ db.Querier }{pg}, p, first.Next, 5, from.UTC())
	if !errors.Is(err, db.ErrBadCursor) {
		t.Errorf("by a Querier without connection: %v, want ErrBadCursor", err)
	}
}

type level int

func (l level) String() string { return [...]string{"low", "high"}[l] }

type rank int

func (r rank) String() string { return [...]string{"third", "first"}[r] }

// Values that pgx sends as different texts are different arguments, whatever
// they contain in memory.
func TestCursorIsBoundToTheTextThatIsSent(t *testing.T) {
	t.Parallel()
	connString := pgtest.New(t)
	pg, err := db.Open(t.Context(), connString, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pg.Close)
	stmt := db.MustCompile[int]("SELECT id FROM generate_series(1, 100) id WHERE id::text <> $1::jsonb::text")
	texts := db.MustCompile[int]("SELECT id FROM generate_series(1, 100) id WHERE id::text <> $1::text")
	p := db.Pager{Keys: []db.Order{db.Asc("id")}}
	for _, tt := range []struct {
		stmt       *db.Stmt[int]
		one, other any
	}{
		{texts, level(1), rank(1)},
		{texts, []level{1}[0], 1},
		{stmt, struct{ A int }{1}, struct{ B int }{1}},
		{stmt, struct {
			A int `json:"a"`
		}{1}, struct{ A int }{1}},
	} {
		first, err := tt.stmt.Page(t.Context(), pg, p, "", 5, tt.one)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tt.stmt.Page(t.Context(), pg, p, first.Next, 5, tt.one); err != nil {
			t.Errorf("%#v again: %v", tt.one, err)
		}
		if _, err := tt.stmt.Page(t.Context(), pg, p, first.Next, 5, tt.other); !errors.Is(err, db.ErrBadCursor) {
			t.Errorf("%#v after %#v: %v, want ErrBadCursor", tt.other, tt.one, err)
		}
	}
}
