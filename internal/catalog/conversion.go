package catalog

import (
	"strings"

	"github.com/headrace/headrace/internal/sqltext"
)

// This file determines which values change with the time, or with a name in the
// catalogs, when they are converted from or to their text form.

// A typeUse names a type to look up, and how its values are used.
type typeUse struct {
	kind stepKind
	oid  uint32
}

// firstUnfixedOID is the first oid that initdb assigns: types below it are
// those of pg_type.dat, which this package knows.
const firstUnfixedOID = 10000

// use records how values of a type are used.
func (r *references) use(kind stepKind, typ uint32) {
	switch {
	case typ >= firstUnfixedOID:
		r.types = append(r.types, typeUse{kind, typ})
	case kind == typeStep:
	case typ == 0:
		r.refuse(CatalogFunction, "a cast of a value of unknown type")
		r.settings |= allInput
	case namesObjects[typ]:
		r.refuse(CatalogFunction, "a cast that looks up a name")
	case kind == inputStep:
		r.input(typ)
	case kind == constantStep:
		r.settings |= constantSettings(typ)
		r.constants = r.constants || timeTypes[typ]
		if byDate[typ] {
			r.refuse(TimeConstant, "a time with time zone")
		}
	case kind == paramStep:
		r.takesTime = r.takesTime || timeTypes[typ]
		if byDate[typ] {
			r.refuse(TimeFunction, "a parameter that is a time with time zone")
		}
	default:
		r.settings |= textSettings(typ)
	}
}

// input records that values are read from an unknown text.
func (r *references) input(typ uint32) {
	r.settings |= textSettings(typ)
	if builtinArrays[typ] {
		r.settings |= arrayNulls
	}
	if typ == recordType || timeTypes[typ] && !intervals[typ] {
		r.settings |= timezoneAbbreviations
		r.refuse(TimeFunction, "a cast of text to a date or time")
	}
}

// castByText records a cast by the text form of a value.
func (r *references) castByText(n *node) {
	arg, result := n.get("arg").node, n.oid("resulttype")
	r.use(outputStep, exprType(arg))
	if r.statement && isParam(arg) {
		r.settings |= textSettings(result)
		r.use(paramStep, result)
		return
	}
	r.use(inputStep, result)
}

// isParam reports whether an expression is a parameter of the statement.
// withoutParams replaces parameters by NULL if there are too many.
func isParam(n *node) bool {
	for n != nil && n.kind == "RELABELTYPE" {
		n = n.get("arg").node
	}
	return n != nil && (n.kind == "PARAM" || n.kind == "CONST" && n.get("constisnull").word == "true")
}

// constant records what a constant depends on: the server read it with the
// session's settings when it parsed the statement.
func (r *references) constant(n *node) {
	typ := n.oid("consttype")
	switch {
	case n.get("constisnull").word == "true":
	case namesObjects[typ]:
		if oid := n.get("constvalue").datum; oid >= firstNormalOID {
			r.refuse(CatalogFunction, "the name of an object, as a constant")
		}
	default:
		r.use(constantStep, typ)
	}
}

// constantSettings returns the settings with which a constant is read.
func constantSettings(typ uint32) (s settings) {
	switch {
	case timeTypes[typ]:
		s = textSettings(typ)
	case typ == moneyType:
		s = lcMonetary
	case typ == xmlType:
		s = xmlOption
	}
	if builtinArrays[typ] {
		s |= arrayNulls
	}
	if withZone[typ] {
		s |= timezoneAbbreviations
	}
	return s
}

// makesRecords are the built-in functions that read the columns of a record
// from JSON: json_to_record, jsonb_populate_recordset and so on.
var makesRecords = map[uint32]bool{
	3204: true, 3205: true, 3209: true, 3475: true, 3490: true, 3491: true, 3960: true, 3961: true, 6338: true,
}

// record records the columns that such a function returns. The list of columns
// is in FROM, next to the call.
func (r *references) record(call *node, columns []value) {
	if call == nil || call.kind != "FUNCEXPR" || !makesRecords[call.oid("funcid")] {
		return
	}
	if len(columns) == 0 {
		r.use(inputStep, call.oid("funcresulttype"))
		return
	}
	r.columnsFromText(columns)
}

// columnsFromText records the types of columns that are read from text.
func (r *references) columnsFromText(types []value) {
	for _, typ := range types {
		if typ.word != "o" { // marks a list of oids
			r.use(inputStep, typ.oid())
		}
	}
}

// textForm follows a type that is not in pg_type.dat to the types that its text
// form consists of. The text form of an enum depends on none, that of a domain,
// array, range or composite on its components, and that of any other type may
// depend on anything.
func (w *walk) textForm(s step) error {
	f := w.routines.types[s.oid]
	r := &references{}
	switch {
	case f.kind == 'e':
	case len(f.parts) > 0 || f.kind == 'c':
		for _, part := range f.parts {
			r.use(s.kind, part)
		}
		if f.array && (s.kind == inputStep || s.kind == constantStep) {
			r.settings |= arrayNulls
		}
	case s.kind == typeStep:
	case pureExtensions[f.extension] && s.kind == paramStep:
	case pureExtensions[f.extension]:
		r.settings |= allOutput
	default:
		if s.kind != paramStep {
			r.settings |= allInput
		}
		r.constants = s.kind == constantStep
		r.takesTime = s.kind == paramStep
		if s.kind == inputStep {
			r.refuse(TimeFunction, "a cast of text to a type that may be a time")
		}
	}
	w.add(r)
	if s.kind == outputStep {
		return nil
	}
	return w.trees(f.trees)
}

// Some types of pg_type.dat.
const (
	xmlType    = 142
	moneyType  = 790
	recordType = 2249
)

// namesObjects are the types whose text form is the name of a catalog object:
// regproc, regprocedure, regoper, regoperator, regclass, regtype, regconfig,
// regdictionary, regnamespace, regrole, regcollation, and arrays of them.
var namesObjects = map[uint32]bool{
	24: true, 2202: true, 2203: true, 2204: true, 2205: true, 2206: true,
	3734: true, 3769: true, 4089: true, 4096: true, 4191: true,
	1008: true, 2207: true, 2208: true, 2209: true, 2210: true, 2211: true,
	3735: true, 3770: true, 4090: true, 4097: true, 4192: true,
}

// timeTypes are the types whose constants the server reads with the session's
// settings, and for which it accepts words such as today: date, time,
// timestamp, timestamptz, interval, timetz, and arrays, ranges and multiranges
// of them.
var timeTypes = map[uint32]bool{
	1082: true, 1083: true, 1114: true, 1184: true, 1186: true, 1266: true,
	1182: true, 1183: true, 1115: true, 1185: true, 1187: true, 1270: true,
	3912: true, 3908: true, 3910: true, 3913: true, 3909: true, 3911: true,
	4535: true, 4533: true, 4534: true, 6155: true, 6152: true, 6153: true,
}

// intervals are the timeTypes that accept no such word.
var intervals = map[uint32]bool{1186: true, 1187: true}

// byDate are timetz and its array: without an offset, a value gets the offset
// that the session's zone has today.
var byDate = map[uint32]bool{1266: true, 1270: true}

// withZone are timestamptz and timetz and their arrays, ranges and multiranges:
// their text form may name a zone.
var withZone = map[uint32]bool{
	1184: true, 1185: true, 1266: true, 1270: true, 3910: true, 3911: true, 4534: true, 6153: true,
}

// builtinArrays are the array types of pg_type.dat.
var builtinArrays = func() map[uint32]bool {
	m := map[uint32]bool{}
	for _, oid := range []uint32{
		22, 30, 143, 199, 210, 270, 271, 272, 273, 629, 651, 719, 775, 791, 1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009,
		1010, 1011, 1012, 1013, 1014, 1015, 1016, 1017, 1018, 1019, 1020, 1021, 1022, 1027, 1028, 1034, 1040, 1041, 1115, 1182,
		1183, 1185, 1187, 1231, 1263, 1270, 1561, 1563, 2201, 2207, 2208, 2209, 2210, 2211, 2949, 2951, 3221, 3643, 3644, 3645,
		3735, 3770, 3807, 3905, 3907, 3909, 3911, 3913, 3927, 4073, 4090, 4097, 4192, 5039, 6150, 6151, 6152, 6153, 6155, 6157,
	} {
		m[oid] = true
	}
	return m
}()

// NamesTime reports whether a text contains one of the words that the server
// reads as a moving time in a date or a timestamp: now, today, tomorrow,
// yesterday. With such an argument for a parameter of these types, the result
// depends on the time of the read. It ignores quotes and backslashes, which may
// occur anywhere in the text form of an array or a record.
func NamesTime(text string) bool {
	if strings.ContainsAny(text, `\"`) {
		text = strings.NewReplacer(`\`, "", `"`, "").Replace(text)
	}
	for i := 0; i < len(text); i++ {
		begin := i
		for i < len(text) && isLetter(text[i]) {
			i++
		}
		switch strings.ToLower(text[begin:i]) {
		case "now", "today", "tomorrow", "yesterday":
			return true
		}
	}
	return false
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// namesTime reports whether a string constant of the text may contain a moving
// time. A constant that has to be decoded may contain anything.
func namesTime(text string) bool {
	for l := sqltext.NewLexer(text); ; {
		token, ok := l.Next()
		if !ok {
			return l.Err() != nil
		}
		if token.Kind != sqltext.String {
			continue
		}
		word := text[token.Pos:token.End]
		if strings.Contains(word, `\`) || word[0]|0x20 == 'u' || NamesTime(joined(word)) {
			return true
		}
	}
}

// joined joins the parts of a constant that is continued on further lines, as
// in 'to' at the end of a line and 'day' on the next. A doubled quote, which
// stands for one, does not split a word.
func joined(constant string) string {
	if constant[0] == '$' || !strings.ContainsAny(constant, "\n\r") {
		return constant
	}
	var b strings.Builder
	inside := false
	for i := 0; i < len(constant); i++ {
		switch c := constant[i]; {
		case c == '\'' && inside && i+1 < len(constant) && constant[i+1] == '\'':
			b.WriteByte(c)
			i++
		case c == '\'':
			inside = !inside
		case inside:
			b.WriteByte(c)
		case c == '-': // a comment between the parts
			for i+1 < len(constant) && constant[i+1] != '\n' && constant[i+1] != '\r' {
				i++
			}
		}
	}
	return b.String()
}
