package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/internal/catalog"
	"github.com/headrace/headrace/internal/sqltext"
)

// asRole switches conn to a role with only the given privileges.
func asRole(t *testing.T, conn *pgx.Conn, grants string) {
	t.Helper()
	var database string
	if err := conn.QueryRow(t.Context(), "SELECT current_database()").Scan(&database); err != nil {
		t.Fatal(err)
	}
	role := "reader_of_" + database
	pgtest.Exec(t, conn, fmt.Sprintf(`CREATE ROLE %q; REVOKE TEMP ON DATABASE %q FROM PUBLIC`, role, database))
	t.Cleanup(func() {
		ctx := context.Background()
		if _, err := conn.Exec(ctx, fmt.Sprintf(`RESET ROLE; DROP OWNED BY %q; DROP ROLE %[1]q`, role)); err != nil {
			t.Errorf("drop role: %v", err)
		}
	})
	pgtest.Exec(t, conn, strings.NewReplacer("ROLE", fmt.Sprintf("%q", role), "DATABASE", fmt.Sprintf("DATABASE %q", database)).Replace(grants))
	pgtest.Exec(t, conn, fmt.Sprintf("SET ROLE %q", role))
}

// TestOrdinaryUser: SELECT on a table and TEMP on the database are enough.
func TestOrdinaryUser(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	asRole(t, conn, `GRANT SELECT ON old_city_name, plain, account TO ROLE; GRANT TEMP ON DATABASE TO ROLE`)
	e := examine(t, conn, `SELECT o.* FROM old_city_name o, plain WHERE plain.id = $1`)
	if got := names(e.Reads); got != "city country plain" || !e.Cacheable {
		t.Errorf("reads %q, cacheable is %v: %s", got, e.Cacheable, refusals(e))
	}
	if e := examine(t, conn, `SELECT * FROM account`); names(e.Reads) != "account member" {
		t.Errorf("under row security reads %q", names(e.Reads))
	}
}

// unprobed are statements that the server cannot parse as a function's body.
// Their reads are known if their names show everything.
func unprobed(t *testing.T, conn *pgx.Conn, reason string) {
	t.Helper()
	for _, c := range []struct {
		sql, reads, writes string
		readOnly           bool
	}{
		{`SELECT name FROM city WHERE id = $1`, "city", "", true},
		{`SELECT id, note FROM public.plain p WHERE p.note LIKE 'a%' AND id IN (1, 2) ORDER BY id DESC LIMIT 5`, "plain", "", true},
		{`SELECT * FROM old_city_name`, "city country", "", true},
		{`SELECT lower(name), count(*) FROM city GROUP BY 1`, "city", "", true},
		{`SELECT * FROM busy`, "city country", "", true},
		{`SELECT note FROM plain WHERE id = ANY ($1::bigint[])`, "plain", "", true},
		{`SELECT id FROM city WHERE founded > '2020-01-01' AND founded < $1::timestamptz`, "city", "", true},
		{`SELECT id FROM city WHERE founded > timestamptz '2020-01-01' - interval '1 day'`, "city", "", true},
		{`WITH c AS (SELECT id FROM city) SELECT count(*) FROM c JOIN plain USING (id)`, "city plain", "", true},
		{`SELECT mood FROM tempered WHERE mood = 'sad'`, "tempered", "", true},
		{`SELECT jsonb_agg(to_jsonb(p)) FROM plain p`, "plain", "", true},

		{`SELECT id FROM city WHERE founded > 'today'`, unknown, "", true},
		{`SELECT id FROM city WHERE founded > $1::text::date`, unknown, "", true},
		{`SELECT $1::text, $1::date FROM city`, unknown, "", true},
		{`SELECT note::date FROM plain`, unknown, "", true},
		{`SELECT date(note) FROM plain`, unknown, "", true},
		{`SELECT (note).date FROM plain`, unknown, "", true},
		{`SELECT CAST(note AS int) FROM plain`, unknown, "", true},
		{`SELECT event '(1,today)' FROM plain`, unknown, "", true},
		{`SELECT 'sad'::"mood" FROM plain`, unknown, "", true},
		{`SELECT id::regclass FROM plain`, unknown, "", true},
		{`SELECT xmin FROM plain`, unknown, "", true},
		{`SELECT "ctid" FROM plain`, unknown, "", true},
		{`SELECT current_date, id FROM plain`, unknown, "", true},
		{`SELECT current_user, id FROM plain`, unknown, "", true},
		{`SELECT now(), id FROM plain`, unknown, "", true},
		{`SELECT born FROM person`, unknown, "", true},
		{`SELECT * FROM json_to_recordset('[]') AS r(at date)`, unknown, "", true},
		{`SELECT id FROM plain TABLESAMPLE system (10)`, unknown, "", false},
		{`SELECT to_tsvector('english', note) FROM plain`, unknown, "", true},
		{`SELECT E'\\x6eow' FROM plain`, unknown, "", true},
		{`SELECT hidden(name) FROM city`, unknown, "", false},
		{`SELECT random() FROM city`, unknown, "", false},

		{`SELECT * FROM drawn`, "plain", "", false},
		{`SELECT * FROM obscure`, "city country", "", false},
		{`SELECT * FROM city FOR UPDATE`, "city", "", false},
		{`INSERT INTO plain VALUES (1)`, "", "plain", false},
		{`DELETE FROM country`, "", "city country street", false},
		{`UPDATE watched SET note = ''`, "", "audit watched", false},
		{`WITH gone AS (DELETE FROM plain RETURNING *) SELECT * FROM gone`, "", "plain", false},
		{`TRUNCATE country CASCADE`, "", "city country house street", false},
		{`CALL something()`, "", unknown, false},
	} {
		e := examine(t, conn, c.sql)
		if got := names(e.Writes); e.WritesKnown != (c.writes != unknown) || e.WritesKnown && got != c.writes {
			t.Errorf("%s: writes %q, known %v, want %q: %s", c.sql, got, e.WritesKnown, c.writes, refusals(e))
		}
		if e.ReadOnly != c.readOnly {
			t.Errorf("%s: ReadOnly is %v: %s", c.sql, e.ReadOnly, refusals(e))
		}
		if !strings.HasPrefix(c.sql, "SELECT") {
			continue
		}
		if got := names(e.Reads); e.ReadsKnown != (c.reads != unknown) || e.ReadsKnown && got != c.reads {
			t.Errorf("%s: reads %q, known %v, want %q", c.sql, got, e.ReadsKnown, c.reads)
		}
		if known := c.reads != unknown; e.Cacheable != (known && c.readOnly) || known == strings.Contains(refusals(e), reason) {
			t.Errorf("%s: cacheable is %v, refused as %q", c.sql, e.Cacheable, refusals(e))
		}
	}
}

// TestNoTemp: without the right TEMP, a statement is known as far as its text
// shows.
func TestNoTemp(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	pgtest.Exec(t, conn, `DROP OPERATOR === (text, text); DROP DOMAIN country_code; CREATE TABLE tempered (mood mood)`)
	asRole(t, conn, `GRANT SELECT ON ALL TABLES IN SCHEMA public TO ROLE`)
	unprobed(t, conn, "the role has no right TEMP on the database")
}

// TestNoTempOperators: if only the text is available, each user-defined
// operator with a name in it counts, and so do those of operator classes, and
// all casts and domains.
func TestNoTempOperators(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	pgtest.Exec(t, conn, `
DROP OPERATOR === (text, text); DROP DOMAIN country_code;
CREATE FUNCTION made_up(a text, b text) RETURNS bool LANGUAGE plpgsql AS 'BEGIN EXECUTE a; RETURN true; END';
CREATE FUNCTION made_up(a event, b event) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS 'BEGIN EXECUTE ''x''; RETURN true; END';
CREATE OPERATOR === (LEFTARG = text, RIGHTARG = text, FUNCTION = made_up);`)
	asRole(t, conn, `GRANT SELECT ON ALL TABLES IN SCHEMA public TO ROLE`)
	check := func(sql string, known bool) {
		t.Helper()
		if e := examine(t, conn, sql); e.WritesKnown != known || e.ReadOnly != known {
			t.Errorf("%s: WritesKnown is %v, ReadOnly is %v, want %v", sql, e.WritesKnown, e.ReadOnly, known)
		}
	}
	check(`SELECT name FROM city`, true)
	check(`SELECT name FROM city WHERE name === 'x'`, false)
	pgtest.Exec(t, conn, `RESET ROLE;
CREATE OPERATOR =# (LEFTARG = event, RIGHTARG = event, FUNCTION = made_up);
CREATE OPERATOR CLASS event_ops DEFAULT FOR TYPE event USING hash AS OPERATOR 1 =#`)
	if got, known := byNames(t, conn, `SELECT DISTINCT at FROM person`, catalog.PathScope); known {
		t.Errorf("the operator of a class: names tell %q", got)
	}
}

// TestStandby: as without TEMP.
func TestStandby(t *testing.T) {
	t.Parallel()
	server := pgtest.Private(t, nil)
	conn := pgtest.Connect(t, server.ConnString())
	pgtest.Exec(t, conn, schema)
	pgtest.Exec(t, conn, `DROP OPERATOR === (text, text); DROP DOMAIN country_code; CREATE TABLE tempered (mood mood); CHECKPOINT`)
	var directory string
	if err := conn.QueryRow(t.Context(), "SHOW data_directory").Scan(&directory); err != nil {
		t.Fatal(err)
	}
	pgtest.Exec(t, conn, `COPY (SELECT 'standby') TO '`+directory+`/standby.signal'`)
	conn.Close(t.Context())
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	conn = pgtest.Connect(t, server.ConnString())
	unprobed(t, conn, "the server is a standby")
}

// TestReadOnlyByDefault: default_transaction_read_only does not prevent an
// examination.
func TestReadOnlyByDefault(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	pgtest.Exec(t, conn, `SET default_transaction_read_only = on`)
	if e := examine(t, conn, `SELECT * FROM old_city`); !e.Cacheable || names(e.Reads) != "city" {
		t.Errorf("reads %q, refused as %s", names(e.Reads), refusals(e))
	}
}

// TestTemporaryTables: the connection's own temporary tables are recognized;
// those of other sessions are invisible.
func TestTemporaryTables(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	pgtest.Exec(t, conn, `CREATE TEMP TABLE plain (id int); CREATE TEMP TABLE pg_class (oid oid); CREATE TEMP TABLE pg_proc (oid oid)`)
	e := examine(t, conn, `SELECT * FROM plain`)
	if len(e.Reads) != 1 || e.Reads[0].Persistence != catalog.Temporary || e.Refusal().Reason != catalog.TemporaryTable || e.ReadOnly {
		t.Errorf("reads %v, refused as %s", e.Reads, refusals(e))
	}
	if e := examine(t, conn, `SELECT * FROM public.plain`); names(e.Reads) != "plain" || !e.Cacheable {
		t.Errorf("reads %q, refused as %s", names(e.Reads), refusals(e))
	}
	if e := examine(t, conn, `DELETE FROM plain`); len(e.Writes) != 1 || e.Writes[0].Persistence != catalog.Temporary {
		t.Errorf("writes %v", e.Writes)
	}
	if e := examine(t, conn, `CREATE TEMPORARY TABLE x (id int)`); !e.Temporary || e.DDL {
		t.Errorf("temporary is %v, DDL is %v", e.Temporary, e.DDL)
	}
	if e := examine(t, conn, `CREATE TABLE x (id int)`); e.Temporary || !e.DDL {
		t.Errorf("temporary is %v, DDL is %v", e.Temporary, e.DDL)
	}
}

// TestManyParameters: a function may have 100 parameters, a statement more.
func TestManyParameters(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	for _, n := range []int{100, 101, 3000} {
		var params strings.Builder
		for i := 2; i <= n; i++ {
			fmt.Fprintf(&params, ", $%d", i)
		}
		e := examine(t, conn, `SELECT 'a$1', "name" /* $2 */ FROM city WHERE founded > $1 AND id IN (0`+params.String()+`)`)
		if names(e.Reads) != "city" || !e.Cacheable || len(e.ParamTypes) != n {
			t.Errorf("%d parameters: reads %q, types of %d, %s", n, names(e.Reads), len(e.ParamTypes), refusals(e))
		}
	}
	if e := examine(t, conn, `SELECT $1::date, $2 || name FROM city`); fmt.Sprint(e.ParamTypes) != "[1082 25]" {
		t.Errorf("parameter types %v", e.ParamTypes)
	}
}

// TestLockedRelation: Examine must not wait for a transaction that may be
// waiting for Examine.
func TestLockedRelation(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	other := pgtest.Connect(t, conn.Config().ConnString())
	pgtest.Exec(t, other, `BEGIN; LOCK plain IN ACCESS EXCLUSIVE MODE`)
	for _, sql := range []string{`SELECT * FROM plain`, `DELETE FROM plain`, `TRUNCATE plain`} {
		start := time.Now()
		_, err := catalog.Examine(t.Context(), conn, sqltext.Analyze(sql))
		if sql != `TRUNCATE plain` && !errors.Is(err, catalog.ErrLocked) {
			t.Errorf("%s: %v", sql, err)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%s: waited %v", sql, took)
		}
		if conn.PgConn().TxStatus() != 'I' {
			t.Fatalf("%s: left in a transaction", sql)
		}
	}
	pgtest.Exec(t, other, `ROLLBACK`)
	examine(t, conn, `SELECT * FROM plain`)
}

// TestMistakes: errors are the server's, and leave the connection usable.
func TestMistakes(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	for sql, code := range map[string]string{
		`SELECT FROM WHERE`:                    "42601",
		`SELECT * FROM nowhere`:                "42P01",
		`SELECT nothing FROM plain`:            "42703",
		`SELECT $2::int`:                       "42P18",
		`TRUNCATE nowhere`:                     "42P01",
		`SELECT 1; END; DELETE FROM plain; --`: "",
		`SELECT 1 /* open`:                     "",
		``:                                     "",
	} {
		e, err := catalog.Examine(t.Context(), conn, sqltext.Analyze(sql))
		pgErr, _ := errors.AsType[*pgconn.PgError](err)
		if code != "" && (pgErr == nil || pgErr.Code != code) {
			t.Errorf("%q: %v, want %s", sql, err, code)
		}
		if code == "" && (err != nil || e.Cacheable || e.ReadOnly) {
			t.Errorf("%q: %v, cacheable is %v", sql, err, e.Cacheable)
		}
		if conn.PgConn().TxStatus() != 'I' {
			t.Fatalf("%q: left in a transaction", sql)
		}
	}
	pgtest.Exec(t, conn, `BEGIN`)
	if _, err := catalog.Examine(t.Context(), conn, sqltext.Analyze(`SELECT 1`)); err == nil {
		t.Error("examined inside a transaction")
	}
	pgtest.Exec(t, conn, `ROLLBACK`)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := catalog.Examine(ctx, conn, sqltext.Analyze(`SELECT 1`)); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that has ended: %v", err)
	}
}

// TestEventTrigger: if an event trigger forbids DDL, the server's parser cannot
// be used.
func TestEventTrigger(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	pgtest.Exec(t, conn, `
CREATE FUNCTION forbid() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'no DDL here'; END$$;
CREATE EVENT TRIGGER forbid ON ddl_command_start EXECUTE FUNCTION forbid();`)
	e := examine(t, conn, `SELECT note::date FROM plain`)
	if e.ReadsKnown || e.Cacheable || !strings.Contains(refusals(e), "no DDL here") {
		t.Errorf("reads known is %v, %s", e.ReadsKnown, refusals(e))
	}
}

// TestNothingStays: an examination leaves no object, lock or setting.
func TestNothingStays(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	const left = `
SELECT (SELECT count(*) FROM pg_proc WHERE pronamespace = pg_my_temp_schema())
	+ (SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation' AND relation >= 16384),
	current_setting('lock_timeout') || current_setting('check_function_bodies') || current_setting('search_path')
	|| current_setting('transaction_isolation')`
	for _, sql := range []string{`SELECT * FROM old_city`, `DELETE FROM country`, `SELECT * FROM nowhere`, `TRUNCATE plain`} {
		_, _ = catalog.Examine(t.Context(), conn, sqltext.Analyze(sql))
		var n int
		var settings string
		if err := conn.QueryRow(t.Context(), left).Scan(&n, &settings); err != nil {
			t.Fatal(err)
		}
		if n != 0 || settings != `0on"$user", publicread committed` {
			t.Errorf("after %s: %d objects and locks, settings %s", sql, n, settings)
		}
	}
}
