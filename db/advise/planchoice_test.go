package advise

import "testing"

func TestLosesIndex(t *testing.T) {
	scan := func(kind string) *plan { return &plan{NodeType: kind, Relation: "t", Alias: "t"} }
	for _, tc := range []struct {
		custom, generic string
		want            bool
	}{
		{"Index Scan", "Seq Scan", true},
		{"Bitmap Heap Scan", "Seq Scan", true},
		{"Index Scan", "Bitmap Heap Scan", false},
		{"Seq Scan", "Index Scan", false},
		{"Seq Scan", "Seq Scan", false},
	} {
		if got := losesIndex(scan(tc.custom), scan(tc.generic)); got != tc.want {
			t.Errorf("%s and %s: %v, want %v", tc.custom, tc.generic, got, tc.want)
		}
	}
}

func TestRunsToEnd(t *testing.T) {
	for _, tc := range []struct {
		above []string // from the scan upwards
		want  bool
	}{
		{nil, true},
		{[]string{"Limit"}, false},
		{[]string{"Sort", "Limit"}, true},
		{[]string{"Nested Loop", "Limit"}, false},
		{[]string{"Merge Join"}, false},
		{[]string{"Hash Join"}, true},
	} {
		n := &plan{NodeType: "Seq Scan"}
		for up, kind := n, 0; kind < len(tc.above); kind++ {
			up.parent = &plan{NodeType: tc.above[kind], Plans: []*plan{up}}
			up = up.parent
		}
		if got := n.runsToEnd(); got != tc.want {
			t.Errorf("below %v: %v, want %v", tc.above, got, tc.want)
		}
	}
}

func TestCharge(t *testing.T) {
	scan := &plan{NodeType: "Seq Scan", TotalCost: 100, Rows: 50}
	root := &plan{NodeType: "Limit", TotalCost: 10, Rows: 5, Plans: []*plan{scan}}
	root.link()
	if got := scan.charge(); got != 10 {
		t.Errorf("below a LIMIT: %v, want 10", got)
	}
	inner := &plan{NodeType: "Seq Scan", Relationship: "Inner", TotalCost: 7, Rows: 1}
	root = &plan{NodeType: "Nested Loop", TotalCost: 1000, Plans: []*plan{{NodeType: "Seq Scan", TotalCost: 20, Rows: 100}, inner}}
	root.link()
	if got := inner.charge(); got != 700 {
		t.Errorf("within a loop of 100: %v, want 700", got)
	}
	part := &plan{NodeType: "Aggregate", Relationship: "SubPlan", TotalCost: 9}
	root = &plan{NodeType: "Seq Scan", TotalCost: 100, Rows: 10, Plans: []*plan{part}}
	root.link()
	if got, gotPart := root.charge(), part.charge(); got != 10 || gotPart != 90 {
		t.Errorf("with a subquery: %v and %v, want 10 and 90", got, gotPart)
	}
}
