package pgcopy

import (
	"reflect"
	"testing"
)

func TestSizeOf(t *testing.T) {
	type row struct {
		A int64
		B string
		C []int32
		D *string
		E *int64
	}
	fields, err := Fields(reflect.TypeFor[row]())
	if err != nil {
		t.Fatal(err)
	}
	size := SizeOf[row](fields)
	fixed := int(reflect.TypeFor[row]().Size())
	if got := size(&row{}); got != fixed {
		t.Errorf("an empty row: %d, want %d", got, fixed)
	}
	if got := size(&row{B: "12345", C: make([]int32, 3), D: new("1234567"), E: new(int64)}); got != fixed+5+12+16+7+8 {
		t.Errorf("%d bytes beside %d", got-fixed, fixed)
	}
}
