package db_test

import (
	"context"
	"encoding/json"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/pgtest"
)

// Open succeeds if a hook that decides by the caller's context rejects the
// context of Open.
func TestOpenWithContextHooks(t *testing.T) {
	t.Parallel()
	type tenant struct{}
	errTenant := errors.New("no tenant in the context")
	for name, hook := range map[string]func(cfg *pgxpool.Config){
		"PrepareConn, which keeps the connection": func(cfg *pgxpool.Config) {
			cfg.PrepareConn = func(ctx context.Context, _ *pgx.Conn) (bool, error) {
				if ctx.Value(tenant{}) == nil {
					return true, errTenant
				}
				return true, nil
			}
		},
		"PrepareConn": func(cfg *pgxpool.Config) {
			cfg.PrepareConn = func(ctx context.Context, _ *pgx.Conn) (bool, error) {
				if ctx.Value(tenant{}) == nil {
					return false, errTenant
				}
				return true, nil
			}
		},
		"BeforeAcquire": func(cfg *pgxpool.Config) {
			cfg.BeforeAcquire = func(ctx context.Context, _ *pgx.Conn) bool { return ctx.Value(tenant{}) != nil } //nolint:staticcheck // programs still use it
		},
	} {
		for _, opts := range []*db.Options{nil, {ExamineOnPool: true}} {
			cfg, err := pgxpool.ParseConfig(pgtest.New(t))
			must(t)(nil, err)
			hook(cfg)
			pg, err := db.OpenConfig(t.Context(), cfg, opts)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if _, err := pg.Exec(t.Context(), "SELECT 1"); err == nil || strings.HasPrefix(name, "Prepare") && !errors.Is(err, errTenant) {
				t.Errorf("%s: %v, want the hook's error", name, err)
			}
			if _, err := pg.Exec(context.WithValue(t.Context(), tenant{}, 1), "SELECT 1"); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			pg.Close()
		}
	}
	if _, err := db.OpenConfig(t.Context(), &pgxpool.Config{}, nil); err == nil || !strings.Contains(err.Error(), "pgxpool.ParseConfig") {
		t.Errorf("a configuration that nobody parsed: %v", err)
	}
	for _, none := range []db.Compiled{nil, (*db.Stmt[int])(nil)} {
		if _, err := db.Open(t.Context(), pgtest.New(t), &db.Options{Prepare: []db.Compiled{db.MustCompile[int]("SELECT 1"), none}}); err == nil || !strings.Contains(err.Error(), "Options.Prepare[1]") {
			t.Errorf("a nil statement to prepare: %v", err)
		}
	}
}

// Defaults do not replace settings of the parsed configuration, wherever they
// come from.
func TestDefaultsApplyToUnsetSettings(t *testing.T) {
	file := filepath.Join(t.TempDir(), "services")
	must(t)(nil, os.WriteFile(file, []byte("[shop]\nconnect_timeout=30\npool_max_conns=3\n"), 0o600))
	t.Setenv("PGSERVICEFILE", file)
	for _, tt := range []struct {
		connString string
		conns      int32
		timeout    time.Duration
		idle       time.Duration
	}{
		{"host=x service=shop", 3, 30 * time.Second, 5 * time.Minute},
		{"host=x password='pool_max_conns connect_timeout pool_max_conn_idle_time'", 0, 5 * time.Second, 5 * time.Minute},
		{"postgres://x/y?connect_timeout=7&pool_max_conn_idle_time=1m&pool_max_conns=9", 9, 7 * time.Second, time.Minute},
	} {
		cfg, err := pgxpool.ParseConfig(tt.connString)
		must(t)(nil, err)
		db.ApplyDefaults(cfg)
		if tt.conns != 0 && cfg.MaxConns != tt.conns || tt.conns == 0 && cfg.MaxConns < 4 || cfg.ConnConfig.ConnectTimeout != tt.timeout || cfg.MaxConnIdleTime != tt.idle {
			t.Errorf("%s: %d connections, connect in %v, idle for %v", tt.connString, cfg.MaxConns, cfg.ConnConfig.ConnectTimeout, cfg.MaxConnIdleTime)
		}
	}
}

// Named parameters are numbered before a statement is checked or prepared.
func TestNamedParametersAreChecked(t *testing.T) {
	t.Parallel()
	plain := open(t, nil, "CREATE TABLE nums AS SELECT -1 AS min, 2 AS n")
	byName := db.MustCompile[int]("SELECT n FROM nums WHERE n >= @least AND n < @most")
	operator := db.MustCompile[*int]("SELECT @ min FROM nums")
	wrong := db.MustCompile[int]("SELECT nn FROM nums WHERE n >= @least")
	if err := plain.Check(t.Context(), byName, operator, db.MustCompileWrite("DELETE FROM nums WHERE n = @n")); err != nil {
		t.Error(err)
	}
	if err := plain.Check(t.Context(), wrong); err == nil || !strings.Contains(err.Error(), `"nn"`) {
		t.Errorf("%v, want one about nn", err)
	}
	pg, err := db.Open(t.Context(), plain.Pool().Config().ConnString(), &db.Options{Prepare: []db.Compiled{byName, operator}})
	must(t)(nil, err)
	defer pg.Close()
	if n, err := byName.One(t.Context(), pg, pgx.NamedArgs{"least": 1, "most": 9}); n != 2 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

func TestOptionalRow(t *testing.T) {
	t.Parallel()
	pg := open(t, nil, "CREATE TABLE nums AS SELECT generate_series(1, 3) AS n")
	stmt := db.MustCompile[int]("SELECT n FROM nums WHERE n >= $1")
	for arg, want := range map[int]bool{3: true, 4: false} {
		n, found, err := stmt.Optional(t.Context(), pg, arg)
		if err != nil || found != want || found && n != arg {
			t.Errorf("%d: %d, %t, %v", arg, n, found, err)
		}
		n, found, err = db.Optional[int](t.Context(), pg, db.SQL("SELECT n FROM nums WHERE n = $1", arg))
		if err != nil || found != want || found && n != arg {
			t.Errorf("%d: %d, %t, %v", arg, n, found, err)
		}
	}
	if _, found, err := stmt.Optional(t.Context(), pg, 1); found || !errors.Is(err, db.ErrTooManyRows) {
		t.Errorf("three rows: %t, %v", found, err)
	}
}

func TestWrite(t *testing.T) {
	t.Parallel()
	pg := open(t, nil, "CREATE TABLE nums (n int)")
	insert := db.MustCompileWrite("-- name: AddNum :exec\nINSERT INTO nums VALUES ($1)")
	must(t)(nil, pg.Check(t.Context(), insert))
	n, err := db.InTxValue(t.Context(), pg, db.TxOptions{}, func(tx pgx.Tx) (int, error) {
		for i := range 3 {
			if _, err := insert.Exec(t.Context(), tx, i); err != nil {
				return 0, err
			}
		}
		return db.One[int](t.Context(), tx, db.SQL("SELECT sum(n) FROM nums"))
	})
	if n != 3 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := insert.Exec(t.Context(), pg, "x"); err == nil || !strings.Contains(err.Error(), "db: AddNum: ") {
		t.Errorf("error %v, want one that names the statement", err)
	}
	stop := errors.New("stop")
	if n, err := db.InTxValue(t.Context(), pg, db.TxOptions{}, func(pgx.Tx) (int, error) { return 7, stop }); n != 0 || !errors.Is(err, stop) {
		t.Errorf("%d, %v", n, err)
	}
}

// The error for a struct as the value of one column gives a hint.
func TestStructForOneColumn(t *testing.T) {
	t.Parallel()
	pg := open(t, nil)
	if _, err := db.One[big.Int](t.Context(), pg, db.SQL("SELECT 1::numeric AS x")); err == nil || !strings.Contains(err.Error(), "for the column as a whole") {
		t.Errorf("error %v, want a hint", err)
	}
}

func TestPageAsJSON(t *testing.T) {
	t.Parallel()
	pg := open(t, nil)
	stmt, p := db.MustCompile[int]("SELECT g AS id FROM generate_series(1, 4) g WHERE g > $1"), db.Pager{Keys: []db.Order{db.Asc("id")}}
	page, err := stmt.Page(t.Context(), pg, p, "", 2, 0)
	must(t)(nil, err)
	text, err := json.Marshal(page)
	if want := `{"items":[1,2],"next":"` + string(page.Next) + `"}`; err != nil || string(text) != want {
		t.Errorf("%s, %v, want %s", text, err, want)
	}
	var back db.Page[int]
	if err := json.Unmarshal(text, &back); err != nil || len(back.Items) != 2 || back.Next != page.Next {
		t.Errorf("%+v, %v", back, err)
	}
	none, err := stmt.Page(t.Context(), pg, p, "", 2, 4)
	must(t)(nil, err)
	if text, err := json.Marshal(none); err != nil || string(text) != `{"items":[]}` {
		t.Errorf("%s, %v", text, err)
	}
}

// A COPY lasts as long as the program sends rows: it is not a slow statement.
func TestCopiesAreNotSlowStatements(t *testing.T) {
	t.Parallel()
	var out slowLog
	pg := open(t, out.options(time.Nanosecond), "CREATE TABLE nums (n int)")
	must(t)(pg.CopyFrom(t.Context(), pgx.Identifier{"nums"}, []string{"n"}, pgx.CopyFromRows([][]any{{1}})))
	must(t)(db.CopyRaw(t.Context(), pg, "COPY nums FROM STDIN", strings.NewReader("2\n")))
	must(t)(pg.Exec(t.Context(), "SELECT 7"))
	lines := out.take(t)
	for _, line := range lines {
		if strings.Contains(strings.ToLower(line.Statement), "stdin") {
			t.Errorf("logged %+v", line)
		}
	}
	if len(lines) == 0 {
		t.Error("nothing was logged")
	}
}
