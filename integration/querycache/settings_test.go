package querycache_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/querycache"
)

// answersDependOn are the server settings that results may depend on.
// One that a new version brings is taken for such, and fails this test until it
// is either written here or known to be harmless.
var answersDependOn = strings.Fields(`
	array_nulls backslash_quote bytea_output client_encoding datestyle default_text_search_config dynamic_library_path
	extension_control_path extension_destdir extra_float_digits gin_fuzzy_search_limit ignore_checksum_failure
	intervalstyle lc_messages lc_monetary lc_numeric lc_time lo_compat_privileges local_preload_libraries
	quote_all_identifiers restrict_nonsystem_relation_kind row_security search_path session_preload_libraries
	session_replication_role standard_conforming_strings stats_fetch_consistency timezone timezone_abbreviations
	transform_null_equals xmlbinary xmloption zero_damaged_pages`)

func TestSettingsOfTheServer(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil, minute)
	pg, reads := b.singly(nil)
	names, err := db.All[string](t.Context(), pg, db.SQL("SELECT lower(name) FROM pg_settings WHERE context IN ('user', 'superuser')"))
	if err != nil || len(names) < 100 {
		t.Fatal(len(names), err)
	}
	for i, name := range names {
		_, err := pg.Exec(t.Context(), "SELECT set_config('"+name+"', current_setting('"+name+"'), false)")
		if err != nil {
			continue // not in this state of the session, or not by this role
		}
		refused := b.cache.Stats().Lookups[querycache.RefusedSession]
		if _, err := nameByID.One(t.Context(), reads, i); err != nil && err != pgx.ErrNoRows {
			t.Fatalf("after setting %s: %v", name, err)
		}
		refused = b.cache.Stats().Lookups[querycache.RefusedSession] - refused
		if want := slices.Contains(answersDependOn, name); (refused == 1) != want {
			t.Errorf("%s: refused %v, want %v", name, refused == 1, want)
		}
		b.exec(pg, "DISCARD ALL")
	}
}

// Settings that end with their transaction do not change the session. Explain
// names the statement of a setting that stays.
func TestSettingsInTransactions(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil, minute)
	pg, reads := b.singly(nil)
	id := 0
	ask := func(why querycache.Reason) {
		t.Helper()
		id++
		before := b.cache.Stats().Lookups[why]
		if _, err := nameByID.One(t.Context(), reads, id); err != nil {
			t.Fatal(err)
		}
		if b.cache.Stats().Lookups[why] != before+1 {
			t.Errorf("not %v: %v", why, b.cache.Stats().Lookups)
		}
	}
	inTx := func(sql string, args ...any) {
		t.Helper()
		err := pg.InTx(t.Context(), db.TxOptions{}, func(tx pgx.Tx) error {
			_, err := tx.Exec(t.Context(), sql, args...)
			if err == nil {
				_, err = tx.Exec(t.Context(), "INSERT INTO rivers SELECT max(id) + 1, 'new' FROM rivers")
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		b.resolve()
	}
	for _, sql := range []string{"SELECT set_config('app.user', $1, true)", "/* who */ SELECT pg_catalog.set_config('search_path', $1, TRUE)"} {
		inTx(sql, "public")
		ask(querycache.MissCold)
	}
	for _, sql := range []string{"SET LOCAL search_path = pg_catalog, public", "SET LOCAL TIME ZONE 'Asia/Tokyo'", "SET geqo = off", "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"} {
		inTx(sql)
		ask(querycache.MissCold)
	}
	for _, c := range []struct{ set, back string }{
		{"SET extra_float_digits = 0", "RESET extra_float_digits"},
		{"SET TIME ZONE 'Asia/Tokyo'", "SET TIME ZONE LOCAL"},
		{"SET array_nulls = off", "SET array_nulls TO DEFAULT"},
		{"SELECT set_config('search_path', 'public', false)", "RESET ALL"},
		{"CREATE TEMP TABLE mine (id int)", "DISCARD TEMP"},
	} {
		inTx(c.set)
		ask(querycache.RefusedSession)
		if e := reads.Explain(t.Context(), nameByID.SQL()); !e.Cacheable || !strings.Contains(e.Detail, strings.ToLower(c.set[:6])) {
			t.Errorf("%s: explained as %v %q", c.set, e.Cacheable, e.Detail)
		}
		b.exec(pg, c.back)
		ask(querycache.MissCold)
	}
	tx, err := pg.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b.exec(tx, "SET search_path = pg_catalog, public")
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	ask(querycache.MissCold)
}
