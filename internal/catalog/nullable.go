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
	var params []uint32
	for _, q := range queries {
		params = append(params, q.Params...)
	}
	names, others := builtinNames(params)
	may, types := &request{sql: probesQuery}, &request{sql: typeQuery, args: []string{oidArray(others)}}
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
	if err := addTypeNames(names, types.rows); err != nil {
		return err
	}
	return n.probe(ctx, queries, names)
}

// builtinNames returns the names of the types that are built in, and the
// others.
func builtinNames(types []uint32) (names map[uint32]string, others []uint32) {
	names = map[uint32]string{}
	asked := map[uint32]bool{}
	for _, oid := range types {
		if name, ok := typeName(oid); ok {
			names[oid] = name
		} else {
			asked[oid] = true
		}
	}
	return names, sorted(asked)
}

// addTypeNames adds the rows of typeQuery.
func addTypeNames(names map[uint32]string, rows [][][]byte) error {
	for _, row := range rows {
		oid, err := parseOID(row[0])
		if err != nil {
			return err
		}
		names[oid] = string(row[1])
	}
	return nil
}

// TypeNames returns the names of types as the server writes them under the
// session's search path, and the labels of those that are enums.
func TypeNames(ctx context.Context, conn *pgx.Conn, types []uint32) (names map[uint32]string, labels map[uint32][]string, err error) {
	names, labels = map[uint32]string{}, map[uint32][]string{}
	asked := newUnit(&request{sql: typeQuery, args: []string{oidArray(types)}}, &request{sql: labelQuery, args: []string{oidArray(types)}})
	err = exchange(ctx, conn.PgConn(), asked)
	if err == nil {
		err = asked.err
	}
	if err == nil {
		err = addTypeNames(names, asked.requests[0].rows)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("look up types: %w", err)
	}
	for _, row := range asked.requests[1].rows {
		if oid, err := parseOID(row[0]); err == nil {
			labels[oid] = append(labels[oid], string(row[1]))
		}
	}
	return names, labels, nil
}

// labelQuery returns the labels of enums.
var labelQuery = exact(`
SELECT e.enumtypid, e.enumlabel::pg_catalog.text FROM pg_catalog.pg_enum e WHERE e.enumtypid = ANY ($1::pg_catalog.oid[])`)

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
