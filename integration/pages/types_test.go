package pages_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/pgtest"
)

// keyTypes are the orderable types, with values that are easily rounded, lost
// or misread in a cursor.
var keyTypes = []struct {
	typ    string
	values []string
}{
	{"boolean", []string{"true", "false"}},
	{"smallint", []string{"-32768", "0", "32767"}},
	{"integer", []string{"-2147483648", "-1", "2147483647"}},
	{"bigint", []string{"-9223372036854775808", "9007199254740993", "9007199254740992", "9223372036854775807"}},
	{"numeric", []string{"NaN", "Infinity", "-Infinity", "0", "-0.00000000000000000000000000001", "1.10", "1e40",
		"12345678901234567890123456789.123456789", "0.0001", "10000", "100000000.00001"}},
	{"numeric(10,2)", []string{"1.10", "-99999999.99", "0.01"}},
	{"real", []string{"NaN", "Infinity", "-Infinity", "0.1", "16777217", "1e-45", "3.4028235e38"}},
	{"double precision", []string{"NaN", "Infinity", "-Infinity", "0.1", "0.30000000000000004", "5e-324",
		"1.7976931348623157e308", "9007199254740993"}},
	{"money", []string{"-1.50", "0", "12345678.91"}},
	{"text", []string{"", " ", "a", "A", "ä", "z", "\U0001F600", "a\nb", `back\slash`, `"quoted"`, "NULL", "it''s"}},
	{`text COLLATE "C"`, []string{"a", "A", "ä", "Z"}},
	{"varchar(5)", []string{"", "a", "abcde"}},
	{"char(5)", []string{"", "a", "abcde"}},
	{"name", []string{"", "a", "Z"}},
	{`"char"`, []string{"", "a", "Z", "~"}},
	{"bytea", []string{"", `\x00`, `\x00ff`, `\xff`, `\x5c`}},
	{"date", []string{"infinity", "-infinity", "4714-11-24 BC", "0001-12-31 BC", "0001-01-01", "1999-12-31", "5874897-12-31"}},
	{"time", []string{"00:00", "23:59:59.999999", "24:00"}},
	{"timetz", []string{"00:00+15:59:59", "12:00-03:30", "12:00+00", "24:00-15:59:59"}},
	{"timestamp", []string{"infinity", "-infinity", "4714-11-24 00:00 BC", "1999-12-31 23:59:59.999999",
		"2000-01-01 00:00:00.000001", "294276-12-31 23:59:59.999999"}},
	{"timestamptz", []string{"infinity", "-infinity", "4714-11-24 00:00+00 BC", "1999-12-31 23:59:59.999999+00",
		"2000-01-01 00:00:00.000001+00", "294276-12-31 23:59:59.999999+00"}},
	{"interval", []string{"0", "-1 mon +2 days -3:00", "1 us", "-1 us", "178000000 years", "-178000000 years", "-1 mon -1 day"}},
	{"uuid", []string{"00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
		"00112233-4455-6677-8899-aabbccddeeff"}},
	{"inet", []string{"192.0.2.1", "192.0.2.1/24", "::1", "2001:db8::/32", "::ffff:192.0.2.1", "0.0.0.0/0"}},
	{"cidr", []string{"192.0.2.0/24", "10.0.0.0/8", "2001:db8::/32"}},
	{"macaddr", []string{"08:00:2b:01:02:03", "ff:ff:ff:ff:ff:ff"}},
	{"macaddr8", []string{"08:00:2b:01:02:03:04:05", "ff:ff:ff:ff:ff:ff:ff:ff"}},
	{"bit(3)", []string{"000", "101", "111"}},
	{"varbit", []string{"", "1", "10", "101010101"}},
	{"oid", []string{"0", "1", "4294967295"}},
	{"oidvector", []string{"", "1", "1 2 4294967295"}},
	{"regproc", []string{"0", "now", "4294967295"}},
	{"regprocedure", []string{"0", "now()", "abs(numeric)"}},
	{"regoper", []string{"0", "||/"}},
	{"regoperator", []string{"0", "+(integer,integer)", "=(text,text)"}},
	{"regclass", []string{"0", "pg_class", "pg_index", "information_schema.tables", "4294967295"}},
	{"regtype", []string{"0", "integer", "double precision", "text[]"}},
	{"regconfig", []string{"0", "simple", "english"}},
	{"regdictionary", []string{"0", "simple"}},
	{"regnamespace", []string{"0", "pg_catalog", "public"}},
	{"regrole", []string{"0", "pg_monitor"}},
	{"regcollation", []string{"0", `"C"`, "ucs_basic"}},
	{"xid8", []string{"0", "18446744073709551615"}},
	{"pg_lsn", []string{"0/0", "16/B374D848", "FFFFFFFF/FFFFFFFF"}},
	{"tid", []string{"(0,1)", "(7,3)"}},
	{"jsonb", []string{`{}`, `[]`, `null`, `"a"`, `1.10`, `{"a": [1, "é"]}`, `true`}},
	{"tsvector", []string{"a:1 b:2", "c"}},
	{"tsquery", []string{"a", "a & b", "!c"}},
	{"mood", []string{"sad", "ok", "happy"}},
	{"positive", []string{"1", "2", "2147483647"}},
	{"pair", []string{`(1,a)`, `(1,)`, `(,)`, `(2,"a,b")`}},
	{"integer[]", []string{"{}", "{1,2}", "{1,NULL}", "{{1,2},{3,4}}", "[5:6]={1,2}"}},
	{"text[]", []string{"{}", `{"",NULL,"NULL"}`, `{"a\"b","c\\d"}`}},
	{"timestamptz[]", []string{"{infinity,-infinity}", `{"2000-01-01 00:00:00.000001+00"}`}},
	{"double precision[]", []string{"{NaN}", "{0.30000000000000004}"}},
	{"mood[]", []string{"{sad}", "{happy,sad}"}},
	{"int4range", []string{"empty", "(,)", "[1,5)", "[1,)"}},
	{"numrange", []string{"empty", "(1.10,2.5]", "[1.1,)"}},
	{"tstzrange", []string{"empty", `["2000-01-01 00:00:00.000001+00",infinity]`}},
	{"int4multirange", []string{"{}", "{[1,2),[5,9)}"}},
}

// A rowID reads only the column id, whatever the others are.
type rowID string

func (id *rowID) ScanRow(rows pgx.Rows) error {
	*id = rowID(rows.RawValues()[0])
	return nil
}

// TestTypes walks through the values of each type, one per page, under settings
// that change how the server writes values.
func TestTypes(t *testing.T) {
	t.Parallel()
	setup := []string{
		"CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')",
		"CREATE DOMAIN positive AS integer CHECK (value > 0)",
		"CREATE TYPE pair AS (n integer, s text)",
	}
	connString := pgtest.New(t)
	for _, tt := range []struct {
		name string
		opts db.Options
		mode pgx.QueryExecMode
		sets string
	}{
		{name: "binary", mode: pgx.QueryExecModeCacheStatement,
			sets: "SET DateStyle = 'SQL, DMY'; SET IntervalStyle = sql_standard; SET TimeZone = 'Asia/Kathmandu'; SET extra_float_digits = 0"},
		{name: "types registered", mode: pgx.QueryExecModeCacheStatement, opts: db.Options{Types: []string{"mood", "_mood", "positive", "pair"}}},
		{name: "exec", mode: pgx.QueryExecModeExec, sets: "SET DateStyle = 'ISO'"},
		{name: "simple protocol", mode: pgx.QueryExecModeSimpleProtocol, sets: "SET IntervalStyle = iso_8601"},
	} {
		for _, sql := range setup {
			if pg, err := db.Open(t.Context(), connString, nil); err != nil {
				t.Fatal(err)
			} else {
				_, err := pg.Exec(t.Context(), sql)
				pg.Close()
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		setup = nil
		t.Run(tt.name, func(t *testing.T) {
			pg, err := db.Open(t.Context(), connString, &tt.opts)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(pg.Close)
			conn, err := pg.Acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(conn.Release)
			if _, err := conn.Exec(t.Context(), tt.sets); err != nil {
				t.Fatal(err)
			}
			for i, kt := range keyTypes {
				t.Run(kt.typ, func(t *testing.T) {
					walkType(t, conn, fmt.Sprintf("keys_%d", i), kt.typ, kt.values, tt.mode)
				})
			}
		})
	}
}

func walkType(t *testing.T, conn db.Querier, table, typ string, values []string, mode pgx.QueryExecMode) {
	sql := "CREATE TEMP TABLE " + table + " (id text, k " + typ + "); INSERT INTO " + table + " VALUES ('0', NULL)"
	for i, v := range values {
		for _, copies := range []string{"a", "b"} {
			sql += ", ('" + copies + string(rune('A'+i)) + "', '" + v + "')"
		}
	}
	if _, err := conn.(db.Execer).Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
	for _, order := range []struct {
		sql  string
		keys []db.Order
	}{
		{"k, id", []db.Order{db.Asc("k"), db.Asc("id")}},
		{"k DESC NULLS LAST, id", []db.Order{db.Desc("k").NullsLast(), db.Asc("id")}},
	} {
		want, err := db.All[rowID](t.Context(), conn, db.SQL("SELECT id FROM "+table+" ORDER BY "+order.sql, mode))
		if err != nil {
			t.Fatal(err)
		}
		page := func(ctx context.Context, at db.Cursor) (db.Page[rowID], error) {
			return db.Paginate[rowID](ctx, conn, db.SQL("SELECT id, k FROM "+table, mode), db.Pager{Keys: order.keys}, at, 1)
		}
		if got := forward(t, page); !slices.Equal(got, want) {
			t.Errorf("forward by %s: got %v, want %v", order.sql, got, want)
		}
		if got := backward(t, page); !slices.Equal(got, want) {
			t.Errorf("backward by %s: got %v, want %v", order.sql, got, want)
		}
	}
}

// TestBytes walks through all values of the type "char", most of which are not
// valid text.
func TestBytes(t *testing.T) {
	t.Parallel()
	pg := open(t, `CREATE TABLE bytes AS SELECT i::"char" AS k FROM generate_series(-128, 127) i`)
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeExec} {
		for _, key := range []db.Order{db.Asc("k"), db.Desc("k")} {
			page := func(ctx context.Context, at db.Cursor) (db.Page[rowBytes], error) {
				return db.Paginate[rowBytes](ctx, pg, db.SQL("SELECT k FROM bytes", mode), db.Pager{Keys: []db.Order{key}}, at, 7)
			}
			for direction, rows := range map[string][]rowBytes{"forward": forward(t, page), "backward": backward(t, page)} {
				seen := make(map[rowBytes]bool)
				for _, row := range rows {
					seen[row] = true
				}
				if len(rows) != 256 || len(seen) != 256 {
					t.Errorf("%v, %s: %d rows, %d different ones, want 256", mode, direction, len(rows), len(seen))
				}
			}
		}
	}
}
