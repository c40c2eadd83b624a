package dbtest

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/db/advise"
	"github.com/headrace/headrace/internal/cacheapi"
	"github.com/headrace/headrace/internal/profile"
)

// NoSeqScan fails the test if a statement that runs on pg until the test's
// cleanup can read one of the tables only as a whole: by a sequential scan, or
// by an index that it reads to the end to filter it. A table is given by its
// name, with or without schema, a partition by its own; without tables, all
// count.
//
// The rows that a test has do not matter: at the cleanup the server is asked
// for the plan of each statement for unknown arguments, with sequential scans
// discouraged (enable_seqscan), so that it shows one only where no index serves.
// A LIMIT that may end a scan early is not considered. Statements that cannot be
// explained, such as CREATE TABLE, do not count.
func NoSeqScan(tb TB, pg *db.DB, tables ...string) {
	tb.Helper()
	watch(tb, pg, 2, func(s profile.Snapshot) {
		tb.Helper()
		found, err := seqScans(pg, s.Statements, tables)
		switch {
		case err != nil:
			tb.Errorf("dbtest: explain statements: %v", err)
		case found != "":
			tb.Errorf("dbtest: statements read whole tables:%s", found)
		}
	})
}

// seqScans describes the statements that read whole tables.
func seqScans(pg *db.DB, statements []profile.StatementSnapshot, tables []string) (string, error) {
	ctx := context.Background() // that of a test ends before its cleanup
	explainer, err := openExplainer(ctx, pg)
	if err != nil {
		return "", err
	}
	defer explainer.Close()
	var found strings.Builder
	for _, st := range statements {
		sql, ok := cacheapi.HandleOf(pg).Sample(st.Fingerprint, st.Name)
		if !ok {
			continue
		}
		report, err := advise.Statement(ctx, explainer, sql, nil, nil)
		if err != nil {
			return "", err
		}
		var scans []string
		eachNode(report.Plan, func(n *advise.Node) {
			if readsAll(n) && isAny(n.Relation, tables) {
				scans = append(scans, n.Relation)
			}
		})
		if len(scans) > 0 {
			fmt.Fprintf(&found, "\n  %s of %s%s", strings.Join(scans, ", "), label(st.Name, st.Text), places(st.Sites))
		}
	}
	return found.String(), nil
}

// openExplainer opens a handle to the same database, for which the planner
// avoids sequential scans.
func openExplainer(ctx context.Context, pg *db.DB) (*db.DB, error) {
	theirs := pg.Config()
	cfg, err := pgxpool.ParseConfig(theirs.ConnString())
	if err != nil {
		return nil, err
	}
	cfg.ConnConfig.Config = theirs.ConnConfig.Copy().Config // also what the program has changed
	cfg.ConnConfig.RuntimeParams["enable_seqscan"] = "off"
	cfg.MaxConns = 1
	return db.OpenConfig(ctx, cfg, nil)
}

func eachNode(n *advise.Node, fn func(*advise.Node)) {
	if n == nil {
		return
	}
	fn(n)
	for _, child := range n.Children {
		eachNode(child, fn)
	}
}

// readsAll reports whether a node reads a whole table.
func readsAll(n *advise.Node) bool {
	switch n.Type {
	case "Seq Scan":
		return true
	case "Index Scan", "Index Only Scan":
		return n.Condition == "" && n.Filter != ""
	}
	return false
}

// isAny reports whether relation, with its schema, is one of tables.
func isAny(relation string, tables []string) bool {
	if relation == "" {
		return false
	}
	for _, table := range tables {
		if relation == table || strings.HasSuffix(relation, "."+table) {
			return true
		}
	}
	return len(tables) == 0
}
