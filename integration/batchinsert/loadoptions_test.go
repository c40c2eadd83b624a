package batchinsert_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/batchinsert"
	"github.com/headrace/headrace/db"
)

func TestLoadOnConflict(t *testing.T) {
	t.Parallel()
	pg := openInstalled(t, createItems)
	file := itemsFile(3000) + "7,again,1\n8,\"item 8\",8.5\n"
	for i, opts := range []batchinsert.LoadOptions{
		{}, {ChunkBytes: 1000}, {Jobs: 3, ChunkBytes: 5000}, {ID: "one", ChunkBytes: 5000}, {OnBad: batchinsert.Quarantine, ID: "two", ChunkBytes: 20_000},
	} {
		exec(t, pg, "TRUNCATE items")
		exec(t, pg, "INSERT INTO items (id, name, price) SELECT g, CASE WHEN g % 2 = 0 THEN 'old' ELSE 'item ' || g END, (g % 900) + 0.5 FROM generate_series(1, 1000) g WHERE g % 10 <> 3")
		opts.OnConflict = &batchinsert.OnConflict{Keys: []string{"id"}}
		report, err := batchinsert.Load(t.Context(), pg, "items", batchinsert.CSV(strings.NewReader(file)), &opts)
		c := report.Counts
		if err != nil || report.Rows != c.Inserted+c.Updated || report.Suppressed != 0 || report.Bad != 0 {
			t.Fatalf("%d: %+v, %v", i, report, err)
		}
		if c.Inserted != 2100 || c.Updated+c.Unchanged+c.Duplicates != 902 || opts.ID == "" && opts.Jobs == 0 && c != (batchinsert.Counts{Inserted: 2100, Updated: 501, Unchanged: 399, Duplicates: 2}) {
			t.Errorf("%d: %+v", i, c)
		}
		if got := get[string](t, pg, "SELECT concat_ws(' ', count(*), sum(id), count(*) FILTER (WHERE name = 'old'), min(name) FILTER (WHERE id = 8)) FROM items"); got != "3000 4501500 0 item 8" {
			t.Errorf("%d: %s", i, got)
		}
	}
	tx, err := pg.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.Background())
	for range 2 { // the temporary table is gone each time
		report, err := batchinsert.Load(t.Context(), tx, "items", batchinsert.CSV(strings.NewReader("id,name\n1,x\n")), &batchinsert.LoadOptions{OnConflict: &batchinsert.OnConflict{Keys: []string{"id"}}})
		if err != nil || report.Counts.Updated+report.Counts.Unchanged != 1 {
			t.Fatalf("%+v, %v", report, err)
		}
	}
	_, err = batchinsert.Load(t.Context(), pg, "items", batchinsert.CSV(strings.NewReader(file)), &batchinsert.LoadOptions{OnConflict: &batchinsert.OnConflict{Keys: []string{"id"}, Duplicates: batchinsert.Refuse}})
	wantError(t, err, "the same id")
}

// Bad rows of a load with OnConflict: those of COPY, and those of the INSERT.
func TestLoadOnConflictQuarantine(t *testing.T) {
	t.Parallel()
	pg := openInstalled(t, createItems, "ALTER TABLE items ADD CHECK (price < 1000)", "INSERT INTO items (id, name, price) VALUES (5, 'old', 1)")
	lines := strings.Split(strings.ReplaceAll(itemsFile(2000), "\"a, \"\"b\"\"\n", "\"a "), "\n")
	lines[9] = "x,bad id,1"
	lines[99] = "99,too dear,5000"
	lines[1500] = "1500,too dear,5000"
	report, err := batchinsert.Load(t.Context(), pg, "items", batchinsert.CSV(strings.NewReader(strings.Join(lines, "\n"))), &batchinsert.LoadOptions{
		OnBad: batchinsert.Quarantine, OnConflict: &batchinsert.OnConflict{Keys: []string{"id"}},
	})

	if err != nil || report.Rows != 1997 || report.Bad != 3 || report.Counts.Inserted != 1996 || report.Counts.Updated != 1 {
		t.Fatalf("%+v, %v", report, err)
	}
	got := get[string](t, pg, "SELECT string_agg(line || ' ' || sqlstate, ', ' ORDER BY line) FROM headrace.quarantine")
	if got != "10 22P02, 100 23514, 1501 23514" {
		t.Error(got)
	}
}

// Reading the indexes uses a savepoint, and COPY FREEZE requires that there is
// none between it and the TRUNCATE.
func TestLoadTruncateAndDropIndexes(t *testing.T) {
	t.Parallel()
	pg := open(t, createItems, "CREATE INDEX named ON items (name)", "INSERT INTO items (id, name) VALUES (99999, 'old')")
	report, err := batchinsert.Load(t.Context(), pg, "items", batchinsert.CSV(strings.NewReader(itemsFile(100))), &batchinsert.LoadOptions{Truncate: true, DropIndexes: true})
	if err != nil || report.Rows != 100 {
		t.Fatalf("%+v, %v", report, err)
	}
	wantCount(t, pg, "items", 100)
	if !get[bool](t, pg, "SELECT to_regclass('named') IS NOT NULL") {
		t.Error("the index is gone")
	}
}

func TestLoadTruncate(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	pg := open(t, createItems, "INSERT INTO items (id, name) VALUES (99999, 'old')")
	reader, err := pg.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Rollback(context.Background())
	if one := get[int](t, reader, "SELECT 1"); one != 1 { // takes the snapshot
		t.Fatal(one)
	}
	_, err = batchinsert.Load(ctx, pg, "items", batchinsert.CSV(strings.NewReader(itemsFile(100)+"x,y,1\n")), &batchinsert.LoadOptions{Truncate: true})
	wantError(t, err, `column "id"`)
	wantCount(t, pg, "items", 1)
	report, err := batchinsert.Load(ctx, pg, "items", batchinsert.CSV(strings.NewReader(itemsFile(100))), &batchinsert.LoadOptions{Truncate: true, ChunkBytes: 500})
	if err != nil || report.Rows != 100 {
		t.Fatalf("%+v, %v", report, err)
	}
	wantCount(t, pg, "items", 100)
	// Frozen rows are visible to older snapshots too.
	wantCount(t, reader, "items", 100)
	// A partitioned table cannot have them frozen, but it can be loaded.
	exec(t, pg, "CREATE TABLE parts (id bigint, name text, price numeric) PARTITION BY RANGE (id)")
	exec(t, pg, "CREATE TABLE parts1 PARTITION OF parts DEFAULT")
	if _, err := batchinsert.Load(ctx, pg, "parts", batchinsert.CSV(strings.NewReader(itemsFile(10))), &batchinsert.LoadOptions{Truncate: true}); err != nil {
		t.Error(err)
	}
	for _, opts := range []batchinsert.LoadOptions{{ID: "x"}, {Jobs: 2}, {OnBad: batchinsert.Quarantine}, {OnConflict: &batchinsert.OnConflict{Keys: []string{"id"}}}} {
		opts.Truncate = true
		_, err := batchinsert.Load(ctx, pg, "items", batchinsert.CSV(strings.NewReader(itemsFile(1))), &opts)
		wantError(t, err, "LoadOptions.Truncate")
	}
}

const showIndexes = "SELECT string_agg(indexdef, E'\\n' ORDER BY indexname) FROM pg_indexes WHERE tablename = 'items'"

func openIndexed(t *testing.T) *db.DB {
	t.Helper()
	return openInstalled(t, createItems, "CREATE INDEX by_name ON items (name) INCLUDE (price) WHERE price > 1", "CREATE INDEX \"By Price\" ON items (price DESC, lower(name))",
		"CREATE UNIQUE INDEX one_name ON items (name, id)", "CREATE INDEX noted ON items (added)", "COMMENT ON INDEX noted IS 'keep'")
}

func TestLoadDropIndexes(t *testing.T) {
	t.Parallel()
	pg := openIndexed(t)
	before := get[string](t, pg, showIndexes)
	exec(t, pg, `CREATE FUNCTION count_indexes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO seen SELECT count(*) FROM pg_indexes WHERE tablename = 'items'; RETURN NULL; END $$`)
	exec(t, pg, "CREATE TABLE seen (n int)")
	exec(t, pg, "CREATE TRIGGER look AFTER INSERT ON items FOR EACH STATEMENT EXECUTE FUNCTION count_indexes()")
	for i, opts := range []batchinsert.LoadOptions{{}, {ID: "a", Jobs: 2, ChunkBytes: 2000}, {ID: "b", OnBad: batchinsert.Quarantine}} {
		for _, bad := range []bool{true, false} {
			exec(t, pg, "TRUNCATE items, seen")
			opts.DropIndexes = true
			file := itemsFile(500)
			if bad {
				file = strings.Replace(file, "400,item", "x,item", 1)
				opts.MaxBad = -0
				opts.MaxBadShare = 0.0001
			} else {
				opts.ID = strings.Replace(opts.ID, "a", "aa", 1)
				opts.ID = strings.Replace(opts.ID, "b", "bb", 1)
			}
			_, err := batchinsert.Load(t.Context(), pg, "items", batchinsert.CSV(strings.NewReader(file)), &opts)
			if (err != nil) != bad {
				t.Errorf("%d: bad %v: %v", i, bad, err)
			}
			if after := get[string](t, pg, showIndexes); after != before {
				t.Errorf("%d: indexes were\n%s\nand are\n%s", i, before, after)
			}
			if !bad {
				if n := get[int](t, pg, "SELECT max(n) FROM seen"); n != 3 {
					t.Errorf("%d: %d indexes during the load, want the three that stay", i, n)
				}
			}
		}
	}
	_, err := batchinsert.Load(t.Context(), pg, "items", batchinsert.CSV(strings.NewReader(itemsFile(1))), &batchinsert.LoadOptions{DropIndexes: true, Jobs: 2})
	wantError(t, err, "DropIndexes", "ID")
	if get[int64](t, pg, "SELECT count(*) FROM headrace.dropped_indexes") != 0 {
		t.Error("the ledger of dropped indexes is not empty")
	}
}

// Indexes dropped by a process that died.
func TestRestoreIndexes(t *testing.T) {
	t.Parallel()
	pg := openIndexed(t)
	before := get[string](t, pg, showIndexes)
	die := func(id string) {
		exec(t, pg, `WITH gone AS (SELECT format('%I.%I', schemaname, indexname) AS name, indexdef FROM pg_indexes WHERE indexname IN ('by_name', 'By Price'))
INSERT INTO headrace.dropped_indexes (index_name, load_id, target, definition) SELECT name, $1, 'items', indexdef FROM gone`, id)
		exec(t, pg, `DROP INDEX by_name, "By Price"`)
	}
	die("dead")
	names, err := batchinsert.RestoreIndexes(t.Context(), pg)
	if err != nil || fmt.Sprint(names) != `[public."By Price" public.by_name]` {
		t.Errorf("%v, %v", names, err)
	}
	if after := get[string](t, pg, showIndexes); after != before {
		t.Errorf("indexes were\n%s\nand are\n%s", before, after)
	}
	// The load itself, called again.
	die("again")
	exec(t, pg, "CREATE INDEX by_name ON items (name) INCLUDE (price) WHERE price > 1") // somebody was quicker
	if _, err := batchinsert.Load(t.Context(), pg, "items", batchinsert.CSV(strings.NewReader(itemsFile(5))), &batchinsert.LoadOptions{ID: "again"}); err != nil {
		t.Fatal(err)
	}
	if after := get[string](t, pg, showIndexes); after != before {
		t.Errorf("indexes were\n%s\nand are\n%s", before, after)
	}
}

func TestLoadDryRun(t *testing.T) {
	t.Parallel()
	pg := open(t, createItems, "CREATE SEQUENCE numbers", "ALTER TABLE items ADD CHECK (price < 1000), ADD serial bigint NOT NULL DEFAULT nextval('numbers')")
	lines := strings.Split(strings.ReplaceAll(itemsFile(5000), "\"a, \"\"b\"\"\n", "\"a "), "\n")
	lines[9] = "x,bad id,1"
	lines[99] = "99,too dear,5000"
	lines[3000] = "3000,,5"
	file := strings.Join(lines, "\n")
	dry := &batchinsert.LoadOptions{DryRun: true, ChunkBytes: 10_000, ID: "unused"}
	report, err := batchinsert.Load(t.Context(), pg, "items", batchinsert.CSV(strings.NewReader(file)), dry)
	if err != nil || report.Rows != 4997 || report.Bad != 3 || len(report.BadLines) != 3 {
		t.Fatalf("%+v, %v", report, err)
	}
	var found []string
	for _, bad := range report.BadLines {
		found = append(found, fmt.Sprint(bad.Line))
	}
	if fmt.Sprint(found) != "[10 100 3001]" {
		t.Error(found)
	}
	wantCount(t, pg, "items", 0)
	if get[bool](t, pg, "SELECT is_called FROM numbers") {
		t.Error("the sequence was used")
	}
	tx, err := pg.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.Background())
	if _, err := batchinsert.Load(t.Context(), tx, "items", batchinsert.CSV(strings.NewReader(file)), dry); err != nil {
		t.Error(err)
	}
	if _, err := batchinsert.Load(t.Context(), tx, "items", batchinsert.CSV(strings.NewReader(itemsFile(5))), nil); err != nil {
		t.Errorf("the caller's transaction goes on: %v", err)
	}
	_, err = batchinsert.Load(t.Context(), pg, "items", batchinsert.CSV(strings.NewReader(file)), &batchinsert.LoadOptions{DryRun: true, MaxBad: 2})
	wantError(t, err, "more than 2 lines are bad", "input:3001")
}

// A dry run takes the options of the load that it is for.
func TestDryRunWithOtherOptions(t *testing.T) {
	t.Parallel()
	pg := openInstalled(t, createItems, "CREATE INDEX named ON items (name)", "INSERT INTO items (id, name) VALUES (1, 'old')")
	for name, opts := range map[string]batchinsert.LoadOptions{
		"Truncate": {Truncate: true}, "DropIndexes": {DropIndexes: true}, "both": {Truncate: true, DropIndexes: true}, "ID": {ID: "x"}, "Jobs": {Jobs: 2},
		"Quarantine": {OnBad: batchinsert.Quarantine}, "OnConflict": {OnConflict: &byID}, "KeepIdentity": {KeepIdentity: true}, "Verify": {Verify: true},
		"AsyncCommit": {AsyncCommit: true}, "Strict": {Strict: true}, "ID and Quarantine": {ID: "x", OnBad: batchinsert.Quarantine, DropIndexes: true},
	} {
		opts.DryRun = true
		report, err := batchinsert.Load(t.Context(), pg, "items", batchinsert.CSV(strings.NewReader(itemsFile(100)+"x,bad,1\n")), &opts)
		if err != nil || report.Rows != 100 || report.Bad != 1 {
			t.Errorf("%s: %+v, %v", name, report, err)
		}
		if got := get[string](t, pg, "SELECT string_agg(name, ',') || (SELECT count(*) FROM headrace.loads) || to_regclass('named') FROM items"); got != "old0named" {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestMaxBadShare(t *testing.T) {
	t.Parallel()
	pg := openInstalled(t, createItems)
	file := func(n, every int) string {
		var b strings.Builder
		b.WriteString("id,name\n")
		for i := 1; i <= n; i++ {
			if i%every == 0 {
				b.WriteString("bad,")
			}
			fmt.Fprintf(&b, "%d,x\n", i)
		}
		return b.String()
	}
	load := func(n, every int, share float64) error {
		exec(t, pg, "TRUNCATE items")
		_, err := batchinsert.Load(t.Context(), pg, "items", batchinsert.CSV(strings.NewReader(file(n, every))), &batchinsert.LoadOptions{OnBad: batchinsert.Quarantine, MaxBadShare: share})
		return err
	}
	if err := load(1000, 20, 0.05); err != nil {
		t.Error(err)
	}
	wantError(t, load(1000, 20, 0.04), "more than 4 % of the lines are bad")
	wantError(t, load(20_000, 10, 0.05), "more than 5 % of the lines are bad, the last: input:")
	wantError(t, load(10, 5, 0.1), "more than 10 % of the lines are bad")
	for _, bad := range []float64{-1, 2} {
		wantError(t, load(10, 5, bad), "MaxBadShare")
	}
}

func TestAsyncCommit(t *testing.T) {
	t.Parallel()
	pg := open(t, createItems, "ALTER TABLE items ADD mode text DEFAULT current_setting('synchronous_commit')")
	for _, opts := range []batchinsert.LoadOptions{{}, {Jobs: 2, ChunkBytes: 500}} {
		exec(t, pg, "TRUNCATE items")
		opts.AsyncCommit = true
		if _, err := batchinsert.Load(t.Context(), pg, "items", batchinsert.CSV(strings.NewReader(itemsFile(100))), &opts); err != nil {
			t.Fatal(err)
		}
		if got := get[string](t, pg, "SELECT string_agg(DISTINCT mode, ' ') FROM items"); got != "off" {
			t.Error(got)
		}
	}
	tx, err := pg.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.Background())
	_, err = batchinsert.Load(t.Context(), tx, "items", batchinsert.CSV(strings.NewReader(itemsFile(1))), &batchinsert.LoadOptions{AsyncCommit: true})
	wantError(t, err, "AsyncCommit")
}
