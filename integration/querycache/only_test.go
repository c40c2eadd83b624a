package querycache_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/batchinsert"
	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/pgtest"
)

var inheriting = []string{
	"CREATE TABLE animal (id int PRIMARY KEY, name text)", "CREATE TABLE cat (lives int DEFAULT 9, PRIMARY KEY (id)) INHERITS (animal)", "CREATE TABLE kitten () INHERITS (cat)",
	"CREATE TABLE reading (id int PRIMARY KEY) PARTITION BY RANGE (id)",
	"CREATE TABLE reading_1 PARTITION OF reading FOR VALUES FROM (0) TO (100)", "CREATE TABLE reading_2 PARTITION OF reading FOR VALUES FROM (100) TO (200)",
	"CREATE VIEW ownly AS SELECT id FROM ONLY animal", "CREATE VIEW beasts AS SELECT id FROM animal", "CREATE VIEW pets AS SELECT id, name FROM cat",
	"CREATE FUNCTION own_count() RETURNS bigint STABLE BEGIN ATOMIC SELECT count(*) FROM ONLY animal; END",
	"CREATE FUNCTION rename_cats() RETURNS void LANGUAGE plpgsql AS 'BEGIN UPDATE cat SET name = name || 1; END'",
	"CREATE FUNCTION after_toy() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN UPDATE kitten SET lives = lives - 1; RETURN NULL; END'",
	"CREATE TABLE toy (id int)", "CREATE TRIGGER after_toy AFTER INSERT ON toy FOR EACH ROW EXECUTE FUNCTION after_toy()",
	"CREATE TABLE owner (id int PRIMARY KEY)", "CREATE TABLE owned (owner int REFERENCES owner ON DELETE CASCADE) INHERITS (animal)",
	"INSERT INTO animal VALUES (1, 'a')", "INSERT INTO cat VALUES (2, 'c')", "INSERT INTO kitten VALUES (3, 'k')", "INSERT INTO reading VALUES (1), (101)", "INSERT INTO owner VALUES (1)", "INSERT INTO owned VALUES (4, 'o', 1)",
}

// readers are reads of a relation with and without the rows of tables that
// inherit from it, by name.
var readers = map[string]string{
	"only":      "SELECT count(*) FROM ONLY animal",
	"only view": "SELECT count(*) FROM ownly",
	"only func": "SELECT own_count()",
	"all":       "SELECT count(*) FROM animal",
	"both":      "SELECT (SELECT count(*) FROM ONLY animal) + (SELECT count(*) FROM animal)",
	"view":      "SELECT count(*) FROM beasts",
	"only cat":  "SELECT count(*) FROM ONLY cat",
	"cat":       "SELECT count(*) FROM cat",
	"kitten":    "SELECT count(*) FROM kitten",
	"root":      "SELECT count(*) FROM reading",
	"only root": "SELECT count(*) FROM ONLY reading",
	"first":     "SELECT count(*) FROM reading_1",
	"only 1":    "SELECT count(*) FROM ONLY reading_1",
	"second":    "SELECT count(*) FROM reading_2",
}

type catRow struct {
	ID    int
	Name  string
	Lives int
}

// A change to an inheriting table invalidates reads of its parent, except FROM
// ONLY reads.
func TestReadsOfOnlyATable(t *testing.T) {
	t.Parallel()
	b := following(t, minute)
	for _, sql := range inheriting {
		b.exec(b.pg, sql)
	}
	b.pg.Pool().Reset() // a session that has made tables is taken for a while to change the catalogs still
	sql := func(statements ...string) func() {
		return func() {
			err := pgx.BeginFunc(t.Context(), b.pg, func(tx pgx.Tx) error {
				for _, one := range statements {
					if _, err := tx.Exec(t.Context(), one); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Errorf("%q: %v", statements, err)
			}
		}
	}
	foreign := pgtest.Connect(t, b.pg.Pool().Config().ConnString())
	const own = "only, only func, only view, "
	for _, c := range []struct {
		name  string
		write func()
		drops string // readers
	}{
		{"update of a child", sql("UPDATE cat SET lives = 8"), "all, both, cat, kitten, only cat, view"},
		{"update of a child's own rows", sql("UPDATE ONLY kitten SET lives = 8"), "all, both, cat, kitten, view"},
		{"insert into a child", sql("INSERT INTO kitten VALUES (30, 'k')"), "all, both, cat, kitten, view"},
		{"delete from a child's child", sql("DELETE FROM kitten WHERE id = 30"), "all, both, cat, kitten, view"},
		{"MERGE into a child", sql("MERGE INTO kitten USING (SELECT 3) s (id) ON kitten.id = s.id WHEN MATCHED THEN UPDATE SET lives = 7"), "all, both, cat, kitten, view"},
		{"in WITH", sql("WITH w AS (UPDATE kitten SET lives = 5 RETURNING id) SELECT * FROM w"), "all, both, cat, kitten, view"},
		{"through a view of a child", sql("UPDATE pets SET name = 'p'"), "all, both, cat, kitten, only cat, view"},
		{"by a function", sql("SELECT rename_cats()"), "all, both, cat, kitten, only cat, view"},
		{"by a trigger", sql("INSERT INTO toy VALUES (1)"), "all, both, cat, kitten, view"},
		{"by a foreign key", sql("DELETE FROM owner"), "all, both, view"},
		{"by a block", sql("DO 'BEGIN UPDATE kitten SET lives = 4; END'"), "all, both, cat, kitten, view"},
		{"TRUNCATE of a child", sql("TRUNCATE kitten"), "all, both, cat, kitten, view"},
		{"insert into the parent", sql("INSERT INTO animal VALUES (10, 'a')"), own + "all, both, view"},
		{"update of the parent", sql("UPDATE animal SET name = 'b'"), own + "all, both, cat, kitten, only cat, view"},
		{"update of the parent's own rows", sql("UPDATE ONLY animal SET name = 'c'"), own + "all, both, cat, kitten, only cat, view"}, // more than need be
		{"child, then parent", sql("UPDATE kitten SET lives = 4", "INSERT INTO animal VALUES (11, 'a')"), own + "all, both, view"},
		{"parent, then child", sql("INSERT INTO animal VALUES (12, 'a')", "INSERT INTO kitten VALUES (31, 'k')"), own + "all, both, cat, kitten, view"},
		{"child, the parent rolled back", sql("INSERT INTO kitten VALUES (32, 'k')", "SAVEPOINT s", "INSERT INTO animal VALUES (13, 'a')", "ROLLBACK TO s"), "all, both, cat, kitten, view"},
		{"batch", func() {
			batch := new(pgx.Batch)
			batch.Queue("UPDATE kitten SET lives = $1", 3)
			batch.Queue("UPDATE ONLY cat SET lives = $1", 3)
			if err := b.pg.SendBatch(t.Context(), batch).Close(); err != nil {
				t.Error(err)
			}
		}, "all, both, cat, kitten, only cat, view"},
		{"COPY to a child", func() {
			if _, err := b.pg.CopyFrom(t.Context(), pgx.Identifier{"kitten"}, []string{"id"}, pgx.CopyFromRows([][]any{{40}})); err != nil {
				t.Error(err)
			}
		}, "all, both, cat, kitten, view"},
		{"COPY as bytes", func() {
			if _, err := db.CopyRaw(t.Context(), b.pg, "COPY kitten (id) FROM STDIN", strings.NewReader("41\n")); err != nil {
				t.Error(err)
			}
		}, "all, both, cat, kitten, view"},
		{"many rows", func() {
			rows := []catRow{{50, "m", 1}, {51, "n", 2}}
			if _, err := batchinsert.MustTable[catRow]("kitten").Insert(t.Context(), b.pg, batchinsert.Rows(rows)); err != nil {
				t.Error(err)
			}
		}, "all, both, cat, kitten, view"},
		{"insert into a partition", sql("INSERT INTO reading_1 VALUES (2)"), "first, only 1, root"},
		{"insert into the root", sql("INSERT INTO reading VALUES (3)"), "first, only 1, only root, root, second"},
		{"TRUNCATE of a partition", sql("TRUNCATE reading_2"), "root, second"},
		{"COPY to a partition", func() {
			if _, err := b.pg.CopyFrom(t.Context(), pgx.Identifier{"reading_2"}, []string{"id"}, pgx.CopyFromRows([][]any{{140}})); err != nil {
				t.Error(err)
			}
		}, "root, second"},
		{"insert into a child of which the reads do not know", func() {
			if _, err := foreign.Exec(t.Context(), "CREATE TABLE dog () INHERITS (animal)"); err != nil {
				t.Error(err)
			}
			sql("INSERT INTO dog VALUES (60, 'd')")()
		}, "all, both, view"},
		{"named by the program", func() { b.cache.InvalidateTables("animal") }, own + "all, both, view"},
	} {
		for _, text := range readers {
			if _, err := db.One[int64](t.Context(), b.reads, db.SQL(text)); err != nil {
				t.Fatal(err)
			}
		}
		c.write()
		b.resolve()
		var dropped []string
		for name, text := range readers {
			if e := b.reads.Explain(t.Context(), text); e.Entries == 0 {
				dropped = append(dropped, name)
			}
		}
		slices.Sort(dropped)
		want := strings.Split(c.drops, ", ")
		slices.Sort(want)
		if !slices.Equal(dropped, want) {
			t.Errorf("%s: invalidates %q, want %q", c.name, dropped, want)
		}
	}
}
