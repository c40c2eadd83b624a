package catalog

import "slices"

// An object is a database object that a word names.
type object struct {
	oid    uint32
	schema string
	how    byte // pg_class.relkind, pg_proc.provolatile, pg_type.typtype, or '-' for a type with built-in components only
	temp   bool
}

// namesakes are all objects that a word names, in any schema.
type namesakes struct {
	relations, functions, types []object
}

// wordQuery finds the objects that the words $1 name, and the functions that
// the words $2 name; $2 has the same words or empty ones. The server truncates
// them to the length of a name. OFFSET 0 makes it look up each word by an
// index.
const wordQuery = `
SELECT 'r', w.i, c.oid, n.nspname::text, c.relkind::text, (c.relpersistence = 't')::text
FROM unnest($1::text[]) WITH ORDINALITY w (word, i)
	CROSS JOIN LATERAL (SELECT * FROM pg_class c WHERE c.relname = w.word::name OFFSET 0) c
	JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
UNION ALL
SELECT 't', w.i, t.oid, n.nspname::text,
	CASE WHEN t.typtype = 'c' AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.atttypid >= 10000 OFFSET 0)
		THEN '-' ELSE t.typtype::text END, starts_with(n.nspname::text, 'pg_temp_')::text
FROM unnest($1::text[]) WITH ORDINALITY w (word, i)
	CROSS JOIN LATERAL (SELECT * FROM pg_type t WHERE t.typname = w.word::name OFFSET 0) t
	JOIN pg_namespace n ON n.oid = t.typnamespace
UNION ALL
SELECT 'f', w.i, p.oid, n.nspname::text, p.provolatile::text, starts_with(n.nspname::text, 'pg_temp_')::text
FROM unnest($2::text[]) WITH ORDINALITY w (word, i)
	CROSS JOIN LATERAL (SELECT * FROM pg_proc p WHERE p.proname = w.word::name OFFSET 0) p
	JOIN pg_namespace n ON n.oid = p.pronamespace`

// wordLists returns the words, their names, and the names of those that may be
// called.
func wordLists(set map[word]bool) (words []word, names, calls []string) {
	for w := range set {
		words = append(words, w)
	}
	names, calls = make([]string, len(words)), make([]string, len(words))
	for i, w := range words {
		names[i] = w.name
		if w.calls {
			calls[i] = w.name
		}
	}
	return words, names, calls
}

// takeNamed processes the rows of wordQuery.
func (f *facts) takeNamed(words []word, rows [][][]byte) error {
	for _, w := range words {
		f.named[w] = &namesakes{}
	}
	for _, row := range rows {
		i, err := parseOID(row[1])
		if err != nil {
			return err
		}
		oid, err := parseOID(row[2])
		if err != nil {
			return err
		}
		found := object{oid, string(row[3]), row[4][0], string(row[5]) == "true"}
		switch n := f.named[words[i-1]]; row[0][0] {
		case 'r':
			n.relations = append(n.relations, found)
		case 't':
			n.types = append(n.types, found)
		case 'f':
			n.functions = append(n.functions, found)
		}
	}
	return nil
}

// oneSchema reports whether objects of one name are all in one schema, so that
// the name resolves to the same object under every search path under which it
// resolves.
func oneSchema(objects []object) bool {
	schema := ""
	for _, o := range objects {
		switch {
		case o.temp || o.schema == informationSchema:
		case schema != "" && schema != o.schema:
			return false
		default:
			schema = o.schema
		}
	}
	return true
}

// informationSchema has views whose names any column may have. It is on no
// search path.
const informationSchema = "information_schema"

// followWords follows everything that the words of a function's body may read,
// change and call: objects in the schemas of the function's search path by
// unqualified name, and objects in other schemas only if a word names the
// schema, too.
func (w *walk) followWords(oid uint32) {
	f, b := w.routines.functions[oid], w.bodies[oid]
	path := w.pathOf(f)
	if b.moves {
		w.move(true)
		path = nil
	}
	if path != nil && f.path == "" {
		w.assumed = append(w.assumed, oid)
	}
	writes := b.writes
	if f.volatility != 'v' {
		writes = 0 // the server rejects writes; functions that it calls may write
	}
	w.dependsOnNames(textNames(f.body)...)
	for _, word := range b.words {
		n := w.named[word]
		for _, r := range b.reach(n.relations, path) {
			w.followRelation(r, writes)
		}
		for _, t := range b.reach(n.types, path) {
			w.followNamedType(t)
		}
		for _, called := range b.reach(n.functions, path) {
			if called.oid >= firstNormalOID || called.how != 'i' {
				w.enqueue(functionStep, called.oid, 0)
			}
		}
		if slices.Contains(systemColumns[1:len(systemColumns)-1], word.name) {
			w.refuse(SystemColumn, word.name)
		}
	}
	for _, name := range b.session {
		w.refuse(SessionFunction, name)
	}
	w.enqueueUserMade(b.operators)
	w.settings |= anySetting
	if b.opaque || b.into {
		w.refuseFunction(f, UnknownFunction)
		w.effects.ReadsKnown, w.effects.WritesKnown = false, false
		return
	}
	w.refuseFunction(f, HiddenFunction)
}

// reach returns the objects of a name that a body may refer to. No path
// includes information_schema, whose views have names that any column may have.
func (b *body) reach(objects []object, path []string) []object {
	var list []object
	for _, o := range objects {
		if b.names[o.schema] || (path == nil || slices.Contains(path, o.schema)) && o.schema != informationSchema {
			list = append(list, o)
		}
	}
	return list
}

// followNamedType follows the checks of a type that a word names.
func (w *walk) followNamedType(t object) {
	if t.oid >= firstUnfixedOID && t.how != '-' && t.schema != informationSchema {
		w.enqueue(typeStep, t.oid, 0)
	}
}

// followRelation follows a relation that a word names. A temporary relation
// belongs to another session and is skipped, unless names may resolve to
// anything.
func (w *walk) followRelation(r object, writes event) {
	if r.temp && w.scope != AnyScope {
		return
	}
	w.enqueue(readStep, r.oid, 0)
	table := r.how == byte(Table) || r.oid >= firstNormalOID && r.how != byte(MaterializedView) && r.how != byte(Sequence)
	if writes != 0 && table {
		w.enqueue(writeStep, r.oid, writes)
	}
}
