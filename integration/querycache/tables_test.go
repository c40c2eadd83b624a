package querycache_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/querycache"
)

var namedTables = []string{
	`CREATE SCHEMA geo`, `CREATE TABLE geo.lakes (id int)`, `INSERT INTO geo.lakes VALUES (1)`,
	`CREATE TABLE "Base" (id int)`, `INSERT INTO "Base" VALUES (1)`,
	`CREATE TABLE "a.b" (id int)`, `INSERT INTO "a.b" VALUES (1)`,
	`CREATE TABLE "user" (id int)`, `INSERT INTO "user" VALUES (1)`,
	`CREATE VIEW seen AS SELECT * FROM "Base"`, `CREATE VIEW seen_twice AS SELECT * FROM seen`,
	`CREATE TABLE parted (id int) PARTITION BY LIST (id)`, `CREATE TABLE part PARTITION OF parted DEFAULT`, `INSERT INTO part VALUES (1)`,
	`CREATE SEQUENCE sq`, `CREATE INDEX ix ON "Base" (id)`, `CREATE MATERIALIZED VIEW mat AS SELECT * FROM "Base"`,
}

// Names in Policy.Tables are resolved as in SQL.
func TestPolicyTablesAreResolvedAsInSQL(t *testing.T) {
	t.Parallel()
	b := following(t, minute)
	for _, sql := range namedTables {
		b.exec(b.pg, sql)
	}
	get := func(name string) (load func() (int, error), err error) {
		n := 0
		a, err := querycache.NewAside(b.cache, querycache.AsideOptions[int, int]{
			Name: "tables", Policy: querycache.Policy{TTL: time.Minute, Tables: []string{name}}, Source: b.pg,
			Load: func(context.Context, int) (int, error) { n++; return n, nil },
		})
		return func() (int, error) { return a.Get(t.Context(), 1) }, err
	}
	for _, c := range []struct{ name, changed string }{
		{"cities", "cities"}, {"Cities", "cities"}, {"PUBLIC.cities", "cities"}, {"geo.lakes", "geo.lakes"}, {`"geo"."lakes"`, "geo.lakes"},
		{`"Base"`, `"Base"`}, {`"a.b"`, `"a.b"`}, {`public."a.b"`, `"a.b"`}, {"user", `"user"`},
		{"seen", `"Base"`}, {"seen_twice", `"Base"`}, {"parted", "part"}, {"part", "parted"},
	} {
		load, err := get(c.name)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		for i, write := range []string{"", "UPDATE rivers SET name = name || '' WHERE id = 1", "UPDATE " + c.changed + " SET id = id WHERE id = 1"} {
			if write != "" {
				b.exec(b.pg, write)
			}
			want := max(1, i) // after the last one it is loaded again
			if got, err := load(); got != want || err != nil {
				t.Errorf("%s after %q: load %d, want %d (%v)", c.name, write, got, want, err)
			}
		}
		if !b.cache.InvalidateTables(c.name) {
			t.Errorf("nothing is known under the name %s", c.name)
		}
		if got, err := load(); got != 3 || err != nil {
			t.Errorf("%s was not invalidated: %d, %v", c.name, got, err)
		}
	}
	for name, want := range map[string]string{
		"cites": "does not exist", "base": "does not exist", "a.b": "does not exist", "lakes": "does not exist", "nowhere.cities": "does not exist",
		"elsewhere.public.cities": "cross-database", "ix": "ix", "sq": "sequence", "pg_class": "catalog",
	} {
		load, err := get(name)
		if err == nil {
			_, err = load()
		}
		if err == nil || !strings.Contains(err.Error(), "Policy.Tables: "+name) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := get("cities c"); err == nil || !strings.Contains(err.Error(), "not a table name") {
		t.Errorf("a name with an alias: %v", err)
	}
}

// Names in Policy.Tables are resolved again after a schema change.
func TestPolicyTablesAreResolvedAgain(t *testing.T) {
	t.Parallel()
	b := following(t, querycache.Policy{TTL: time.Minute, Tables: []string{"seen"}})
	read := func() string {
		name, err := db.One[string](t.Context(), b.reads, db.SQL(nameOfCity, 1))
		if err != nil {
			t.Fatal(err)
		}
		return name
	}
	read()
	if e := b.reads.Explain(t.Context(), nameOfCity); e.Cacheable || !strings.Contains(e.Detail, `"seen" does not exist`) {
		t.Errorf("explained as %+v", e)
	}
	b.want(querycache.RefusedPolicy)
	b.exec(b.pg, "CREATE VIEW seen AS SELECT id FROM rivers")
	time.Sleep(1100 * time.Millisecond) // for which a wrong name is not asked for again
	read()
	read()
	b.want(querycache.MissCold, querycache.Hit)
	b.exec(b.pg, "CREATE TABLE lakes (id int)")
	b.exec(b.pg, "CREATE OR REPLACE VIEW seen AS SELECT id FROM lakes")
	for range 3 {
		read()
	}
	b.want(querycache.MissLoadInvalidated, querycache.MissInvalidated, querycache.Hit) // the load that detects the schema change is not stored
	b.exec(b.pg, "INSERT INTO lakes VALUES (1)")
	read()
	b.want(querycache.MissInvalidated)
}
