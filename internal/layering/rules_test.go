package layering

import (
	"strings"
	"testing"
)

// TestComplaints tests the rules.
func TestComplaints(t *testing.T) {
	for _, test := range []struct {
		file, imported string
		want           string // a part of the complaint, or ""
	}{
		{"db/open.go", "context", ""},
		{"db/open.go", pgx + "/pgxpool", ""},
		{"db/open.go", module + "/internal/sqltext", ""},
		{"db/open.go", module + "/querycache", "db may import, of this repository, only internal/sqltext"},
		{"db/open.go", module + "/internal/pgcopy", "db may import, of this repository, only internal/sqltext"},
		{"db/open.go", "github.com/jackc/pgx/v4", "db may import, of others, only github.com/jackc/pgx/v5"},
		{"db/open.go", "github.com/jackc/pgx/v5extra", "db may import, of others, only"},
		{"batchinsert/load.go", module + "/querycache", "batchinsert may import, of this repository, only db"},
		{"internal/sqltext/lexer.go", pgx, "internal/sqltext may import nothing outside the standard library"},
		{"internal/sqltext/lexer.go", module + "/db", "internal/sqltext may import nothing of this repository"},
		{"internal/sqltext/lexer_test.go", module + "/db", ""},
		{"internal/sqltext/lexer_test.go", pgx, ""},
		{"internal/sqltext/lexer_test.go", "github.com/stretchr/testify/require", "the standard library's testing alone"},
		{"examples/quickstart/main.go", module + "/db", ""},
		{"examples/quickstart/main.go", module + "/integration/pgserver", ""},
		{"examples/quickstart/main.go", module + "/internal/sqltext", "stands on the public packages alone"},
		{"examples/quickstart/main.go", "example.com/anything", ""},
		{"examples/quickstart/main.go", module + "/examples/quickstart/internal/bar", ""},
		{"batchinsert/pgload/load.go", module + "/batchinsert/parquetsource", ""},
		{"batchinsert/pgload/load.go", module + "/internal/records", "stands on the public packages alone"},
		{"db/dbprom/collector.go", module + "/internal/stmtstats", "stands on the public packages alone"},
		{"integration/pgserver/local.go", module + "/internal/sqltext", ""},
		{"integration/pgserver/local.go", "example.com/anything", ""},
		{"utilities/strings.go", "context", "has no rule"},
	} {
		file := sourceFile{path: test.file, test: strings.HasSuffix(test.file, "_test.go"), imports: []string{test.imported}}
		got := strings.Join(file.complaints(), "; ")
		if test.want == "" && got != "" || !strings.Contains(got, test.want) {
			t.Errorf("%s imports %s: complaint %q, want %q", test.file, test.imported, got, test.want)
		}
	}
}
