package catalog

import (
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite testdata/queries.sql")

// TestQueries holds the queries that are put together from parts to the text that
// the server is sent, so that a change of it is seen in review.
func TestQueries(t *testing.T) {
	const golden = "testdata/queries.sql"
	var text strings.Builder
	for _, q := range []struct{ name, sql string }{
		{"fingerprints", fingerprintQuery},
		{"locks of the own transaction", locksQuery},
		{"writes beyond these locks", beyondQuery},
		{"bodies of functions", bodyQuery},
		{"operators and casts of users", userMadeQuery},
		{"relations by exact name", strictQuery},
		{"relations on the search path", pathQuery},
		{"relations anywhere", anywhereQuery},
		{"functions by name", callQuery},
		{"whether columns can be examined", probesQuery},
		{"labels of enums", labelQuery},
	} {
		text.WriteString("-- " + q.name + "\n" + strings.TrimSpace(q.sql) + ";\n\n")
	}
	if *update {
		if err := os.WriteFile(golden, []byte(text.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got := text.String(); got != string(want) {
		t.Errorf("the queries differ from %s: look at them, and run with -update:\n%s", golden, got)
	}
}
