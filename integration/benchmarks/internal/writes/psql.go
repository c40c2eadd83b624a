package writes

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
)

// psqlCopy is psql's \copy of the same file, if psql is installed.
func psqlCopy(t Target, j job[Narrow], file []byte) (measure.Subject, bool) {
	program, err := exec.LookPath("psql")
	if err != nil {
		return measure.Subject{}, false
	}
	var path string
	open := func(context.Context, Target) (string, func(), error) {
		dir, err := os.MkdirTemp("", "headrace-bench-")
		if err != nil {
			return "", nil, err
		}
		path = filepath.Join(dir, "narrow.csv")
		return t.connString, func() { _ = os.RemoveAll(dir) }, os.WriteFile(path, file, 0o600)
	}
	return subject(t, j, "psql", open, func(ctx context.Context, connString, table string) (measure.Seen, error) {
		script := fmt.Sprintf(`\copy %s FROM '%s' WITH (FORMAT csv, HEADER)`, table, path)
		out, err := exec.CommandContext(ctx, program, "-X", "-d", connString, "-c", script).CombinedOutput()
		if err != nil {
			return measure.Seen{}, fmt.Errorf("psql: %w: %s", err, out)
		}
		n, err := strconv.Atoi(strings.TrimPrefix(strings.TrimSpace(string(out)), "COPY "))
		return measure.Seen{Rows: n}, err
	}), true
}
