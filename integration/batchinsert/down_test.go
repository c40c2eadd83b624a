package batchinsert_test

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/batchinsert"
	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/faultproxy"
	"github.com/headrace/headrace/integration/pgtest"
)

// The error for an unreachable server is one line, in every way of writing.
func TestServerDownIsReportedInOneLine(t *testing.T) {
	t.Parallel()
	direct := pgtest.New(t)
	server, err := url.Parse(direct)
	if err != nil {
		t.Fatal(err)
	}
	proxy, err := faultproxy.Start(server.Host)
	if err != nil {
		t.Fatal(err)
	}
	connString, err := proxy.ConnString(direct)
	if err != nil {
		t.Fatal(err)
	}
	pg, err := db.Open(t.Context(), connString, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pg.Close)
	if err := proxy.Close(); err != nil {
		t.Fatal(err)
	}
	pg.Pool().Reset()

	rows, seq := batchinsert.Rows(manyItems(3)), batchinsert.Seq(slices.Values(manyItems(3)))
	load := func(opts *batchinsert.LoadOptions) error {
		_, err := batchinsert.Load(t.Context(), pg, "items", batchinsert.CSV(strings.NewReader("id,name\n1,a\n")), opts)
		return err
	}
	for name, write := range map[string]func() error{
		"Copy":       func() error { _, err := items.Copy(t.Context(), pg, rows); return err },
		"Insert":     func() error { _, err := items.Insert(t.Context(), pg, rows); return err },
		"Insert seq": func() error { _, err := items.Insert(t.Context(), pg, seq); return err },
		"Upsert":     func() error { _, err := items.Upsert(t.Context(), pg, rows, byID); return err },
		"Upsert seq": func() error { _, err := items.Upsert(t.Context(), pg, seq, byID); return err },
		"UpdateMany": func() error { _, err := items.UpdateMany(t.Context(), pg, rows, "id"); return err },
		"DeleteMany": func() error { _, err := items.DeleteMany(t.Context(), pg, rows, "id"); return err },
		"InsertReturning": func() error {
			_, err := batchinsert.InsertReturning[int64](t.Context(), pg, items, rows, "id")
			return err
		},
		"Load of CSV":           func() error { return load(nil) },
		"Load of CSV in chunks": func() error { return load(&batchinsert.LoadOptions{Jobs: 2}) },
		"Load of CSV with a ledger": func() error {
			return load(&batchinsert.LoadOptions{ID: "1"})
		},
		"BufferedWriter": func() error {
			w := items.NewWriter(pg, nil)
			err := w.Write(t.Context(), manyItems(1)[0])
			_ = w.Close(t.Context())
			return err
		},
	} {
		err := write()
		want := fmt.Sprintf(`connect to %s as user "postgres": nothing listens there`, proxy.Addr())
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v,\nwant one line with %q", name, err, want)
		}
		if _, ok := errors.AsType[*pgconn.ConnectError](err); !ok {
			t.Errorf("%s: no ConnectError in %v", name, err)
		}
	}
}
