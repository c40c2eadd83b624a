package catalog

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/sqltext"
)

// A NullQuery asks which columns of a statement's result may be NULL.
type NullQuery struct {
	Statement *sqltext.Statement
	Params    []uint32   // the types of its parameters, as the server described them
	Args      []ArgNulls // for each parameter; may be shorter
}

// ArgNulls says whether the program passes NULL for a parameter.
type ArgNulls uint8

// What may be known about an argument.
const (
	ArgUnknown ArgNulls = iota
	ArgNeverNull
	ArgMaybeNull
)

// Nullable reports for each query which columns of its result may be NULL, as
// far as the server's parser and catalogs show it: true is certain, in the
// sense that the definitions of the tables allow it. A column that is false is
// never NULL, or not known to be. The result for a statement that could not be
// examined is nil.
//
// It runs nothing of the statements. It uses conn as [Examine] does: it needs
// the right TEMP, a server that is not a standby, and no event triggers that
// CREATE FUNCTION fires, which would run. Otherwise it returns an error.
//
// It takes four network round trips for each 256 statements.
func Nullable(ctx context.Context, conn *pgx.Conn, queries []NullQuery) ([][]bool, error) {
	pc := conn.PgConn()
	if pc.TxStatus() != 'I' {
		return nil, errors.New("examine columns: the connection is in a transaction")
	}
	n := &nullness{transaction: &transaction{conn: pc, facts: newFacts()}}
	found := make([][]bool, len(queries))
	for from := 0; from < len(queries); from += maxBatch {
		to := min(from+maxBatch, len(queries))
		err := n.examine(ctx, queries[from:to], found[from:to])
		if back := n.rollback(ctx); err == nil {
			err = back
		}
		if err != nil {
			return nil, fmt.Errorf("examine columns: %w", err)
		}
	}
	return found, nil
}

// nullness examines the columns of statements in one transaction.
type nullness struct {
	*transaction
	trees []*node // queries as the server parsed them; nil where it did not
}

// probesQuery asks whether the server may be given functions, and whether that
// would run event triggers.
var probesQuery = exact(`
SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN 'the server is a standby'
	WHEN NOT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'TEMP') THEN 'the role has no right TEMP on the database'
	WHEN EXISTS (SELECT FROM pg_catalog.pg_event_trigger t
		WHERE t.evtenabled <> 'D' AND t.evtevent = ANY ('{ddl_command_start,ddl_command_end}')
			AND (t.evttags IS NULL OR 'CREATE FUNCTION' = ANY (t.evttags)))
		THEN 'event triggers would run' END`)

func (n *nullness) examine(ctx context.Context, queries []NullQuery, found [][]bool) error {
	if err := n.parse(ctx, queries); err != nil {
		return err
	}
	facts := newNullFacts()
	if err := n.lookUp(ctx, facts); err != nil {
		return err
	}
	for i, tree := range n.trees {
		if tree != nil {
			found[i] = facts.columns(tree, queries[i].Args)
		}
	}
	return nil
}

// parse begins the transaction and has the server parse the statements.
func (n *nullness) parse(ctx context.Context, queries []NullQuery) error {
	names, others := map[uint32]string{}, map[uint32]bool{}
	for _, q := range queries {
		for _, oid := range q.Params {
			if name, ok := typeName(oid); ok {
				names[oid] = name
			} else {
				others[oid] = true
			}
		}
	}
	may, types := &request{sql: probesQuery}, &request{sql: typeQuery, args: []string{oidArray(sorted(others))}}
	asked := newUnit(may, types)
	if err := n.begin(ctx, len(queries), func() []*unit { return []*unit{asked} }); err != nil {
		return err
	}
	if asked.err != nil {
		return asked.err
	}
	if reason := may.rows[0][0]; reason != nil {
		return errors.New(string(reason))
	}
	for _, row := range types.rows {
		oid, err := parseOID(row[0])
		if err != nil {
			return err
		}
		names[oid] = string(row[1])
	}
	return n.probe(ctx, queries, names)
}

// probe has the server parse the statements that return rows. A statement with
// more parameters than a function can have is left out.
func (n *nullness) probe(ctx context.Context, queries []NullQuery, names map[uint32]string) error {
	units := make([]*unit, len(queries))
	var sent []*unit
	for i, q := range queries {
		switch q.Statement.Kind {
		case sqltext.Select, sqltext.Values, sqltext.TableQuery, sqltext.Insert, sqltext.Update, sqltext.Delete:
		default:
			continue
		}
		if len(q.Params) > maxParams {
			continue
		}
		types := make([]string, len(q.Params))
		for i, oid := range q.Params {
			types[i] = names[oid]
		}
		units[i] = probeStatement(q.Statement.Text, types)
		sent = append(sent, units[i])
	}
	if err := n.send(ctx, isolated(sent)...); err != nil {
		return err
	}
	n.trees = make([]*node, len(queries))
	for i, u := range units {
		if u == nil {
			continue
		}
		if tree, err := probed(u); err == nil {
			n.trees[i] = knownQuery(tree)
		}
	}
	return nil
}

// knownQuery reads the tree of a query. It returns nil if the tree contains
// nodes that this package does not know.
func knownQuery(tree string) *node {
	v, err := parseTree(tree)
	if err != nil || collect(v).unknownNode != "" {
		return nil
	}
	for v.node == nil && len(v.list) == 1 {
		v = v.list[0]
	}
	if v.node == nil || v.node.kind != "QUERY" {
		return nil
	}
	return v.node
}
