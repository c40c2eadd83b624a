package pages_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/db"
)

// An explainer runs statements after it has explained each of them with the
// same arguments: with a custom plan, and with the generic plan that a prepared
// statement may get.
type explainer struct {
	conn    *pgxpool.Conn
	plan    string // of the last statement
	buffers int    // that it touched
	generic bool
}

func (e *explainer) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	e.generic = !e.generic
	mode := "force_custom_plan"
	if e.generic {
		mode = "force_generic_plan"
	}
	if _, err := e.conn.Exec(ctx, "SET plan_cache_mode = "+mode); err != nil {
		return nil, err
	}
	if _, err := e.conn.Exec(ctx, "PREPARE explained AS "+sql); err != nil {
		return nil, err
	}
	execute := "EXECUTE explained"
	if len(args) > 0 {
		execute += fmt.Sprintf("('%s')", strings.Join(texts(args), "', '"))
	}
	// Once before: the first run sets hint bits.
	for range 2 {
		lines, err := db.All[string](ctx, e.conn, db.SQL("EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF) "+execute, pgx.QueryExecModeSimpleProtocol))
		if err != nil {
			return nil, err
		}
		e.plan = strings.Join(lines, "\n")
	}
	if _, err := e.conn.Exec(ctx, "DEALLOCATE explained"); err != nil {
		return nil, err
	}
	// The first node's buffers are those of all nodes.
	hit, read := 0, 0
	for _, word := range strings.Fields(strings.SplitN(e.plan, "Buffers: shared", 2)[1])[:2] {
		fmt.Sscanf(word, "hit=%d", &hit)
		fmt.Sscanf(word, "read=%d", &read)
	}
	e.buffers = hit + read
	return e.conn.Query(ctx, sql, args...)
}

func texts(args []any) (list []string) {
	for _, arg := range args {
		list = append(list, arg.(string))
	}
	return list
}

// sorts reports whether the plan sorts the rows of a scan, beyond the page
// itself.
func (e *explainer) sorts() bool {
	return strings.Contains(e.plan, "Seq Scan") || strings.Contains(e.plan, "Incremental Sort")
}
