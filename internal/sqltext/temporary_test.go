package sqltext_test

import (
	"testing"

	"github.com/headrace/headrace/internal/sqltext"
)

func TestTemporary(t *testing.T) {
	for text, want := range map[string]sqltext.Temporary{
		"CREATE TEMP TABLE a (b int)": sqltext.CreatesTemporary,
		"create local temporary table if not exists a (b int) ON COMMIT DELETE ROWS": sqltext.CreatesTemporary,
		"CREATE TEMPORARY TABLE a (b int, \"check\" int) ON /* */ COMMIT DROP":       sqltext.CreatesForCommit,
		"CREATE TEMP TABLE a ON COMMIT DROP AS SELECT f() FROM b WITH NO DATA":       sqltext.CreatesForCommit,
		"CREATE TEMP TABLE a ON COMMIT DROP AS SELECT f() FROM b":                    sqltext.NotTemporary,
		"CREATE TEMP TABLE a AS SELECT 1 WITH DATA":                                  sqltext.NotTemporary,
		"CREATE TABLE a (on_commit int)":                                             sqltext.NotTemporary,
		"CREATE TABLE temp (a int)":                                                  sqltext.NotTemporary,
		"CREATE TABLE temporary.table (a int)":                                       sqltext.NotTemporary,
		"CREATE TEMP TABLE a (b int DEFAULT f())":                                    sqltext.NotTemporary,
		"CREATE TEMP TABLE a (b int CHECK (f(b)))":                                   sqltext.NotTemporary,
		"CREATE TEMP TABLE a (LIKE b INCLUDING DEFAULTS)":                            sqltext.NotTemporary,
		"CREATE TEMP VIEW a AS SELECT 1":                                             sqltext.NotTemporary,
		"CREATE TEMP SEQUENCE a":                                                     sqltext.NotTemporary,
		"CREATE TABLE pg_temp.a (b int)":                                             sqltext.NotTemporary,
		"DROP TABLE pg_temp.a":                                                       sqltext.DropsTemporary,
		`drop table if exists pg_temp.a, "pg_temp"."B" RESTRICT`:                     sqltext.DropsTemporary,
		"DROP TABLE pg_temp.a, b":                                                    sqltext.NotTemporary,
		"DROP TABLE pg_temp.a CASCADE":                                               sqltext.NotTemporary,
		"DROP TABLE pg_temp":                                                         sqltext.NotTemporary,
		"DROP TABLE pg_temp.a; DROP TABLE b":                                         sqltext.NotTemporary,
		"DROP VIEW pg_temp.a":                                                        sqltext.NotTemporary,
		"SELECT 'CREATE TEMP TABLE a (b int)'":                                       sqltext.NotTemporary,
		"CREATE TEMP TABLE a (b text DEFAULT 'unclosed":                              sqltext.NotTemporary,
		"CREATE TEMP TABLE":                                                          sqltext.NotTemporary,
		"DROP TABLE IF EXISTS":                                                       sqltext.NotTemporary,
	} {
		if got := sqltext.Analyze(text).Temporary(); got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
	}
}
