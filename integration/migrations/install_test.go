package migrations_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/migrations"
)

func TestInstallTwice(t *testing.T) {
	t.Parallel()
	ctx, pool := t.Context(), pgtest.Pool(t)
	for range 2 {
		if err := migrations.Install(ctx, pool); err != nil {
			t.Fatal(err)
		}
	}
	for _, table := range []string{"loads", "load_chunks", "quarantine"} {
		if !exists(t, pool, "headrace."+table) {
			t.Errorf("headrace.%s is missing", table)
		}
	}
	if exists(t, pool, "public.goose_db_version") {
		t.Error("Install wrote into the program's own table of versions")
	}
}

// A program's migrations and the library's have the same version numbers and do
// not conflict.
func TestInstallAndUpAreIndependent(t *testing.T) {
	t.Parallel()
	ctx, pool := t.Context(), pgtest.Pool(t)
	if err := migrations.Install(ctx, pool); err != nil {
		t.Fatal(err)
	}
	applied, err := migrations.Up(ctx, pool, cities)
	if err != nil {
		t.Fatal(err)
	}
	if len(applied) != len(cities) {
		t.Errorf("applied %v", applied)
	}
	if _, err := migrations.Down(ctx, pool, cities, 0); err != nil {
		t.Fatal(err)
	}
	if !exists(t, pool, "headrace.loads") {
		t.Error("Down took the library's tables back")
	}
}

// A role without CREATE on the database may call Install after another role
// has.
func TestInstallWithoutRights(t *testing.T) {
	t.Parallel()
	ctx, url := t.Context(), pgtest.New(t)
	owner, err := pgxpool.New(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer owner.Close()
	if err := migrations.Install(ctx, owner); err != nil {
		t.Fatal(err)
	}
	var role string
	if err := owner.QueryRow(ctx, `SELECT 'app_' || pg_backend_pid() || '_' || current_database()`).Scan(&role); err != nil {
		t.Fatal(err)
	}
	quoted := pgx.Identifier{role}.Sanitize()
	if _, err := owner.Exec(ctx, `CREATE ROLE `+quoted+`; GRANT USAGE ON SCHEMA headrace TO `+quoted+`;
		GRANT SELECT ON ALL TABLES IN SCHEMA headrace TO `+quoted); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if _, err := owner.Exec(ctx, `DROP OWNED BY `+quoted+`; DROP ROLE `+quoted); err != nil {
			t.Error(err)
		}
	}()

	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	cfg.ConnConfig.RuntimeParams["role"] = role
	app, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer app.Close()
	if err := migrations.Install(ctx, app); err != nil {
		t.Error(err)
	}
}

func TestLedgerConstraints(t *testing.T) {
	t.Parallel()
	ctx, pool := t.Context(), pgtest.Pool(t)
	if err := migrations.Install(ctx, pool); err != nil {
		t.Fatal(err)
	}
	_, err := pool.Exec(ctx, `
		INSERT INTO headrace.loads (load_id, target, source, fingerprint, chunk_bytes)
		VALUES ('a', 'public.cities', 'cities.csv', '\x00', 16)`)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{
		`INSERT INTO headrace.load_chunks (load_id, chunk, first_byte, end_byte, first_line) VALUES ('b', 0, 0, 9, 1)`,
		`INSERT INTO headrace.load_chunks (load_id, chunk, first_byte, end_byte, first_line) VALUES ('a', 0, 9, 0, 1)`,
		`INSERT INTO headrace.load_chunks (load_id, chunk, first_byte, end_byte, first_line, loaded_at) VALUES ('a', 0, 0, 9, 1, now())`,
	} {
		if _, err := pool.Exec(ctx, bad); err == nil {
			t.Errorf("the ledger took %s", bad)
		}
	}
}
