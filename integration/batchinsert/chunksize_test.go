package batchinsert_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"

	"github.com/headrace/headrace/batchinsert"
	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/migrations"
)

// chunkTables are a table whose columns the client parses, and one with a column
// that only the server parses.
var chunkTables = map[string]string{
	"parsed":         "CREATE TABLE parsed (a int, b text)",
	"left_to_server": "CREATE TABLE left_to_server (a int, b text CHECK (b <> 'no'), c tsvector)",
}

// written expands a few letters to what makes loads hard: NUL bytes, bytes of no
// character, quotes, line ends of every kind, and fields longer than the
// server's buffers.
func written(letters string) string {
	return strings.NewReplacer("Z", "\x00", "X", "\xff", "L", strings.Repeat("long", 20_000), "M", strings.Repeat("m", 65_530),
		"N", "\n", "R", "\r\n", "C", "\r", "Q", `"`, "D", "\n\\.\n", "G", strings.Repeat("\n1,a", 25), "H", strings.Repeat("\n1,a,b", 25)).Replace(letters)
}

// outcome loads a text and returns the loaded lines, and the lines in quarantine
// with their errors.
func outcome(t *testing.T, pg *db.DB, table, text string, chunkBytes int) string {
	t.Helper()
	ctx := context.Background()
	if _, err := pg.Exec(ctx, "TRUNCATE "+table+", headrace.quarantine"); err != nil {
		t.Fatal(err)
	}
	columns := []string{"a", "b", "c"}
	if table == "parsed" {
		columns = columns[:2]
	}
	id := rand.Text()
	_, err := batchinsert.Load(ctx, pg, table, batchinsert.CSV(strings.NewReader(text)), &batchinsert.LoadOptions{
		ID: id, Columns: columns, OnBad: batchinsert.Quarantine, ChunkBytes: chunkBytes,
	})

	said := ""
	if err != nil {
		said = strings.ReplaceAll(err.Error(), id, "")
	}
	rows := get[string](t, pg, "SELECT coalesce(string_agg(md5(t::text), ' ' ORDER BY t::text), '') FROM "+table+" t")
	bad := get[string](t, pg, "SELECT coalesce(string_agg(concat_ws(' ', line, byte_offset, sqlstate, column_name, md5(raw)), '; ' ORDER BY line), '') FROM headrace.quarantine")
	return fmt.Sprintf("rows %s\nquarantined %s\n%s", rows, bad, said)
}

// The same lines are loaded, and the same put into quarantine, with chunks of
// every size. Chunks of one line are the oracle.
func FuzzChunkSizes(f *testing.F) {
	pg, err := db.Open(f.Context(), pgtest.New(f), nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(pg.Close)
	if err := migrations.Install(f.Context(), pg.Pool()); err != nil {
		f.Fatal(err)
	}
	for _, sql := range chunkTables {
		if _, err := pg.Exec(f.Context(), sql); err != nil {
			f.Fatal(err)
		}
	}
	for _, seed := range []string{
		"1,aN2,Zb", "x,1,1N\\.N", "1,LN2,LZN3,XN4,L", "1,MN2,aM,aN", "1,Qa", "1,a,bGN2,no,cHNx,ZN", "GZGN1,LX", "1,aR2,bN3,c",
		"1,QLZQN2,b", "1,ZLDGNx,aG", "HN1,no,LNZ,a,bHN1,no,bH", "1,aQbNcQ,2NHN", "1,CX0000", ",L,LXN1,b,bH",
	} {
		f.Add(seed, uint16(0))
		f.Add(seed, uint16(100))
	}
	f.Fuzz(func(t *testing.T, letters string, size uint16) {
		text := written(letters)
		if len(text) > 1<<20 {
			return
		}
		chunk := int(size)
		if chunk == 0 {
			chunk = 5 << 20
		}
		for table := range chunkTables {
			want := outcome(t, pg, table, text, 1)
			if got := outcome(t, pg, table, text, chunk); got != want {
				t.Errorf("%s, %q in chunks of %d:\n%s\nwant\n%s", table, letters, chunk, got, want)
			}
		}
	})
}
