package migrations_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/migrations"
)

var cities = fstest.MapFS{
	"00001_cities.sql": sqlFile(`-- +goose Up
CREATE TABLE cities (id int PRIMARY KEY);
-- +goose Down
DROP TABLE cities;
`),
	"00002_names.sql": sqlFile(`-- +goose Up
ALTER TABLE cities ADD COLUMN name text;
-- +goose Down
ALTER TABLE cities DROP COLUMN name;
`),
}

func TestUpStatusDown(t *testing.T) {
	t.Parallel()
	ctx, pool := t.Context(), pgtest.Pool(t)

	states, err := migrations.Status(ctx, pool, cities)
	if err != nil {
		t.Fatal(err)
	}
	if len(states) != 2 || !states[0].Pending() || !states[1].Pending() {
		t.Fatalf("before Up: %+v", states)
	}
	if exists(t, pool, "goose_db_version") {
		t.Error("Status created goose's table")
	}

	applied, err := migrations.Up(ctx, pool, cities)
	if err != nil {
		t.Fatal(err)
	}
	if got := files(applied); !slices.Equal(got, []string{"00001_cities.sql", "00002_names.sql"}) {
		t.Fatalf("applied %v", got)
	}
	if again, err := migrations.Up(ctx, pool, cities); err != nil || len(again) != 0 {
		t.Fatalf("second Up: %v, %v", again, err)
	}

	back, err := migrations.Down(ctx, pool, cities, 1)
	if err != nil {
		t.Fatal(err)
	}
	if got := files(back); !slices.Equal(got, []string{"00002_names.sql"}) {
		t.Fatalf("took back %v", got)
	}
	states, err = migrations.Status(ctx, pool, cities)
	if err != nil {
		t.Fatal(err)
	}
	if states[0].Pending() || !states[1].Pending() {
		t.Fatalf("after Down to 1: %+v", states)
	}
	if _, err := migrations.Down(ctx, pool, cities, 0); err != nil {
		t.Fatal(err)
	}
	if exists(t, pool, "cities") {
		t.Error("cities is still there after Down to 0")
	}
}

func TestPoolOfOneConnection(t *testing.T) {
	t.Parallel()
	cfg, err := pgxpool.ParseConfig(pgtest.New(t))
	if err != nil {
		t.Fatal(err)
	}
	cfg.MaxConns = 1
	pool, err := pgxpool.NewWithConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if _, err := migrations.Up(t.Context(), pool, cities); err != nil {
		t.Fatal(err)
	}
	if err := migrations.Install(t.Context(), pool); err != nil {
		t.Fatal(err)
	}
	if n := pool.Stat().AcquiredConns(); n != 0 {
		t.Errorf("%d connections were not released", n)
	}
}

func TestFailureNamesFileAndLine(t *testing.T) {
	t.Parallel()
	ctx, pool := t.Context(), pgtest.Pool(t)
	broken := fstest.MapFS{
		"00001_cities.sql": cities["00001_cities.sql"],
		"00002_broken.sql": sqlFile(`-- +goose Up
CREATE TABLE before (id int);

CREATE TABLE broken (
    id int,
    at txet
);
`),
	}
	applied, err := migrations.Up(ctx, pool, broken)
	if got := files(applied); !slices.Equal(got, []string{"00001_cities.sql"}) {
		t.Errorf("applied before the failure: %v", got)
	}
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) || pgErr.Code != "42704" {
		t.Fatalf("no PgError 42704 in %v", err)
	}
	if want := "00002_broken.sql: line 6: "; !strings.Contains(err.Error(), want) {
		t.Errorf("error %q does not say %q", err, want)
	}
	if exists(t, pool, "before") {
		t.Error("the failed migration left a table behind")
	}
}

func TestDownFailureNamesLine(t *testing.T) {
	t.Parallel()
	ctx, pool := t.Context(), pgtest.Pool(t)
	f := fstest.MapFS{"00001_a.sql": sqlFile("-- +goose Up\nCREATE TABLE a ();\n\n-- +goose Down\n\nDROP TABLE b;\n")}
	if _, err := migrations.Up(ctx, pool, f); err != nil {
		t.Fatal(err)
	}
	_, err := migrations.Down(ctx, pool, f, 0)
	if want := "00001_a.sql: line 6: "; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v does not say %q", err, want)
	}
}

// A file that goose cannot parse prevents every statement.
func TestParseFailureNamesFile(t *testing.T) {
	t.Parallel()
	ctx, pool := t.Context(), pgtest.Pool(t)
	f := fstest.MapFS{
		"00001_cities.sql": cities["00001_cities.sql"],
		"00002_open.sql":   sqlFile("-- +goose Up\nCREATE TABLE open (id int)\n"),
	}
	_, err := migrations.Up(ctx, pool, f)
	if err == nil || !strings.Contains(err.Error(), "00002_open.sql") || !strings.Contains(err.Error(), "semicolon") {
		t.Fatalf("error %v", err)
	}
	if exists(t, pool, "cities") {
		t.Error("the migration before the unreadable one was applied")
	}
}

func TestOutOfOrderIsRejected(t *testing.T) {
	t.Parallel()
	ctx, pool := t.Context(), pgtest.Pool(t)
	if _, err := migrations.Up(ctx, pool, fstest.MapFS{"00002_b.sql": sqlFile("-- +goose Up\nSELECT 1;\n")}); err != nil {
		t.Fatal(err)
	}
	_, err := migrations.Up(ctx, pool, fstest.MapFS{
		"00001_a.sql": sqlFile("-- +goose Up\nSELECT 1;\n"),
		"00002_b.sql": sqlFile("-- +goose Up\nSELECT 1;\n"),
	})
	if err == nil || !strings.Contains(err.Error(), "version 1") {
		t.Fatalf("error %v", err)
	}
}

func TestOlderProgramWithNewerSchema(t *testing.T) {
	t.Parallel()
	ctx, pool := t.Context(), pgtest.Pool(t)
	if _, err := migrations.Up(ctx, pool, cities); err != nil {
		t.Fatal(err)
	}
	older := fstest.MapFS{"00001_cities.sql": cities["00001_cities.sql"]}
	if applied, err := migrations.Up(ctx, pool, older); err != nil || len(applied) != 0 {
		t.Fatalf("Up: %v, %v", applied, err)
	}
	states, err := migrations.Status(ctx, pool, older)
	if err != nil {
		t.Fatal(err)
	}
	if len(states) != 2 || states[1].Version != 2 || states[1].File != "" || states[1].Pending() {
		t.Errorf("status %+v", states)
	}
	_, err = migrations.Down(ctx, pool, older, 0)
	if err == nil || !strings.Contains(err.Error(), "version 2 is applied, and no file has it") {
		t.Errorf("Down: %v", err)
	}
}

func files(applied []migrations.Applied) []string {
	var names []string
	for _, a := range applied {
		names = append(names, a.File)
	}
	return names
}

func exists(t *testing.T, pool *pgxpool.Pool, table string) bool {
	t.Helper()
	var found bool
	if err := pool.QueryRow(context.Background(), `SELECT to_regclass($1) IS NOT NULL`, table).Scan(&found); err != nil {
		t.Fatal(err)
	}
	return found
}

// A handle can replace a pool.
func TestMigrationsAcceptAHandle(t *testing.T) {
	t.Parallel()
	pg := pgtest.DB(t, nil)
	if applied, err := migrations.Up(t.Context(), pg, cities); err != nil || len(applied) != 2 {
		t.Errorf("%v, %v", applied, err)
	}
	if states, err := migrations.Status(t.Context(), pg, cities); err != nil || len(states) != 2 || states[0].Pending() {
		t.Errorf("%v, %v", states, err)
	}
	if undone, err := migrations.Down(t.Context(), pg, cities, 1); err != nil || len(undone) != 1 {
		t.Errorf("%v, %v", undone, err)
	}
	if err := migrations.Install(t.Context(), pg); err != nil {
		t.Error(err)
	}
}
