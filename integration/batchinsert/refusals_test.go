package batchinsert_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/batchinsert"
)

// counted yields rows and counts how many were asked for.
func counted[T any](rows []T, read *int) batchinsert.Source[T] {
	return batchinsert.Seq(func(yield func(T) bool) {
		for _, row := range rows {
			*read++
			if !yield(row) {
				return
			}
		}
	})
}

// Keys without a unique index are refused before any row is read, and the error
// names the keys and the existing indexes.
func TestUpsertRefusesKeysWithoutAnIndex(t *testing.T) {
	t.Parallel()
	type bucket struct {
		ID      int64
		Account string
		ARN     string
		Gone    bool
	}
	pg := open(t, `CREATE TABLE buckets (id bigint, account text, arn text NOT NULL, gone boolean,
		CONSTRAINT by_id UNIQUE (id) DEFERRABLE, CONSTRAINT by_arn UNIQUE (account, arn))`,
		"CREATE UNIQUE INDEX lower_arn ON buckets (lower(arn))", "CREATE UNIQUE INDEX live ON buckets (arn) WHERE NOT gone",
		"CREATE VIEW seen AS SELECT * FROM buckets")
	rows := []bucket{{1, "a", "b", false}}
	for name, c := range map[string]struct {
		on   batchinsert.OnConflict
		want []string // none where the keys are accepted
	}{
		"part of an index":    {batchinsert.OnConflict{Keys: []string{"account"}}, []string{"(account)", "by_arn (account, arn)"}},
		"more than an index":  {batchinsert.OnConflict{Keys: []string{"arn", "account", "gone"}}, []string{"(arn, account, gone)"}},
		"deferrable":          {batchinsert.OnConflict{Keys: []string{"id"}}, []string{"(id)", "by_id (id) DEFERRABLE"}},
		"other expression":    {batchinsert.OnConflict{Keys: []string{"(upper(arn))"}}, []string{"upper(arn)", "lower_arn (lower(arn))"}},
		"no predicate":        {batchinsert.OnConflict{Keys: []string{"arn"}}, []string{"(arn)", "live (arn) WHERE"}},
		"other predicate":     {batchinsert.OnConflict{Keys: []string{"arn"}, Where: "gone"}, []string{"(arn) WHERE gone", "live (arn) WHERE"}},
		"any order":           {batchinsert.OnConflict{Keys: []string{"arn", "account"}}, nil},
		"expression":          {batchinsert.OnConflict{Keys: []string{"(lower(arn))"}}, nil},
		"column in brackets":  {batchinsert.OnConflict{Keys: []string{"account", "(arn)"}}, nil},
		"predicate":           {batchinsert.OnConflict{Keys: []string{"arn"}, Where: "NOT gone"}, nil},
		"expression deferred": {batchinsert.OnConflict{Keys: []string{"(lower(arn))"}, Where: "true"}, nil},
	} {
		for _, table := range []string{"buckets", "seen"} {
			buckets := batchinsert.MustTable[bucket](table)
			read := 0
			for way, source := range map[string]batchinsert.Source[bucket]{"arrays": batchinsert.Rows(rows), "staged": counted(rows, &read)} {
				err := pgx.BeginFunc(t.Context(), pg, func(tx pgx.Tx) error {
					exec(t, tx, "DELETE FROM buckets")
					_, err := buckets.Upsert(t.Context(), tx, source, c.on)
					return err
				})
				switch {
				case c.want == nil && err != nil:
					t.Errorf("%s, %s, %s: %v", name, table, way, err)
				case c.want != nil && table == "seen": // the indexes are another table's, and the server sees to them
					if err == nil {
						t.Errorf("%s, %s, %s: accepted", name, table, way)
					}
				case c.want != nil:
					wantError(t, err, append(c.want, "no unique index fits OnConflict.Keys")...)
				}
			}
			if c.want != nil && read > 0 && (table == "buckets" || name != "deferrable") {
				t.Errorf("%s, %s: %d rows were read", name, table, read)
			}
		}
		if c.want == nil {
			continue
		}
		for way, load := range loads("id", "account", "arn", "gone") {
			read := 0
			err := load(t.Context(), pg, "buckets", &read, &c.on)
			wantError(t, err, append(c.want, "no unique index fits OnConflict.Keys")...)
			if read > 0 {
				t.Errorf("%s, %s: %d records were read", name, way, read)
			}
		}
	}
}

// loads are the ways of loading records by a conflict's keys. They count those
// that are read.
func loads(columns ...string) map[string]func(ctx context.Context, w batchinsert.Writer, table string, read *int, on *batchinsert.OnConflict) error {
	type load = func(ctx context.Context, w batchinsert.Writer, table string, read *int, on *batchinsert.OnConflict) error
	by := func(opts batchinsert.LoadOptions) load {
		return func(ctx context.Context, w batchinsert.Writer, table string, read *int, on *batchinsert.OnConflict) error {
			opts := opts
			opts.OnConflict = on
			_, err := batchinsert.Load(ctx, w, table, batchinsert.Records{Columns: columns, Rows: func(yield func([]any, error) bool) {
				*read++
				yield(make([]any, len(columns)), nil)
			}}, &opts)
			return err
		}
	}
	return map[string]load{
		"load": by(batchinsert.LoadOptions{}), "dry run": by(batchinsert.LoadOptions{DryRun: true}),
		"dry run with quarantine": by(batchinsert.LoadOptions{DryRun: true, OnBad: batchinsert.Quarantine}),
	}
}

// Missing privileges are reported before any row is read, with the server's
// error.
func TestPrivilegesAreCheckedBeforeRows(t *testing.T) {
	t.Parallel()
	type narrow struct{ ID int64 }
	pg := open(t, createItems)
	role := newRole(t, pg, "INSERT (id, name, price), SELECT ON items")
	rows := manyItems(10)
	table := batchinsert.MustTable[narrow]("items")
	calls := map[string]func(tx pgx.Tx, read *int) error{
		"upsert": func(tx pgx.Tx, read *int) error {
			_, err := items.Upsert(t.Context(), tx, counted(rows, read), byID)
			return err
		},
		"update": func(tx pgx.Tx, read *int) error {
			_, err := items.UpdateMany(t.Context(), tx, counted(rows, read), "id")
			return err
		},
		"delete": func(tx pgx.Tx, read *int) error {
			_, err := table.DeleteMany(t.Context(), tx, counted([]narrow{{1}}, read), "id")
			return err
		},
		"copy": func(tx pgx.Tx, read *int) error {
			exec(t, tx, "RESET ROLE")
			exec(t, tx, "REVOKE INSERT ON items FROM "+role)
			exec(t, tx, "SET LOCAL ROLE "+role)
			_, err := items.Copy(t.Context(), tx, counted(rows, read))
			return err
		},
	}
	for name, load := range loads("id", "name", "price") {
		calls[name] = func(tx pgx.Tx, read *int) error { return load(t.Context(), tx, "items", read, &byID) }
	}
	for name, call := range calls {
		tx, err := pg.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		exec(t, tx, "SET LOCAL ROLE "+role)
		read := 0
		err = call(tx, &read)
		var pgErr *pgconn.PgError
		if !errors.As(err, &pgErr) || pgErr.Code != "42501" {
			t.Errorf("%s: %v", name, err)
		}
		if read > 0 {
			t.Errorf("%s: %d rows were read", name, read)
		}
		if err := tx.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// The cached indexes are read again if none fits.
func TestUpsertNoticesNewIndexes(t *testing.T) {
	t.Parallel()
	pg := open(t, "CREATE TABLE items (price numeric, id bigint NOT NULL, name text NOT NULL)")
	one := batchinsert.Rows(manyItems(1))
	byName := batchinsert.OnConflict{Keys: []string{"name"}}
	_, err := items.Upsert(t.Context(), pg, one, byID)
	wantError(t, err, "no unique index", "the table has none")
	for _, step := range []struct {
		sql string
		on  batchinsert.OnConflict
		ok  bool
	}{
		{"CREATE UNIQUE INDEX by_id ON items (id)", byID, true},
		{"CREATE UNIQUE INDEX by_name ON items (name)", byName, true},
		{"DROP INDEX by_id", byID, false},
		{"ALTER TABLE items ADD CONSTRAINT by_id UNIQUE (id) DEFERRABLE", byID, false},
	} {
		exec(t, pg, step.sql)
		if _, err := items.Upsert(t.Context(), pg, one, step.on); (err == nil) != step.ok {
			t.Errorf("after %s: %v", step.sql, err)
		}
	}
}

// COPY bypasses row-level security and cannot write to views, which is detected
// before rows are read. Insert and Upsert obey the policies.
func TestCopyRefusesUnsupportedTables(t *testing.T) {
	t.Parallel()
	pg := open(t, createItems, "ALTER TABLE items ENABLE ROW LEVEL SECURITY",
		"CREATE POLICY cheap ON items USING (true) WITH CHECK (price < 5)",
		"CREATE VIEW seen AS SELECT * FROM items", "CREATE MATERIALIZED VIEW kept AS SELECT * FROM items")
	role := newRole(t, pg, "ALL ON items")
	as := func(role string, fn func(tx pgx.Tx)) {
		err := pgx.BeginFunc(t.Context(), pg, func(tx pgx.Tx) error {
			exec(t, tx, "SET LOCAL ROLE "+role)
			fn(tx)
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	cheap, dear := manyItems(10), manyItems(30)
	refused := func(tx pgx.Tx, table string, want ...string) {
		t.Helper()
		read := 0
		_, err := batchinsert.MustTable[item](table).Copy(t.Context(), tx, counted(cheap, &read))
		wantError(t, err, want...)
		if read > 0 {
			t.Errorf("%d rows were read", read)
		}
		_, err = batchinsert.Load(t.Context(), tx, table, batchinsert.CSV(strings.NewReader(itemsFile(10))), nil)
		wantError(t, err, want...)
	}
	as(role, func(tx pgx.Tx) {
		refused(tx, "items", "row-level security", "items", "Insert and Upsert do")
		for _, source := range []batchinsert.Source[item]{batchinsert.Rows(cheap), batchinsert.Seq(slices.Values(cheap))} {
			exec(t, tx, "DELETE FROM items")
			if n, err := items.Insert(t.Context(), tx, source); n != 10 || err != nil {
				t.Errorf("%d, %v", n, err)
			}
			if _, err := items.Upsert(t.Context(), tx, source, byID); err != nil {
				t.Error(err)
			}
		}
		for _, source := range []batchinsert.Source[item]{batchinsert.Rows(dear), batchinsert.Seq(slices.Values(dear))} {
			for name, write := range map[string]func(w batchinsert.Writer) error{
				"insert": func(w batchinsert.Writer) error { _, err := items.Insert(t.Context(), w, source); return err },
				"upsert": func(w batchinsert.Writer) error { _, err := items.Upsert(t.Context(), w, source, byID); return err },
			} {
				err := pgx.BeginFunc(t.Context(), tx, func(tx pgx.Tx) error {
					exec(t, tx, "DELETE FROM items")
					return write(tx)
				})
				var pgErr *pgconn.PgError
				if !errors.As(err, &pgErr) || pgErr.Code != "42501" {
					t.Errorf("%s goes by no policy: %v", name, err)
				}
			}
		}
	})
	as("postgres", func(tx pgx.Tx) { // to whom policies do not apply
		exec(t, tx, "TRUNCATE items")
		if _, err := items.Copy(t.Context(), tx, batchinsert.Rows(dear)); err != nil {
			t.Error(err)
		}
		refused(tx, "seen", `cannot copy to view "seen"`)
		refused(tx, "kept", `cannot copy to materialized view "kept"`)
		exec(t, tx, "CREATE FUNCTION put() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO items (id, name) VALUES (NEW.id + 100, NEW.name); RETURN NEW; END $$")
		exec(t, tx, "CREATE TRIGGER put INSTEAD OF INSERT ON seen FOR EACH ROW EXECUTE FUNCTION put()")
		if _, err := batchinsert.MustTable[item]("seen").Copy(t.Context(), tx, batchinsert.Rows(cheap)); err != nil {
			t.Error(err)
		}
	})
}

// A struct with generated columns only is refused with the reason.
func TestNoFieldToWrite(t *testing.T) {
	t.Parallel()
	type row struct{ ID int64 }
	type rest struct {
		ID, Twice int64
	}
	pg := open(t, "CREATE TABLE numbers (id bigint GENERATED ALWAYS AS IDENTITY, twice bigint GENERATED ALWAYS AS (2) STORED)")
	numbers := batchinsert.MustTable[row]("numbers")
	one := batchinsert.Rows([]row{{7}})
	_, err := numbers.Copy(t.Context(), pg, one)
	wantError(t, err, `column "id" is an identity column`, "KeepIdentity")
	_, err = batchinsert.MustTable[rest]("numbers").Insert(t.Context(), pg, batchinsert.Rows([]rest{{}}))
	wantError(t, err, `column "id" is an identity column`, `column "twice" is generated`)
	_, err = numbers.With(batchinsert.Options{Omit: []string{"id"}}).Insert(t.Context(), pg, one)
	wantError(t, err, `Options.Omit names "id"`)
	if n, err := numbers.With(batchinsert.Options{KeepIdentity: true}).Copy(t.Context(), pg, one); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}
