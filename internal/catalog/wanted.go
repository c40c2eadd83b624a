package catalog

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/internal/sqltext"
)

// wanted holds names to look up under the session's search path.
type wanted struct {
	tables    []namedTables
	calls     []sqltext.Function
	operators []string
	words     []string // words that may name types
	byName    bool     // look up all functions and operators of each name, too
	scope     NameScope
	strict    bool   // a missing relation is an error
	missing   func() // with strict: called instead of failing
}

// namedTables are relations with the same step.
type namedTables struct {
	tables []sqltext.Table
	kind   stepKind
	on     event
}

// Each query returns the position of a name together with each relation that it
// may refer to.
var (
	strictQuery = exact(`
SELECT t.i, t.name::pg_catalog.regclass::pg_catalog.oid
FROM pg_catalog.unnest($3::pg_catalog.text[]) WITH ORDINALITY t (name, i)
WHERE $1::pg_catalog.text IS NOT NULL AND $2::pg_catalog.text IS NOT NULL`)

	pathQuery = exact(`
SELECT t.i, pg_catalog.to_regclass(t.name)::pg_catalog.oid
FROM pg_catalog.unnest($3::pg_catalog.text[]) WITH ORDINALITY t (name, i)
WHERE pg_catalog.to_regclass(t.name) IS NOT NULL AND $1::pg_catalog.text IS NOT NULL AND $2::pg_catalog.text IS NOT NULL`)

	anywhereQuery = exact(`
SELECT t.i, c.oid
FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.text[]), pg_catalog.unnest($2::pg_catalog.text[])) WITH ORDINALITY t (schema, name, i)
	CROSS JOIN LATERAL (SELECT * FROM pg_catalog.pg_class c WHERE c.relname = t.name::pg_catalog.name OFFSET 0) c
	JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE (n.nspname = t.schema::pg_catalog.name OR t.schema = ''
		OR t.schema = 'pg_temp' AND pg_catalog.starts_with(n.nspname::pg_catalog.text, 'pg_temp_'))
	AND c.relkind::pg_catalog.text = ANY (ARRAY['r', 'p', 'v', 'm', 'f', 'S', 't'])
	AND $3::pg_catalog.text IS NOT NULL`)

	// callQuery finds the functions of a name, in schema $1 or in all schemas.
	callQuery = exact(`
SELECT p.oid
FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.text[]), pg_catalog.unnest($2::pg_catalog.text[])) AS q (schema, name)
	CROSS JOIN LATERAL (SELECT * FROM pg_catalog.pg_proc p WHERE p.proname = q.name::pg_catalog.name OFFSET 0) p
	JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE q.schema = '' OR n.nspname = q.schema::pg_catalog.name`)
)

// ask returns the requests for the names.
func (q *wanted) ask() *unit {
	sql := pathQuery
	switch {
	case q.strict:
		sql = strictQuery
	case q.scope == AnyScope:
		sql = anywhereQuery
	}
	u := newUnit()
	for _, t := range q.tables {
		schemas, names, qualified := make([]string, len(t.tables)), make([]string, len(t.tables)), make([]string, len(t.tables))
		for i, table := range t.tables {
			schemas[i], names[i], qualified[i] = table.Schema, table.Name, quoteName(table.Name)
			if table.Schema != "" {
				qualified[i] = quoteName(table.Schema) + "." + qualified[i]
			}
		}
		u.requests = append(u.requests, &request{sql: sql, args: []string{textArray(schemas), textArray(names), textArray(qualified)}})
	}
	if q.byName {
		schemas, names := make([]string, len(q.calls)), make([]string, len(q.calls))
		for i, call := range q.calls {
			schemas[i], names[i] = call.Schema, call.Name
		}
		u.requests = append(u.requests, &request{sql: callQuery, args: []string{textArray(schemas), textArray(names)}})
	}
	return u
}

// found begins the walk with the objects that the names refer to.
func (w *walk) found(q *wanted, u *unit) error {
	w.scope = q.scope
	if u.err != nil {
		if _, ok := errors.AsType[*pgconn.PgError](u.err); ok && q.missing != nil {
			q.missing()
			return nil
		}
		return fmt.Errorf("look up names: %w", u.err)
	}
	for i, t := range q.tables {
		if err := w.enqueueFound(q, t, u.requests[i].rows); err != nil {
			return err
		}
	}
	if !q.byName {
		return nil
	}
	for _, row := range u.requests[len(q.tables)].rows {
		oid, err := parseOID(row[0])
		if err != nil {
			return err
		}
		w.enqueue(functionStep, oid, 0)
		if w.plain != nil {
			w.plain.functions = append(w.plain.functions, oid)
		}
	}
	for _, call := range q.calls {
		w.dependsOnNames(call.Name)
	}
	for _, name := range q.words {
		w.dependsOnNames(name)
		w.enqueueStep(step{kind: wordStep, name: name})
	}
	w.enqueueUserMade(q.operators)
	return nil
}

// enqueueFound adds the relations that names refer to. If a name refers to
// none, as that of a temporary table of another session, anything may be
// written.
func (w *walk) enqueueFound(q *wanted, t namedTables, rows [][][]byte) error {
	found := map[string]bool{}
	for _, row := range rows {
		oid, err := parseOID(row[1])
		if err != nil {
			return err
		}
		found[string(row[0])] = true
		if w.plain != nil {
			w.plain.relations = append(w.plain.relations, oid)
		}
		w.enqueue(t.kind, oid, t.on)
	}
	for i, table := range t.tables {
		w.dependsOnNames(table.Name)
		temporary := q.scope == TemporaryScope && (table.Schema == "" || table.Schema == "pg_temp")
		if !found[strconv.Itoa(i+1)] && !temporary {
			w.effects.WritesKnown = false
		}
	}
	return nil
}
