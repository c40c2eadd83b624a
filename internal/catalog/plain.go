package catalog

import (
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/internal/sqltext"
)

// A plainText is a statement that the server did not parse. If it is plain, its
// names show everything that its result depends on.
type plainText struct {
	because   string             // why the server did not parse it
	plain     bool               // its words show nothing else
	casts     bool               // it casts a parameter to a date or time
	tables    map[[2]string]bool // its tables, as written without quotes
	calls     map[string]bool    // names of functions, and words after a dot
	functions []uint32           // functions that calls may refer to
	relations []uint32           // relations that its names refer to
}

func newPlainText(st *sqltext.Statement, because string) *plainText {
	p := &plainText{because: because, tables: map[[2]string]bool{}, calls: map[string]bool{}}
	for _, t := range st.Reads {
		p.tables[[2]string{t.Schema, t.Name}] = true
	}
	for _, call := range st.Calls {
		p.calls[call.Name] = true
	}
	p.plain = p.read(st.Text)
	return p
}

// whyNotParsed describes what the role or the server lacks.
func (f *facts) whyNotParsed(err *pgconn.PgError) string {
	switch {
	case err.Code == "25006":
		return "the server is a standby, or read-only"
	case !f.hasTemp:
		return "the role has no right TEMP on the database"
	}
	return err.Message
}

// read reports whether the text is free of constructs that make the result
// depend on more than relations and functions it names: casts, times, names of
// objects, system columns. It knows a few harmless constructs and rejects
// everything else.
func (p *plainText) read(text string) bool {
	var before, last sqltext.Token // the two preceding tokens
	at := func(t sqltext.Token) string { return lowerASCII(text[t.Pos:t.End]) }
	for l := sqltext.NewLexer(text); ; {
		token, ok := l.Next()
		if !ok {
			return l.Err() == nil
		}
		word := at(token)
		if token.Kind == sqltext.Space || token.Kind == sqltext.Comment {
			continue
		}
		if !p.harmless(token, word, [2]sqltext.Token{before, last}, at) {
			return false
		}
		if at(last) == "." && !p.tables[[2]string{at(before), word}] {
			p.calls[strings.Trim(word, `"`)] = true
		}
		before, last = last, token
	}
}

// harmless reports whether a token, whose text is word, adds no dependency
// after the two preceding tokens.
func (p *plainText) harmless(token sqltext.Token, word string, behind [2]sqltext.Token, at func(sqltext.Token) string) bool {
	before, last := behind[0], behind[1]
	switch token.Kind {
	case sqltext.QuotedName:
		return at(last) != "::" && !slices.Contains(systemColumns[1:6], strings.Trim(word, `"`))
	case sqltext.Word:
		if depends[word] || slices.Contains(systemColumns[1:6], word) {
			return false
		}
		return at(last) != "::" || plainTypes[word] || p.castsValue(before, word)
	case sqltext.String:
		if word[0] == 'u' || strings.Contains(word, `\`) || NamesTime(joined(word)) {
			return false
		}
		typed := last.Kind == sqltext.QuotedName || last.Kind == sqltext.Word &&
			!plainTypes[at(last)] && !literalTypes[at(last)] && !beforeStrings[at(last)]
		return !typed
	case sqltext.Symbol: // after a cast, a dot follows the name of a schema
		return word != "." || !plainTypes[at(last)] || at(before) != "::"
	}
	return true
}

// castsValue reports whether a cast to a date or time converts a constant or a
// parameter.
func (p *plainText) castsValue(from sqltext.Token, to string) bool {
	p.casts = p.casts || from.Kind == sqltext.Param && literalTypes[to]
	return literalTypes[to] && (from.Kind == sqltext.String || from.Kind == sqltext.Param)
}

// depends are words that make a result depend on the time, the session, the
// catalogs or chance, or that convert values by their text form.
var depends = set(
	"current_date", "current_time", "current_timestamp", "localtime", "localtimestamp",
	"current_role", "current_user", "user", "session_user", "system_user", "current_catalog", "current_schema",
	"cast", "zone", "local", "tablesample", "collation", "returning", "xmltable", "json_table", "json_value", "json_query",
)

// plainTypes are built-in types whose text form depends on settings at most.
var plainTypes = set(
	"bool", "boolean", "int", "integer", "bigint", "smallint", "int2", "int4", "int8", "numeric", "decimal", "real",
	"double", "float4", "float8", "text", "char", "character", "varchar", "bpchar", "uuid", "json", "jsonb", "bytea", "interval", "inet", "cidr",
)

// literalTypes are the date and time types whose constants are harmless unless
// they contain words such as today.
var literalTypes = set("date", "timestamp", "timestamptz", "time")

// beforeStrings are words before a constant that do not name its type.
var beforeStrings = func() map[string]bool {
	words := set("like", "ilike", "escape", "between", "by")
	for word := range reservedWords {
		words[word] = true
	}
	return words
}()

// isText lists char, name, text, unknown, bpchar and varchar.
var isText = map[uint32]bool{18: true, 19: true, 25: true, 705: true, 1042: true, 1043: true}

// harmless reports whether a function, in any call, depends only on its
// arguments and settings.
func (f *functionFacts) harmless() bool {
	if f == nil || f.schema != "pg_catalog" || strings.Contains(f.arguments, "reg") || fromJSON[f.name] || f.name == "satisfies_hash_partition" {
		return false
	}
	_, settingsOnly := stableBuiltins[f.name+"("+f.arguments+")"]
	_, all := stableBuiltins[f.name]
	return f.volatility == 'i' || f.volatility == 's' && (settingsOnly || all || toJSON[f.name] || comparesTimes(f.name))
}

// isPlain reports whether the names in the text show everything that the result
// depends on.
func (w *walk) isPlain() bool {
	p := w.plain
	if !p.plain || p.casts && slices.ContainsFunc(w.effects.ParamTypes, func(typ uint32) bool { return isText[typ] }) {
		return false
	}
	for name := range p.calls { // as date(x) may be x::date
		n := w.named[word{name: name}]
		if n == nil {
			return false
		}
		for _, t := range n.types {
			if !(plainTypes[name] && t.schema == "pg_catalog") {
				return false
			}
		}
	}
	for _, oid := range p.functions {
		if oid >= firstNormalOID || !w.routines.functions[oid].harmless() {
			return false
		}
	}
	for _, oid := range p.relations {
		if w.relations[oid] == nil || slices.ContainsFunc(w.relations[oid].types, func(typ uint32) bool {
			f := w.routines.types[typ]
			return f == nil || f.kind != 'e'
		}) {
			return false
		}
	}
	return !slices.ContainsFunc(w.userMade, func(m userMade) bool { return m.cast && !pureExtensions[m.extension] })
}

// endPlain records in the effects what the text shows, or that it does not show
// everything.
func (w *walk) endPlain() {
	if w.isPlain() {
		w.settings |= anySetting
		return
	}
	w.refuse(Unexamined, w.plain.because)
	w.effects.ReadsKnown = false
}
