package db_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/faultproxy"
	"github.com/headrace/headrace/integration/pgtest"
)

var checkSchema = []string{
	"CREATE TYPE mood AS ENUM ('sad', 'ok')",
	"CREATE TYPE level AS ENUM ('1', '2')",
	"CREATE TYPE pair AS (x int, y text)",
	`CREATE TABLE things (id int PRIMARY KEY, name text, mood mood, data jsonb, amount numeric, tags text[],
		nums int[], at timestamptz, day date, key uuid, raw bytea, pair pair, level level, big int8 NOT NULL, flag bool)`,
}

// problemsOf returns the problems of Check, one in a line, without the name.
func problemsOf(t *testing.T, pg *db.DB, stmt db.Compiled) string {
	t.Helper()
	err := pg.Check(t.Context(), stmt)
	if err == nil {
		return ""
	}
	return strings.ReplaceAll(err.Error(), "db: check X: ", "")
}

type cell[T any] struct{ V T }

func column[T any](expr string) db.Compiled {
	return db.MustCompile[cell[T]]("-- name: X :many\nSELECT " + expr + " AS v FROM things")
}

type (
	point struct{ X int }
	level int
)

// A type that does not fit its column is a problem, with the names of both.
func TestCheckColumnTypes(t *testing.T) {
	t.Parallel()
	pg := open(t, nil, checkSchema...)
	for _, c := range []struct {
		stmt db.Compiled
		want string // in the problem; empty for none
	}{
		{column[string]("id"), ""}, // pgx formats integers
		{column[int]("id"), ""},
		{column[int16]("big"), ""}, // values are not checked
		{column[time.Time]("id"), `column "v" (int4) into field V (time.Time)`},
		{column[int]("coalesce(name, '')"), `column "v" (text) into field V (int)`},
		{column[bool]("id"), `column "v" (int4) into field V (bool)`},
		{column[int]("coalesce(amount, 0)"), ""},
		{column[time.Time]("coalesce(amount, 0)"), `column "v" (numeric) into field V (time.Time)`},
		{column[point]("coalesce(data, '{}')"), ""},
		{column[map[string]int]("coalesce(data, '{}')"), ""},
		{column[[]string]("coalesce(tags, '{}')"), ""},
		{column[[]int]("coalesce(tags, '{}')"), `column "v" (_text) into field V ([]int)`},
		{column[string]("coalesce(nums, '{}')"), `column "v" (_int4) into field V (string)`},
		{column[[]string]("coalesce(nums, '{}')"), ""},
		{column[string]("coalesce(mood, 'ok')"), ""},
		{column[int]("coalesce(mood, 'ok')"), `column "v" (mood) into field V (int)`},
		{column[time.Time]("coalesce(at, now())"), ""},
		{column[int64]("coalesce(at, now())"), `column "v" (timestamptz) into field V (int64)`},
		{column[[16]byte]("coalesce(key, gen_random_uuid())"), ""},
		{column[level]("coalesce(level, '1')"), ""}, // pgx parses labels of an enum that is not registered
		{column[int]("coalesce(level, '1')"), ""},
		{column[string]("coalesce(pair, (1, 'a')::pair)"), ""},
		{column[point]("coalesce(pair, (1, 'a')::pair)"), `column "v" (pair) into field V (db_test.point)`},
		{column[point]("id"), `column "v" (int4) into field V (db_test.point)`},
	} {
		got := problemsOf(t, pg, c.stmt)
		if c.want == "" && got != "" || !strings.Contains(got, c.want) || strings.Contains(got, "\n") {
			t.Errorf("%s:\n got %q\nwant %q", c.stmt.SQL(), got, c.want)
		}
	}
}

type twoProblems struct {
	Name int
	Day  bool
}

func TestCheckReportsEachColumn(t *testing.T) {
	t.Parallel()
	pg := open(t, nil, checkSchema...)
	got := problemsOf(t, pg, db.MustCompile[twoProblems]("-- name: X :many\nSELECT name, day FROM things"))
	if lines := strings.Split(got, "\n"); len(lines) != 2 || !strings.Contains(lines[0], "field Name") || !strings.Contains(lines[1], "field Day") {
		t.Errorf("%q", got)
	}
}

// A scanner of the program's that rejects NULL.
type strict struct{ s string }

func (s *strict) Scan(src any) error {
	text, ok := src.(string)
	if !ok {
		return errors.New("not a string")
	}
	s.s = text
	return nil
}

// A type holds NULL if pgx can scan one into it.
func TestCheckKnowsWhichTypesHoldNull(t *testing.T) {
	t.Parallel()
	pg := open(t, nil, checkSchema...)
	for _, c := range []struct {
		stmt  db.Compiled
		holds bool
	}{
		{column[string]("name"), false},
		{column[*string]("name"), true},
		{column[**string]("name"), true},
		{column[any]("name"), true},
		{column[pgtype.Text]("name"), true},
		{column[sql.NullString]("name"), true},
		{column[sql.Null[string]]("name"), true},
		{column[strict]("name"), false},
		{column[[]byte]("raw"), true},
		{column[[]byte]("name"), true},
		{column[[]string]("tags"), true},
		{column[time.Time]("at"), false},
		{column[*time.Time]("at"), true},
		{column[pgtype.Timestamptz]("at"), true},
		{column[bool]("flag"), false},
		{column[float64]("amount"), false},
		{column[[16]byte]("key"), false},
		{column[pgtype.UUID]("key"), true},
		{column[point]("data"), false},
		{column[*point]("data"), true},
		{column[map[string]any]("data"), true},
		{column[string]("mood"), false},
		{db.MustCompile[map[string]any]("-- name: X :many\nSELECT * FROM things"), true},
		{db.MustCompile[*string]("-- name: X :many\nSELECT name FROM things"), true},
		{db.MustCompile[string]("-- name: X :many\nSELECT name FROM things"), false},
	} {
		got := problemsOf(t, pg, c.stmt)
		if c.holds != (got == "") || !c.holds && !strings.Contains(got, "the column may be NULL: ") {
			t.Errorf("%T %s: %q, holds NULL: %t", c.stmt, c.stmt.SQL(), got, c.holds)
		}
	}
	if got := problemsOf(t, pg, column[string]("mood")); !strings.Contains(got, `column "v" (mood) into field V (string): the column may be NULL`) {
		t.Errorf("%q", got)
	}
}

// WithParams declares the types of arguments.
func TestCheckParameters(t *testing.T) {
	t.Parallel()
	pg := open(t, nil, checkSchema...)
	byID := db.MustCompileWrite("-- name: X :exec\nDELETE FROM things WHERE id = $1 AND name = $2")
	byName := db.MustCompileWrite("-- name: X :exec\nDELETE FROM things WHERE id = @id AND name = @name")
	for _, c := range []struct {
		stmt db.Compiled
		want string
	}{
		{byID, ""},
		{db.WithParams(byID, 0, ""), ""},
		{db.WithParams(byID, int64(0), (*string)(nil)), ""},
		{db.WithParams(byID, nil, nil), ""},
		{db.WithParams(byID, pgtype.Int4{}, sql.NullString{}), ""},
		{db.WithParams(byID, 0), "WithParams has 1 arguments, want 2"},
		{db.WithParams(byID), "WithParams has 0 arguments, want 2"},
		{db.WithParams(byID, 0, "", ""), "WithParams has 3 arguments, want 2"},
		{db.WithParams(byID, 0, 7), "parameter $2 (text): cannot encode int"},
		{db.WithParams(byID, time.Time{}, 7), "parameter $1 (int4): cannot encode time.Time\nparameter $2 (text): cannot encode int"},
		{db.WithParams(byID, pgx.QueryExecModeCacheDescribe, 0, ""), ""},
		{db.WithParams(db.WithParams(byID, 0), 0, ""), ""},
		{db.WithParams(byName, pgx.NamedArgs{"id": 0, "name": ""}), ""},
		{db.WithParams(byName, pgx.NamedArgs{"id": 0, "name": 3.5}), "parameter $2 (text): cannot encode float64"},
		{db.WithParams(byName, pgx.StrictNamedArgs{"id": 0}), "arguments of WithParams: "},
		{db.WithParams(db.MustCompileWrite("-- name: X :exec\nUPDATE things SET tags = $1, mood = $2, key = $3, at = $4, data = $5"),
			[]string(nil), "", [16]byte{}, time.Time{}, point{}), ""},
		{db.WithParams(db.MustCompileWrite("-- name: X :exec\nUPDATE things SET nums = $1, at = $2"), []time.Time{}, 7),
			"parameter $1 (_int4): cannot encode []time.Time\nparameter $2 (timestamptz): cannot encode int"},
		{db.WithParams(db.MustCompileWrite("-- name: X :exec\nSELECT 1")), ""},
		{db.MustCompileWrite("-- name: X :exec\nSELECT $1 IS NULL"), "could not determine data type of parameter $1"},
	} {
		if got := problemsOf(t, pg, c.stmt); c.want == "" && got != "" || !strings.HasPrefix(strings.TrimPrefix(got, "ERROR: "), c.want) {
			t.Errorf("%s:\n got %q\nwant %q", c.stmt.SQL(), got, c.want)
		}
	}
	declared := db.WithParams(byID, 0)
	if declared.Name() != "X" || declared.SQL() != byID.SQL() {
		t.Errorf("%q, %q", declared.Name(), declared.SQL())
	}
}

// The value of an argument is in no message.
func TestCheckHidesArguments(t *testing.T) {
	t.Parallel()
	pg := open(t, nil, checkSchema...)
	stmt := db.MustCompileWrite("DELETE FROM things WHERE name = $1 AND data = $2")
	err := pg.Check(t.Context(), db.WithParams(stmt, struct{ Secret string }{"s3cr3t"}, ""))
	if err == nil || strings.Contains(err.Error(), "s3cr3t") {
		t.Errorf("%v", err)
	}
}

// A parameter that is assigned to a column without NOT NULL may be returned as
// NULL, unless the type of the argument is never NULL.
func TestCheckParametersThatAreReturned(t *testing.T) {
	t.Parallel()
	pg := open(t, nil, checkSchema...)
	for _, sql := range []string{
		"INSERT INTO things (id, big, name) VALUES (1, 1, $1) RETURNING name AS v",
		"UPDATE things SET name = $1 RETURNING name AS v",
		"UPDATE things SET name = lower($1) RETURNING name AS v",
		"INSERT INTO things (id, big, name) VALUES (1, 1, 'x'), (2, 2, $1) RETURNING name AS v",
	} {
		stmt := db.MustCompile[cell[string]]("-- name: X :one\n" + sql)
		for _, c := range []struct {
			stmt  db.Compiled
			found bool
		}{
			{stmt, true},
			{db.WithParams(stmt, ""), false},
			{db.WithParams(stmt, (*string)(nil)), true},
			{db.WithParams(stmt, pgtype.Text{Valid: true}), true},
			{db.WithParams(stmt, asText(sql)), false},
		} {
			if got := problemsOf(t, pg, c.stmt); strings.Contains(got, "may be NULL") != c.found {
				t.Errorf("%s: %q, want a problem: %t", sql, got, c.found)
			}
		}
	}
}

type asText string

// All problems are reported, in the order of the statements, and errors.As
// finds the server's.
func TestCheckReportsAllInOrder(t *testing.T) {
	t.Parallel()
	pg := open(t, nil, checkSchema...)
	err := pg.Check(t.Context(),
		db.MustCompile[string]("-- name: Nulls :many\nSELECT name FROM things"),
		db.MustCompile[int]("-- name: Good :many\nSELECT id FROM things"),
		db.MustCompile[int]("-- name: NoTable :many\nSELECT id FROM thinks"),
		db.MustCompile[bool]("-- name: Type :many\nSELECT id FROM things"),
		db.MustCompile[int]("-- name: NoColumn :many\nSELECT ident FROM things"),
		db.WithParams(db.MustCompile[int]("-- name: Args :many\nSELECT id FROM things WHERE id = $1")),
	)
	want := []string{"Nulls: ", `NoTable: ERROR: relation "thinks" does not exist (SQLSTATE 42P01)`, "Type: ", `NoColumn: ERROR: column "ident" does not exist (SQLSTATE 42703)`, "Args: "}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || len(joined.Unwrap()) != len(want) {
		t.Fatalf("%v", err)
	}
	for i, err := range joined.Unwrap() {
		if !strings.HasPrefix(err.Error(), "db: check "+want[i]) {
			t.Errorf("got %q, want %q", err, want[i])
		}
		var pgErr *pgconn.PgError
		if errors.As(err, &pgErr) != strings.HasPrefix(want[i], "No") {
			t.Errorf("%v: server's error: %v", err, pgErr)
		}
	}
	if err := pg.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// writes counts what a connection sends.
type writes struct {
	net.Conn
	n *atomic.Int64
}

func (w writes) Write(b []byte) (int, error) {
	w.n.Add(1)
	return w.Conn.Write(b)
}

func TestCheckTakesFewRoundTrips(t *testing.T) {
	t.Parallel()
	cfg, err := pgxpool.ParseConfig(pgtest.New(t))
	must(t)(nil, err)
	var sent atomic.Int64
	dial := cfg.ConnConfig.DialFunc
	cfg.ConnConfig.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		return writes{conn, &sent}, err
	}
	cfg.MaxConns = 1
	pg, err := db.OpenConfig(t.Context(), cfg, nil)
	must(t)(nil, err)
	t.Cleanup(pg.Close)
	for _, sql := range checkSchema {
		must(t)(pg.Exec(t.Context(), sql))
	}
	var stmts []db.Compiled
	for i := range 200 {
		stmts = append(stmts, db.MustCompile[string](fmt.Sprintf("-- name: S%d :many\nSELECT name AS n%d FROM things WHERE id = $1 AND mood = $2", i, i)))
	}
	stmts[7] = db.MustCompile[string]("-- name: S7 :many\nSELECT name FROM things WHERE id = @id")
	stmts[8] = db.MustCompile[string]("-- name: S8 :many\nSELECT name FROM nowhere WHERE id = @id")
	before := sent.Load()
	err = pg.Check(t.Context(), stmts...)
	if trips := sent.Load() - before; trips > 10 {
		t.Errorf("%d round trips, want at most 10", trips)
	}
	if problems := strings.Split(err.Error(), "\n"); len(problems) != 200 || !strings.Contains(problems[8], "nowhere") || !strings.Contains(problems[199], "S199: ") {
		t.Errorf("%d problems: %v", len(problems), problems[0])
	}
}

// Check leaves nothing behind, and runs
// nothing.
func TestCheckHasNoEffects(t *testing.T) {
	t.Parallel()
	pg := open(t, nil, append(checkSchema, "CREATE SEQUENCE seq",
		"CREATE FUNCTION touch() RETURNS text LANGUAGE plpgsql AS 'BEGIN PERFORM nextval(''seq''); RETURN 1; END'",
		"INSERT INTO things (id, big) VALUES (1, 1)")...)
	const state = `SELECT (SELECT count(*) FROM pg_proc)::int + (SELECT count(*) FROM pg_class)::int
		+ (SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%Effects%')::int + (SELECT count(*) FROM things)::int + (SELECT last_value + is_called::int FROM seq)::int`
	before := count(t, pg, state)
	err := pg.Check(t.Context(),
		db.MustCompile[string]("-- name: Effects1 :many\nSELECT touch() || name FROM things"),
		db.MustCompile[string]("-- name: Effects2 :many\nDELETE FROM things RETURNING name"),
		db.MustCompile[string]("-- name: Effects3 :many\nINSERT INTO things (id, big) VALUES (nextval('seq'), 2) RETURNING name"))
	if err == nil || strings.Count(err.Error(), "may be NULL") != 3 {
		t.Errorf("%v", err)
	}
	if after := count(t, pg, state); after != before {
		t.Errorf("state %d, then %d", before, after)
	}
	for _, conn := range pg.AcquireAllIdle(t.Context()) {
		if status := conn.Conn().PgConn().TxStatus(); status != 'I' {
			t.Errorf("transaction status %c", status)
		}
		conn.Release()
	}
}

// limited returns a handle whose connections run setup first, and its log.
func limited(t *testing.T, connString, setup string) (*db.DB, *bytes.Buffer) {
	t.Helper()
	cfg, err := pgxpool.ParseConfig(connString)
	must(t)(nil, err)
	cfg.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, setup)
		return err
	}
	var log bytes.Buffer
	pg, err := db.OpenConfig(t.Context(), cfg, &db.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	must(t)(nil, err)
	t.Cleanup(pg.Close)
	return pg, &log
}

var (
	hasNull  = db.MustCompile[string]("-- name: HasNull :many\nSELECT name FROM things")
	badType  = db.MustCompile[bool]("-- name: BadType :many\nSELECT id FROM things")
	noColumn = db.MustCompile[int]("-- name: NoColumn :many\nSELECT ident FROM things")
)

// checkLimited checks statements where columns that may be NULL are found, or
// where they are not and the log says why.
func checkLimited(t *testing.T, pg *db.DB, log *bytes.Buffer, reason string) {
	t.Helper()
	err := pg.Check(t.Context(), hasNull, badType, noColumn)
	if err == nil || !strings.Contains(err.Error(), "BadType") || !strings.Contains(err.Error(), "NoColumn") {
		t.Errorf("%v", err)
	}
	if found := strings.Contains(fmt.Sprint(err), "HasNull"); found != (reason == "") {
		t.Errorf("NULLs are found: %t: %v", found, err)
	}
	if got := log.String(); reason == "" && got != "" || !strings.Contains(got, reason) {
		t.Errorf("log %q, want %q", got, reason)
	}
	if err := pg.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestCheckWithFewRights(t *testing.T) {
	t.Parallel()
	admin := open(t, nil, checkSchema...)
	connString := admin.Pool().Config().ConnString()
	name, err := db.One[string](t.Context(), admin, db.SQL("SELECT current_database()::text"))
	must(t)(nil, err)
	role := "checker_of_" + name
	must(t)(admin.Exec(t.Context(), fmt.Sprintf("CREATE ROLE %q; GRANT SELECT ON things TO %[1]q; GRANT SET ON PARAMETER log_statement TO %[1]q", role)))
	t.Cleanup(func() {
		must(t)(admin.Exec(context.Background(), fmt.Sprintf("DROP OWNED BY %q; DROP ROLE %[1]q", role)))
	})
	t.Run("only_select", func(t *testing.T) {
		pg, log := limited(t, connString, fmt.Sprintf("SET ROLE %q", role))
		checkLimited(t, pg, log, "")
	})
	t.Run("read_only_session", func(t *testing.T) {
		pg, log := limited(t, connString, "SET default_transaction_read_only = on")
		checkLimited(t, pg, log, "")
	})
	t.Run("simple_protocol", func(t *testing.T) {
		cfg, err := pgxpool.ParseConfig(connString)
		must(t)(nil, err)
		cfg.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
		pg, err := db.OpenConfig(t.Context(), cfg, nil)
		must(t)(nil, err)
		defer pg.Close()
		intoText := db.WithParams(db.MustCompileWrite("DELETE FROM things WHERE name = $1"), 7) // is sent as text
		if err := pg.Check(t.Context(), intoText, hasNull); err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "HasNull") {
			t.Error(err)
		}
	})
	t.Run("without_temp", func(t *testing.T) {
		must(t)(admin.Exec(t.Context(), fmt.Sprintf("REVOKE TEMP ON DATABASE %q FROM PUBLIC", name)))
		pg, log := limited(t, connString, fmt.Sprintf("SET ROLE %q", role))
		checkLimited(t, pg, log, "the role has no right TEMP on the database")
	})
	t.Run("event_trigger", func(t *testing.T) {
		must(t)(admin.Exec(t.Context(), "CREATE SEQUENCE fired; CREATE FUNCTION fire() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN PERFORM nextval(''fired''); END'; CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION fire()"))
		pg, log := limited(t, connString, "SELECT")
		checkLimited(t, pg, log, "event triggers would run")
		if n := count(t, admin, "SELECT is_called::int FROM fired"); n != 0 {
			t.Error("the event trigger has run")
		}
	})
}

func TestCheckOnStandby(t *testing.T) {
	t.Parallel()
	server := pgtest.Private(t, nil)
	conn := pgtest.Connect(t, server.ConnString())
	for _, sql := range checkSchema {
		pgtest.Exec(t, conn, sql)
	}
	var directory string
	must(t)(nil, conn.QueryRow(t.Context(), "SHOW data_directory").Scan(&directory))
	pgtest.Exec(t, conn, `CHECKPOINT`)
	pgtest.Exec(t, conn, `COPY (SELECT 'standby') TO '`+directory+`/standby.signal'`)
	conn.Close(t.Context())
	must(t)(nil, server.Restart(t.Context()))
	pg, log := limited(t, server.ConnString(), "SELECT")
	checkLimited(t, pg, log, "the server is a standby")
}

// A statement that cannot be examined is unknown; the others are not.
func TestCheckSkipsWhatCannotBeExamined(t *testing.T) {
	t.Parallel()
	pg := open(t, nil, checkSchema...)
	show := db.MustCompile[string]("-- name: Show :one\nSHOW search_path")
	var many []string
	for i := range 101 {
		many = append(many, fmt.Sprintf("$%d::text", i+1))
	}
	params := db.MustCompile[string]("-- name: Params :many\nSELECT name FROM things WHERE name IS NULL OR name IN (" + strings.Join(many, ", ") + ")")
	err := pg.Check(t.Context(), show, params, hasNull)
	if err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "HasNull") {
		t.Errorf("%v", err)
	}
}

// A connection that breaks ends the check.
func TestCheckOnBrokenConnection(t *testing.T) {
	t.Parallel()
	direct := open(t, nil, checkSchema...)
	for _, after := range []string{"ident", "BEGIN ISOLATION", "headrace_examined("} {
		proxy, err := faultproxy.Start(hostPort(direct))
		must(t)(nil, err)
		connString, err := proxy.ConnString(direct.Pool().Config().ConnString())
		must(t)(nil, err)
		pg, err := db.Open(t.Context(), connString, nil)
		must(t)(nil, err)
		proxy.Fail(faultproxy.Fault{Direction: faultproxy.ToServer, After: []byte(after), Kind: faultproxy.Cut})
		err = pg.Check(t.Context(), badType, noColumn, hasNull)
		if err == nil || !strings.Contains(err.Error(), "db: check statements: ") {
			t.Errorf("cut after %q: %v", after, err)
		}
		if strings.Contains(fmt.Sprint(err), "HasNull") {
			t.Errorf("cut after %q: %v", after, err)
		}
		pg.Close()
		must(t)(nil, proxy.Close())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := direct.Check(ctx, hasNull); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func hostPort(pg *db.DB) string {
	cfg := pg.Pool().Config().ConnConfig
	return net.JoinHostPort(cfg.Host, fmt.Sprint(cfg.Port))
}

// RETURNING OLD and NEW, since PostgreSQL 18, and MERGE, since 17, are unknown.
func TestCheckOfNewerStatements(t *testing.T) {
	t.Parallel()
	pg := open(t, nil, checkSchema...)
	version := count(t, pg, "SELECT current_setting('server_version_num')::int")
	for since, sql := range map[int]string{
		18_00_00: "UPDATE things SET name = 'x' RETURNING old.name",
		17_00_00: "MERGE INTO things t USING (SELECT 1 AS id) s ON s.id = t.id WHEN MATCHED THEN UPDATE SET name = 'x' RETURNING t.name",
	} {
		if version < since {
			continue
		}
		if err := pg.Check(t.Context(), db.MustCompile[string](sql)); err != nil {
			t.Error(err)
		}
	}
}
