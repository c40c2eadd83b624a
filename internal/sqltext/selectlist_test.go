package sqltext

import (
	"reflect"
	"testing"
)

func TestOutputs(t *testing.T) {
	call := func(names ...string) (calls []Function) {
		for _, name := range names {
			calls = append(calls, Function{Name: name})
		}
		return calls
	}
	for _, tt := range []struct {
		list string
		want []Output
	}{
		{"id", []Output{{Name: "id"}}},
		{"t.id, *", []Output{{Name: "id"}, {}}},
		{"random(), Random() AS r, (random()) \"R\"", []Output{{"random", call("random")}, {"r", call("random")}, {"R", call("random")}}},
		{"pg_catalog.random()", []Output{{"random", []Function{{"pg_catalog", "random"}}}}},
		{"now() - at AS age, array[f(1), 2] a", []Output{{"age", call("now")}, {"a", call("f")}}},
		{"current_date, coalesce(a, 1) c", []Output{{"current_date", []Function{{"pg_catalog", "current_date"}}}, {"c", nil}}},
		{"1 + 2, 'a", nil},
	} {
		if got := Outputs(tt.list); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s:\n got %v\nwant %v", tt.list, got, tt.want)
		}
	}
}
