package changes

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headrace/headrace/internal/stmtstats"
)

func TestStatementTableIsBounded(t *testing.T) {
	table := newStatementTable()
	for i := range 3 * statementShards * textsPerShard {
		st := table.get(fmt.Sprintf("SELECT c%d FROM t WHERE id = %d", i, i))
		st.stats.Add(stmtstats.Call{Took: time.Millisecond, Rows: 1})
	}
	kept := 0
	for i := range table.shards {
		kept += len(table.shards[i].byText)
	}
	if most := statementShards * textsPerShard; kept > most {
		t.Errorf("%d texts are kept, want at most %d", kept, most)
	}
	all := table.fingerprints.Snapshot()
	if len(all) != stmtstats.MaxFingerprints+1 {
		t.Errorf("%d fingerprints, want %d and the rest as one", len(all), stmtstats.MaxFingerprints)
	}
	var calls int64
	for _, one := range all {
		calls += one.Calls
	}
	if want := int64(3 * statementShards * textsPerShard); calls != want {
		t.Errorf("%d calls counted, want %d", calls, want)
	}
}

func TestStatementTableMergesFingerprints(t *testing.T) {
	table := newStatementTable()
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for j := range 100 {
				st := table.get(fmt.Sprintf("-- name: ByID :one\nselect * from t where id in (%d, %d)", i, j))
				st.stats.Add(stmtstats.Call{Took: time.Duration(j) * time.Microsecond, Rows: 2})
			}
		})
	}
	group.Wait()
	all := table.fingerprints.Snapshot()
	if len(all) != 1 || all[0].Calls != 800 || all[0].Rows != 1600 || all[0].Name != "ByID" {
		t.Errorf("figures %+v, want one fingerprint named ByID of 800 calls and 1600 rows", all)
	}
}

func TestLongTextsAreNotStored(t *testing.T) {
	table := newStatementTable()
	sql := "SELECT '" + strings.Repeat("x", maxStoredText) + "'"
	first := table.get(sql)
	if table.get(sql) == first {
		t.Error("a text longer than the bound is kept")
	}
}
