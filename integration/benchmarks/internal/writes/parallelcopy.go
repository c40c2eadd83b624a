package writes

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
)

// parallelCopy is timescaledb-parallel-copy of the same file over one
// connection, if the program is installed.
func parallelCopy(t Target, j job[Narrow], file []byte) (measure.Subject, bool) {
	program, err := exec.LookPath("timescaledb-parallel-copy")
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
	return subject(t, j, "timescaledb-parallel-copy", open, func(ctx context.Context, connString, table string) (measure.Seen, error) {
		out, err := exec.CommandContext(ctx, program, "--connection", connString, "--table", table, "--file", path,
			"--workers", "1", "--skip-header", "--columns", "id,customer_id,quantity,price").CombinedOutput()
		if err != nil {
			return measure.Seen{}, fmt.Errorf("timescaledb-parallel-copy: %w: %s", err, out)
		}
		return j.seen(), nil // its output has no number of rows
	}), true
}
