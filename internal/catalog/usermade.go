package catalog

import "slices"

// A userMade is a user-defined operator or cast.
type userMade struct {
	function  uint32
	name      string // of an operator, empty if a text can use it without naming it
	extension string // extension that it belongs to
	rival     bool   // other operators have the same name
	cast      bool
}

// userMadeQuery finds user-defined operators and casts. Operators that syntax
// stands for (BETWEEN, LIKE), and those of operator classes (ORDER BY,
// DISTINCT), get no name. The query runs under any search path.
var userMadeQuery = exact(`
SELECT o.oprcode::pg_catalog.oid, CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_amop a WHERE a.amopopr = o.oid) THEN ''
		ELSE o.oprname::pg_catalog.text END,
	(SELECT e.extname::pg_catalog.text
		FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
		WHERE d.classid = 'pg_catalog.pg_operator'::pg_catalog.regclass AND d.objid = o.oid AND d.deptype = 'e'::pg_catalog."char" LIMIT 1),
	EXISTS (SELECT FROM pg_catalog.pg_operator r WHERE r.oprname = o.oprname AND r.oprnamespace <> o.oprnamespace)::pg_catalog.text, 'operator'
FROM pg_catalog.pg_operator o
WHERE o.oid >= 16384 AND o.oprcode <> 0::pg_catalog.oid
UNION ALL
SELECT c.castfunc, '',
	(SELECT e.extname::pg_catalog.text
		FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
		WHERE d.classid = 'pg_catalog.pg_cast'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e'::pg_catalog."char" LIMIT 1),
	'false', 'cast'
FROM pg_catalog.pg_cast c WHERE c.oid >= 16384`)

// takeUserMade processes the rows of userMadeQuery.
func (f *facts) takeUserMade(rows [][][]byte) error {
	f.userMade = make([]userMade, len(rows))
	for i, row := range rows {
		oid, err := parseOID(row[0])
		if err != nil {
			return err
		}
		made := userMade{oid, string(row[1]), string(row[2]), string(row[3]) == "true", string(row[4]) == "cast"}
		if syntaxOperators[made.name] {
			made.name = ""
		}
		f.userMade[i] = made
	}
	return nil
}

var syntaxOperators = set("=", "<>", "<", ">", "<=", ">=", "~~", "!~~", "~~*", "!~~*", "~", "!~")

// enqueueUserMade adds the user-defined operators and casts that a text with
// the given operators may use. A text may use casts, and operators without a
// name, without naming them.
func (w *walk) enqueueUserMade(operators []string) {
	for _, made := range w.userMade {
		if made.in(operators) && (!made.cast || made.function >= firstNormalOID) {
			w.enqueue(functionStep, made.function, 0)
		}
	}
}

// in reports whether a text with the given operators may use m.
func (m *userMade) in(operators []string) bool {
	return m.name == "" || slices.Contains(operators, m.name)
}

// dependOnPath reports whether operators of a text may resolve differently
// under another search path. Those of extensions that read nothing are
// harmless.
func (f *facts) dependOnPath(operators []string) bool {
	return slices.ContainsFunc(f.userMade, func(m userMade) bool {
		return m.rival && !pureExtensions[m.extension] && m.in(operators)
	})
}
