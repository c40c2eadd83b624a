package catalog

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/headrace/headrace/internal/sqltext"
)

// probeName is the function that holds the examined statement during the
// transaction.
const probeName = "headrace_examined"

// maxParams is the server's limit on function parameters (FUNC_MAX_ARGS).
const maxParams = 100

// A refusedError reports that the server does not parse a statement as the body
// of a function, whether the statement is valid or not.
type refusedError struct{ *pgconn.PgError }

func (e *refusedError) Unwrap() error { return e.PgError }

// probe returns the requests that have the server parse a text as the body of a
// function, which is never called, and return the node tree.
func probe(name, params, body string) *unit {
	return newUnit(
		// The line end terminates a comment at the end of the body.
		&request{sql: "CREATE FUNCTION pg_temp." + quoteName(name) + "(" + params + ")" +
			" RETURNS void LANGUAGE sql BEGIN ATOMIC " + body + "\n; END"},
		&request{sql: bodyQuery, args: []string{name}})
}

// probed returns the node tree of a probe. It returns a *refusedError if the
// server does not parse the text.
func probed(u *unit) (string, error) {
	if u.err != nil {
		return "", refused(u.err)
	}
	rows := u.requests[len(u.requests)-1].rows
	if len(rows) != 1 {
		return "", errors.New("read the parsed statement: not found")
	}
	return string(rows[0][0]), nil
}

// probeStatement probes a statement whose parameters have types of these
// names.
func probeStatement(text string, types []string) *unit {
	if len(types) > maxParams {
		text, types = withoutParams(text, types), nil
	}
	return probe(probeName, strings.Join(types, ", "), text)
}

var bodyQuery = exact(`
SELECT prosqlbody FROM pg_catalog.pg_proc
WHERE pronamespace = pg_catalog.pg_my_temp_schema() AND proname = $1`)

// refused turns errors due to the statement or the role's privileges into a
// *refusedError. Others may not recur.
func refused(err error) error {
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch pgErr.Code[:2] {
		case "08", "40", "53", "55", "57", "58", "XX":
		default:
			return &refusedError{pgErr}
		}
	}
	return fmt.Errorf("parse: %w", err)
}

// probeFunction probes the string body of a function in SQL, under the
// session's search path or its own.
func probeFunction(f *functionFacts, path string) *unit {
	if f.path != "" {
		path = f.path
	}
	u := probe(f.name, f.parameters, f.body)
	u.requests = append([]*request{{sql: "SELECT pg_catalog.set_config('search_path', $1, true)", args: []string{path}}}, u.requests...)
	return u
}

// take processes the result of a probe.
func (b *bodyFacts) take(u *unit, f *functionFacts) {
	tree, err := probed(u)
	if _, ok := errors.AsType[*refusedError](err); !ok && err != nil {
		b.err = fmt.Errorf("read %s: %w", f, err)
	}
	b.tree, b.probed = tree, true
}

// builtinTypes has the names of the built-in types, whose oids never change.
var builtinTypes = pgtype.NewMap()

// typeName returns the name of a built-in type, in a form that is valid under
// any search path.
func typeName(oid uint32) (string, bool) {
	if oid >= firstNormalOID {
		return "", false
	}
	t, ok := builtinTypes.TypeForOID(oid)
	if !ok {
		return "", false
	}
	return `pg_catalog."` + t.Name + `"`, true
}

// typeQuery returns the names of other types, in a form that is valid under the
// search path of the session.
const typeQuery = `
SELECT t.oid, pg_catalog.format_type(t.oid, NULL)
FROM pg_catalog.unnest($1::pg_catalog.oid[]) AS t (oid)`

// withoutParams replaces each parameter by a NULL of its type.
func withoutParams(text string, types []string) string {
	var out strings.Builder
	for l := sqltext.NewLexer(text); ; {
		token, ok := l.Next()
		if !ok {
			return out.String()
		}
		word := text[token.Pos:token.End]
		if token.Kind == sqltext.Param {
			n, err := strconv.Atoi(word[1:])
			if err == nil && n >= 1 && n <= len(types) {
				word = "(NULL::" + types[n-1] + ")"
			}
		}
		out.WriteString(word)
	}
}
