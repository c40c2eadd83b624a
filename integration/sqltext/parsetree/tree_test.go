//go:build cgo

package parsetree_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	pgquery "github.com/pganalyze/pg_query_go/v6"

	"github.com/headrace/headrace/integration/sqltext/corpus"
	"github.com/headrace/headrace/internal/sqltext"
)

// texts are the corpus, and texts that a server with its schema rejects.
func texts() []string { return slices.Concat(corpus.Statements, corpus.Utility, corpus.Grammar) }

func TestTextsOfTheCorpusParse(t *testing.T) {
	for _, text := range texts() {
		if _, ok := parse(t, withoutComments(text)); !ok && !commentInString(text) {
			_, err := pgquery.ParseToJSON(text)
			t.Errorf("%s: %v", text, err)
		}
		check(t, text)
	}
}

// FuzzAgainstParser looks for a text that the server parses and about which
// sqltext makes a false claim.
func FuzzAgainstParser(f *testing.F) {
	for _, text := range texts() {
		f.Add(text)
	}
	f.Fuzz(check)
}

// check compares all claims about a text with the server's parse tree. Texts
// that do not parse pass.
func check(t *testing.T, text string) {
	tree, ok := parse(t, withoutComments(text))
	if !ok || commentInString(text) {
		return
	}
	st := sqltext.Analyze(text)
	if st.Err != nil {
		if beyondParser(st.Err) {
			return
		}
		t.Fatalf("%q: %v", text, st.Err)
	}
	if normalized, ok := parse(t, st.Normalized); !ok || !reflect.DeepEqual(tree, normalized) {
		t.Fatalf("another tree:\n%q\n%q", text, st.Normalized)
	}
	if n := len(statements(tree)); st.Count != n || len(sqltext.Statements(text)) != n {
		t.Fatalf("%q: %d statements, counted %d, split into %d", text, n, st.Count, len(sqltext.Statements(text)))
	}
	if c := contentsOf(tree); !c.odd {
		checkClaims(t, st, c)
	}
}

// beyondParser reports whether libpg_query lacks an error: only the protocol
// bounds the number of a parameter, and $1FROM is two tokens for libpg_query,
// but an error for servers from 15 on.
func beyondParser(err error) bool {
	return strings.Contains(err.Error(), "parameter number too large") || strings.Contains(err.Error(), "junk after parameter")
}

func checkClaims(t *testing.T, st *sqltext.Statement, c *contents) {
	if st.ReadOnly == sqltext.Yes && (len(c.functions) > 0 || c.writes != "") {
		t.Fatalf("%q claims to be read only, and has %s and calls %v", st.Text, c.writes, c.functions)
	}
	if st.ReadOnly == sqltext.No && c.writes == "" && plainKind(st.Kind) {
		t.Fatalf("%q claims not to be read only", st.Text)
	}
	if !st.TablesKnown || !touchesWhatItNames(st.Kind) {
		return
	}
	for function := range c.functions {
		if !slices.ContainsFunc(st.Calls, func(f sqltext.Function) bool { return f.Name == function }) {
			t.Fatalf("%q calls %s, told are %v", st.Text, function, st.Calls)
		}
	}
	told := map[sqltext.Table]bool{}
	for _, table := range slices.Concat(st.Reads, st.Writes) {
		told[table] = true
		if !c.relations[table] {
			t.Fatalf("%q names no %v: reads %v, writes %v", st.Text, table, st.Reads, st.Writes)
		}
	}
	for table := range c.relations {
		if !told[table] && !c.with[table.Name] {
			t.Fatalf("%q names %v: reads %v, writes %v", st.Text, table, st.Reads, st.Writes)
		}
	}
}

// touchesWhatItNames excludes the kinds that name relations and functions
// without reading, writing or calling them, and multi-statement texts, which
// may contain such statements.
func touchesWhatItNames(kind sqltext.StatementKind) bool {
	switch kind {
	case sqltext.Lock, sqltext.Maintain, sqltext.Prepare, sqltext.Several:
		return false
	}
	return true
}

// parse returns the parse tree of a text without positions.
func parse(t *testing.T, text string) (tree any, ok bool) {
	t.Helper()
	if strings.ContainsRune(text, 0) || !utf8.ValidString(text) { // servers refuse both
		return nil, false
	}
	out, err := pgquery.ParseToJSON(text)
	if err != nil {
		return nil, false
	}
	if err := json.Unmarshal([]byte(out), &tree); err != nil {
		return nil, false // text that is no UTF-8
	}
	return withoutPlaces(tree), true
}

func withoutPlaces(node any) any {
	switch node := node.(type) {
	case map[string]any:
		for key, value := range node {
			switch key {
			case "location", "stmt_location", "stmt_len", "version", "name_location", "type_location":
				delete(node, key)
			default:
				node[key] = withoutPlaces(value)
			}
		}
	case []any:
		for i, value := range node {
			node[i] = withoutPlaces(value)
		}
	}
	return node
}

func statements(tree any) []any {
	list, _ := tree.(map[string]any)["stmts"].([]any)
	return list
}

// contents is the part of a parse tree that statements make claims about.
type contents struct {
	relations map[sqltext.Table]bool
	with      map[string]bool // names of WITH queries, wherever
	functions map[string]bool // called by name
	writes    string          // a node that makes a statement no mere read
	odd       bool            // what the grammar takes and no server does
}

func contentsOf(tree any) *contents {
	c := &contents{map[sqltext.Table]bool{}, map[string]bool{}, map[string]bool{}, "", false}
	c.walk(tree)
	return c
}

func (c *contents) walk(node any) {
	switch node := node.(type) {
	case map[string]any:
		for key, value := range node {
			c.visit(key, value)
		}
	case []any:
		for _, value := range node {
			c.walk(value)
		}
	}
}

// visit records a node. Statements have their target under "relation", without
// the type of the node.
func (c *contents) visit(key string, value any) {
	fields, _ := value.(map[string]any)
	switch key {
	case "RangeVar", "relation", "rel":
		if name, ok := fields["relname"].(string); ok {
			schema, _ := fields["schemaname"].(string)
			c.relations[sqltext.Table{Schema: schema, Name: name}] = true
		}
	case "CommonTableExpr":
		c.with[fields["ctename"].(string)] = true
	case "FuncCall":
		if name := calledByName(fields); name != "" {
			c.functions[name] = true
		}
	case "SQLValueFunction":
		c.functions[strings.ToLower(strings.TrimSuffix(strings.TrimPrefix(fmt.Sprint(fields["op"]), "SVFOP_"), "_N"))] = true
	case "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt", "IntoClause", "intoClause", "LockingClause":
		c.writes = key
	case "lockedRels":
		return // aliases
	case "typmods":
		c.odd = c.odd || !constants(value)
	case "ExplainStmt":
		before := c.writes
		c.walk(value)
		if !strings.Contains(fmt.Sprint(fields["options"])+" ", "defname:analyze ") {
			c.writes = before
		}
		return
	}
	c.walk(value)
}

// constants reports whether a type's modifiers are constants. The grammar
// accepts any expression.
func constants(typmods any) bool {
	list, _ := typmods.([]any)
	return !slices.ContainsFunc(list, func(node any) bool {
		_, ok := node.(map[string]any)["A_Const"]
		return !ok
	})
}

// calledByName returns the function that a call names in the text, and nothing
// for functions of operators and other syntax.
func calledByName(call map[string]any) string {
	var names []string
	list, _ := call["funcname"].([]any)
	for _, part := range list {
		names = append(names, part.(map[string]any)["String"].(map[string]any)["sval"].(string))
	}
	name := names[len(names)-1]
	if call["funcformat"] == "COERCE_SQL_SYNTAX" {
		switch name {
		case "timezone", "is_normalized", "pg_collation_for", "overlaps", "xmlexists":
			return "" // AT TIME ZONE, IS NORMALIZED, COLLATION FOR, OVERLAPS, XMLEXISTS
		case "btrim", "ltrim", "rtrim":
			return "trim"
		}
		return name
	}
	if names[0] == "pg_catalog" && (name == "like_escape" || name == "similar_to_escape") {
		return "" // LIKE ... ESCAPE
	}
	return name
}
