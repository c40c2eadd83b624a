package db_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/headrace/headrace/db"
)

// firstTwo scans a row itself.
type firstTwo struct{ text string }

func (f *firstTwo) ScanRow(rows pgx.Rows) error {
	values, err := rows.Values()
	f.text = fmt.Sprint(values)
	if len(values) == 1 {
		return errors.New("one column is too few")
	}
	return err
}

// A tally counts the values that it receives.
type tally int

func (c *tally) Scan(any) error { *c++; return nil }

// targets returns new targets for each scan of a row.
type targets func() []any

func to[A any]() targets     { return func() []any { return []any{new(A)} } }
func to2[A, B any]() targets { return func() []any { return []any{new(A), new(B)} } }
func second[B any]() targets { return func() []any { return []any{nil, new(B)} } }
func many[A any](n int) targets {
	return func() (all []any) {
		for range n {
			all = append(all, new(A))
		}
		return all
	}
}

// Cached plans of QueryRow are invisible: for any sequence of targets of one
// text, values and errors are pgx's.
func TestQueryRowIsPgxs(t *testing.T) {
	t.Parallel()
	pg := open(t, nil, "CREATE TYPE mood AS ENUM ('low', 'high')")
	into := []targets{
		to[int](), to[int16](), to[string](), to[*string](), to[bool](), to[float64](), to[[]byte](), to[any](), to[time.Time](),
		to[pgtype.Text](), to[pgtype.Numeric](), to[[]string](), to[[]int32](), to[map[string]any](), to[tally](), to[pgtype.DriverBytes](),
		to[firstTwo](), to2[int, string](), to2[tally, bool](), to2[tally, pgtype.DriverBytes](), second[string](), many[string](3), many[int](100), many[any](0),
	}
	var wide strings.Builder
	for i := range 100 {
		fmt.Fprintf(&wide, ", %d", i)
	}
	for _, values := range []string{
		"7", "70000::int8", "'x'::text", "'2024-02-29 12:34:56+00'::timestamptz", "'2024-02-29'::date", "1.50::numeric", "true", `'\xff'::bytea`, "'high'::mood",
		"'{a,b}'::text[]", "'{1,NULL}'::int4[]", `'{"a": 1}'::jsonb`, "NULL::int4", "NULL::text", "NULL::text[]", "7, 'x'", "1, true", "1, 2, 3", wide.String()[2:],
		"1 / (7 - 7)",
	} {
		for range 2 { // made, kept
			for i, targets := range into {
				if difference := unlikePgx(t, pg, "SELECT "+values, targets); difference != "" {
					t.Errorf("%.40s into target %d: %s", values, i, difference)
				}
			}
		}
	}
	if n := pg.Stat().AcquiredConns(); n != 0 {
		t.Errorf("%d connections are taken", n)
	}
}

// unlikePgx returns the difference between QueryRow of a handle and of its
// pool. pgx's result for a NULL of a type that does not fit is random; each of
// its results is accepted.
func unlikePgx(t *testing.T, pg *db.DB, sql string, into targets) (difference string) {
	got := into()
	err := pg.QueryRow(t.Context(), sql).Scan(got...)
	for range 50 {
		want := into()
		wantErr := pg.Pool().QueryRow(t.Context(), sql).Scan(want...)
		if fmt.Sprint(err) == fmt.Sprint(wantErr) && reflect.DeepEqual(got, want) {
			return ""
		}
		pg.Pool().Reset() // a connection stays with the answer that it has given once
		difference = fmt.Sprintf("\n got %v, %v\nwant %v, %v", got, err, want, wantErr)
	}
	return difference
}

// Types that the program registers on a connection take effect at once.
func TestQueryRowFollowsTypes(t *testing.T) {
	t.Parallel()
	plain := open(t, nil)
	pg, err := db.Open(t.Context(), plain.Pool().Config().ConnString()+"&pool_max_conns=1", nil)
	must(t)(nil, err)
	t.Cleanup(pg.Close)
	at := func() (at time.Time) {
		must(t)(nil, pg.QueryRow(t.Context(), "SELECT '2024-02-29 12:00+00'::timestamptz").Scan(&at))
		return at
	}
	at()
	for _, location := range []*time.Location{time.FixedZone("east", 3600), time.FixedZone("west", -3600)} {
		conn, err := pg.Acquire(t.Context())
		must(t)(nil, err)
		conn.Conn().TypeMap().RegisterType(&pgtype.Type{
			Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: &pgtype.TimestamptzCodec{ScanLocation: location},
		})
		conn.Release()
		if got := at(); got.Location() != location {
			t.Errorf("a time in %v, want %v", got.Location(), location)
		}
	}
}

// A row that cannot be scanned is counted as an error, and reported to the
// program's tracer.
func TestQueryRowReportsScanErrors(t *testing.T) {
	t.Parallel()
	pg := open(t, nil)
	const sql = "SELECT 'x'::text AS v"
	for range 2 {
		var n int
		err := pg.QueryRow(t.Context(), sql).Scan(&n)
		if arg, ok := errors.AsType[pgx.ScanArgError](err); !ok || arg.FieldName != "v" {
			t.Errorf("error %v, want a ScanArgError of v", err)
		}
	}
	for _, st := range pg.Stats().Statements {
		if st.Calls == 2 && st.Errors["client"] == 2 {
			return
		}
	}
	t.Errorf("two scans failed, and were counted as %+v", pg.Stats().Statements)
}

// The wait for a connection is not part of the statement's time, nor is the
// time before a program sends a statement on its connection.
func TestWaitsAreNotRunTime(t *testing.T) {
	t.Parallel()
	plain := open(t, nil)
	pg, err := db.Open(t.Context(), plain.Pool().Config().ConnString()+"&pool_max_conns=1", nil)
	must(t)(nil, err)
	t.Cleanup(pg.Close)
	const while = 300 * time.Millisecond
	conn, err := pg.Acquire(t.Context())
	must(t)(nil, err)
	time.AfterFunc(while, conn.Release)
	var n int
	must(t)(nil, pg.QueryRow(t.Context(), "SELECT 1 AS waits").Scan(&n))
	must(t)(pg.Exec(t.Context(), "SELECT 1 AS begins")) // whose time must not be the next one's
	conn, err = pg.Acquire(t.Context())
	must(t)(nil, err)
	time.Sleep(while)
	must(t)(conn.Exec(t.Context(), "SELECT 1 AS idles"))
	conn.Release()
	seen := 0
	for _, st := range pg.Stats().Statements {
		if strings.Contains(st.Text, " as ") {
			seen++
			if waits := strings.HasSuffix(st.Text, "waits"); st.Total >= while || (st.Wait >= while/2) != waits {
				t.Errorf("%s took %v after a wait of %v", st.Text, st.Total, st.Wait)
			}
		}
	}
	if seen != 3 {
		t.Errorf("%d statements of 3 are counted: %+v", seen, pg.Stats().Statements)
	}
}
