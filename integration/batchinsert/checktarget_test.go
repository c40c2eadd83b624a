package batchinsert_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/headrace/headrace/batchinsert"
)

// untouched is an input that fails the test when it is read.
func untouched(t *testing.T) batchinsert.Input {
	return batchinsert.Records{Columns: []string{"id"}, Rows: func(func([]any, error) bool) { t.Error("rows were read") }}
}

// A dry run refuses what the load refuses, and both before they read anything.
func TestLoadRefusesTablesBeforeReading(t *testing.T) {
	t.Parallel()
	pg := open(t, "CREATE TABLE items (id int, name text)",
		"CREATE VIEW shown AS SELECT * FROM items",
		"CREATE VIEW total AS SELECT count(*)::int AS id FROM items",
		"CREATE MATERIALIZED VIEW kept AS SELECT * FROM items",
		"CREATE TABLE guarded (id int)", "ALTER TABLE guarded ENABLE ROW LEVEL SECURITY", "ALTER TABLE guarded FORCE ROW LEVEL SECURITY",
		"CREATE TABLE secret (id int, name text)")
	role := "loader_" + get[string](t, pg, "SELECT md5(current_database())")
	exec(t, pg, "CREATE ROLE "+role)
	t.Cleanup(func() {
		for _, sql := range []string{"DROP OWNED BY " + role, "DROP ROLE " + role} {
			if _, err := pg.Exec(context.Background(), sql); err != nil {
				t.Error(err)
			}
		}
	})
	exec(t, pg, "GRANT SELECT, INSERT ON guarded TO "+role)
	exec(t, pg, "GRANT SELECT, INSERT (name) ON secret TO "+role)
	for table, want := range map[string]string{
		"shown":   `to view "shown"`,
		"total":   "", // not even INSERT writes to it
		"kept":    "materialized view",
		"guarded": "row-level security",
		"secret":  `may not INSERT into column "id"`,
	} {
		for _, opts := range []*batchinsert.LoadOptions{nil, {DryRun: true}, {OnBad: batchinsert.Quarantine, DryRun: true}} {
			tx, err := pg.Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if table == "guarded" || table == "secret" {
				exec(t, tx, "SET LOCAL ROLE "+role)
			}
			_, err = batchinsert.Load(t.Context(), tx, table, untouched(t), opts)
			wantError(t, err, want)
			if strings.Contains(err.Error(), "headrace_stage") {
				t.Error(err)
			}
			if err := tx.Rollback(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Loads into views with triggers, and upserts under policies, are not refused.
func TestLoadIntoWritableViews(t *testing.T) {
	t.Parallel()
	pg := open(t, "CREATE TABLE items (id int PRIMARY KEY, name text)",
		"CREATE VIEW shown AS SELECT * FROM items",
		"CREATE VIEW handed AS SELECT * FROM items",
		"CREATE FUNCTION hand() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO items VALUES (new.*); RETURN new; END'",
		"CREATE TRIGGER hand INSTEAD OF INSERT ON handed FOR EACH ROW EXECUTE FUNCTION hand()")
	for table, opts := range map[string]*batchinsert.LoadOptions{
		"handed": nil,
		"shown":  {OnConflict: &batchinsert.OnConflict{Keys: []string{"id"}}},
	} {
		report, err := batchinsert.Load(t.Context(), pg, table, batchinsert.CSV(strings.NewReader("id,name\n1,a\n")), opts)
		if err != nil || report.Rows != 1 {
			t.Errorf("%s: %+v, %v", table, report, err)
		}
		exec(t, pg, "TRUNCATE items")
	}
}

// Errors about rows in the temporary table name the target.
func TestMessagesNameTheTarget(t *testing.T) {
	t.Parallel()
	pg := open(t, `CREATE TABLE "my items" (id int NOT NULL, name text CONSTRAINT short CHECK (length(name) < 3))`)
	for _, text := range []string{"id,name\n1,long\n", "id,name\n,a\n", "id,name\nx,a\n"} {
		report, err := batchinsert.Load(t.Context(), pg, `"my items"`, batchinsert.CSV(strings.NewReader(text)), &batchinsert.LoadOptions{DryRun: true})
		if err != nil || report.Bad != 1 {
			t.Fatalf("%+v, %v", report, err)
		}
		bad := report.BadLines[0]
		if strings.Contains(bad.Error(), "headrace_stage") || !errors.As(bad, new(*batchinsert.LineError)) {
			t.Error(bad)
		}
		if !strings.Contains(text, "x") {
			wantError(t, bad, `"my items"`)
		}
	}
}
