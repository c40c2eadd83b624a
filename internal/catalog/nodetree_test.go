package catalog

import (
	"strings"
	"testing"
)

func TestParseTree(t *testing.T) {
	t.Parallel()
	v, err := parseTree(`({QUERY :commandType 1 :cteList <> :rtable ({RANGETBLENTRY :alias {ALIAS :aliasname :x :colnames ` +
		`("a\ b" "c\)\{" "d")} :rtekind 0 :relid 16389 :inh true :selectedCols (b 8 9)}) :quals {CONST :consttype 23 ` +
		`:constvalue 4 [ 1 0 0 -1 ]} :name "" :tail a\\b})`)
	if err != nil {
		t.Fatal(err)
	}
	query := v.list[0].node
	if query.kind != "QUERY" || query.get("commandType").number() != 1 || !query.get("cteList").isNull() {
		t.Errorf("query is %+v", query)
	}
	entry := query.get("rtable").list[0].node
	if entry.oid("relid") != 16389 || entry.get("inh").word != "true" || len(entry.get("selectedCols").list) != 3 {
		t.Errorf("entry is %+v", entry)
	}
	alias := entry.get("alias").node
	if alias.get("aliasname").word != ":x" || alias.get("colnames").list[1].word != `"c){"` {
		t.Errorf("alias is %+v", alias)
	}
	if query.get("quals").node.oid("consttype") != 23 || !query.get("name").isNull() || query.get("tail").word != `a\b` {
		t.Errorf("query is %+v", query)
	}
	if !query.get("nothing").isNull() || query.oid("tail") != 0 || query.get("tail").number() != 0 {
		t.Error("a field that is not there, or no number, is not null")
	}
}

func TestParseTreeRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		``:                           "byte 0: ends too early",
		`(`:                          "byte 1: ends too early",
		`{QUERY :a`:                  "byte 9: ends too early",
		`{QUERY`:                     "byte 6: ends too early",
		`{QUERY a b}`:                `byte 7: want the name of a field of QUERY, have "a"`,
		`{QUERY :a 4 [ 1 2`:          "ends too early",
		`)`:                          `byte 0: unexpected ")"`,
		`{QUERY :a )}`:               `byte 10: unexpected ")"`,
		`() ()`:                      `byte 3: "(" after its end`,
		strings.Repeat("(", 100_000): "nested more than 20000 deep",
	} {
		if _, err := parseTree(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v, want %q", text, err, want)
		}
	}
}

func FuzzParseTree(f *testing.F) {
	f.Add(`({QUERY :commandType 2 :resultRelation 1 :rtable ({RANGETBLENTRY :rtekind 0 :relid 5})})`)
	f.Add(`{CONST :consttype 1184 :constisnull false :constvalue 4 [ 1 0 ]}`)
	f.Add(`{OPEXPR :opno 16400 :args ({COERCEVIAIO :arg {PARAM :paramtype 25} :resulttype 1082})}`)
	f.Fuzz(func(t *testing.T, text string) {
		v, err := parseTree(text)
		if err != nil {
			return
		}
		r := collect(v)
		if r == nil {
			t.Error("nothing collected")
		}
		sources(text)
	})
}

func TestCollect(t *testing.T) {
	t.Parallel()
	v, err := parseTree(`({QUERY :commandType 5 :resultRelation 2 :rtable ({RANGETBLENTRY :rtekind 1 :relid 7} ` +
		`{RANGETBLENTRY :rtekind 0 :relid 20000 :inh false :selectedCols (b 7 9 3)}) :rowMarks ({ROWMARKCLAUSE :rti 1}) ` +
		`:targetList ({FUNCEXPR :funcid 65 :args <>} {ROWCOMPAREEXPR :opnos (o 97 16500)} {SORTGROUPCLAUSE :eqop 16501 :sortop 97})})`)
	if err != nil {
		t.Fatal(err)
	}
	r := collect(v)
	if len(r.reads) != 1 || r.reads[0] != (read{20000, true}) {
		t.Errorf("reads %v", r.reads)
	}
	if len(r.writes) != 1 || r.writes[0] != (write{20000, onInsert | onUpdate | onDelete}) {
		t.Errorf("writes %v", r.writes)
	}
	if len(r.columns) != 2 || r.columns[0].number != 0 || r.columns[1].number != 2 {
		t.Errorf("columns %v", r.columns)
	}
	if len(r.functions) != 1 || len(r.operators) != 2 || !r.locksRows || !r.notRead || r.unknownNode != "" {
		t.Errorf("%+v", r)
	}
}

// TestUnknownNode: what a newer server may add is not passed over.
func TestUnknownNode(t *testing.T) {
	t.Parallel()
	v, err := parseTree(`({QUERY :commandType 1 :targetList ({BRANDNEWEXPR :relid 5})})`)
	if err != nil {
		t.Fatal(err)
	}
	if r := collect(v); r.unknownNode != "BRANDNEWEXPR" {
		t.Errorf("strange is %q", r.unknownNode)
	}
}
