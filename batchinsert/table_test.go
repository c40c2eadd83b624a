package batchinsert

import "testing"

func TestNewTableRefuses(t *testing.T) {
	if _, err := NewTable[int]("t"); err == nil {
		t.Error("rows of int")
	}
	if _, err := NewTable[struct{ A int }]("a b"); err == nil {
		t.Error("a name with a space")
	}
	defer func() {
		if recover() == nil {
			t.Error("MustTable does not panic")
		}
	}()
	MustTable[struct{ a int }]("t")
}
