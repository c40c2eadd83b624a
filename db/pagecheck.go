package db

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/internal/keyset"
	"github.com/headrace/headrace/internal/paging"
	"github.com/headrace/headrace/internal/sqltext"
)

// CheckPages checks whether the server can read the statement's pages in the
// order of p from an index. Without an index it sorts all rows for each page;
// the error names the missing index, where the plan shows it. An index counts
// even where the tables are too small for the server to use it. CheckPages asks
// the server for a plan and runs nothing. Call it together with [DB.Check].
//
// No index gives an order through DISTINCT, GROUP BY, window functions and
// UNION: do not check such statements.
func (s *Stmt[T]) CheckPages(ctx context.Context, d *DB, p Pager) error {
	text := s.text
	if numbered := numbered(text); numbered != text.Normalized {
		text = sqltext.Analyze(numbered)
	}
	run, err := paging.New(text, p.order(nil))
	if err != nil {
		return pageError(s.text, err)
	}
	conn, _, err := d.acquire(ctx)
	if err != nil {
		return fmt.Errorf("db: check pages of %s: %w", s.text.Label(), err)
	}
	defer release(conn)
	plan, err := explainOrder(ctx, conn.Conn(), run)
	if err != nil {
		return fmt.Errorf("db: check pages of %s: %w", s.text.Label(), err)
	}
	if sort := plan.sort(); sort != nil {
		return pageError(s.text, &noIndexError{sort.relation(), sort.SortKey})
	}
	return nil
}

// A noIndexError reports that the server sorts the rows of each page.
type noIndexError struct {
	table string // "" for several tables
	keys  []string
}

func (e *noIndexError) Error() string {
	text := "no index has the order of the keys, so that the server sorts all rows for each page"
	if e.table == "" {
		return text + ": it sorts by " + strings.Join(e.keys, ", ")
	}
	columns := make([]string, len(e.keys))
	for i, key := range e.keys {
		columns[i] = key
		if table, column, ok := strings.Cut(key, "."); ok && !strings.ContainsAny(table, ` ("`) {
			columns[i] = column
		}
	}
	return text + ": there is none on " + e.table + " (" + strings.Join(columns, ", ") + ")"
}

// A planNode is a node of a plan, as EXPLAIN (FORMAT JSON) shows it.
type planNode struct {
	NodeType string     `json:"Node Type"`
	SortKey  []string   `json:"Sort Key"`
	Relation string     `json:"Relation Name"`
	Plans    []planNode `json:"Plans"`
}

// sort returns the node that sorts the rows of a page, or nil.
func (n *planNode) sort() *planNode {
	switch n.NodeType {
	case "Sort", "Incremental Sort":
		return n
	case "Limit", "Result", "Subquery Scan", "Append", "Merge Append", "Gather Merge", "LockRows", "ProjectSet":
		for i := range n.Plans {
			if found := n.Plans[i].sort(); found != nil {
				return found
			}
		}
	}
	return nil
}

// relation returns the only table under the node, or "".
func (n *planNode) relation() string {
	found := n.Relation
	for i := range n.Plans {
		switch under := n.Plans[i].relation(); {
		case found == "":
			found = under
		case under != "" && under != found:
			return ""
		}
	}
	return found
}

// explainOrder returns the plan of a first page, with sorting and sequential
// scans disabled.
func explainOrder(ctx context.Context, conn *pgx.Conn, run *paging.Statement) (*planNode, error) {
	const name = "headrace_check_pages"
	execute := name
	if n := run.Params(); n > 0 {
		execute += "(NULL" + strings.Repeat(", NULL", n-1) + ")"
	}
	sql := strings.Join([]string{
		"BEGIN READ ONLY", "SET LOCAL plan_cache_mode = force_generic_plan",
		"SET LOCAL enable_sort = off", "SET LOCAL enable_incremental_sort = off", "SET LOCAL enable_seqscan = off", "SET LOCAL enable_bitmapscan = off",
		"PREPARE " + name + " AS " + run.SQL((*keyset.Position)(nil).Form(2)) + "\n",
		"EXPLAIN (FORMAT JSON, COSTS OFF) EXECUTE " + execute, "DEALLOCATE " + name, "ROLLBACK",
	}, ";")
	results, err := conn.PgConn().Exec(ctx, sql).ReadAll()
	if err != nil && !conn.IsClosed() {
		_, endErr := conn.PgConn().Exec(ctx, "ROLLBACK").ReadAll()
		_, dropErr := conn.PgConn().Exec(ctx, "DEALLOCATE "+name).ReadAll()
		if _, unknown := errors.AsType[*pgconn.PgError](dropErr); !unknown { // the statement was not prepared
			err = errors.Join(err, dropErr)
		}
		err = errors.Join(err, endErr)
	}
	if err != nil {
		return nil, err
	}
	for _, result := range results {
		if len(result.Rows) != 1 || len(result.Rows[0]) != 1 {
			continue
		}
		var plans []struct{ Plan planNode }
		if err := json.Unmarshal(result.Rows[0][0], &plans); err != nil || len(plans) != 1 {
			return nil, fmt.Errorf("read the plan: %w", err)
		}
		return &plans[0].Plan, nil
	}
	return nil, errors.New("the server returned no plan")
}
