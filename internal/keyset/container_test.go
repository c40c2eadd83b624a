package keyset

import (
	"encoding/hex"
	"testing"
)

func TestContainers(t *testing.T) {
	numbers, texts := Simple(23), Simple(25)
	tests := []struct {
		name string
		of   TextOf
		hex  string
		want string
	}{
		{"empty array", ArrayOf(numbers, ','), "000000000000000000000017", "{}"},
		{"array", ArrayOf(numbers, ','), "000000010000000100000017" + "0000000200000001" + "0000000400000001" + "ffffffff", `{"1",NULL}`},
		{"array from 5 on", ArrayOf(numbers, ','), "000000010000000000000017" + "0000000100000005" + "0000000400000001", `[5:5]={"1"}`},
		{"array of arrays", ArrayOf(texts, ';'), "000000020000000000000019" + "0000000100000001" + "0000000200000001" +
			"0000000122" + "000000015c", `{{"\"";"\\"}}`},
		{"composite", CompositeOf([]TextOf{numbers, texts}), "00000002" + "000000170000000400000001" + "00000019ffffffff", `("1",)`},
		{"empty range", RangeOf(numbers), "01", "empty"},
		{"range", RangeOf(numbers), "02" + "0000000400000001" + "0000000400000005", `["1","5")`},
		{"range without end", RangeOf(numbers), "18", `(,)`},
		{"multirange", MultirangeOf(RangeOf(numbers)), "00000001" + "0000000d" + "14" + "000000040000000500000000", ""},
		{"multirange of one", MultirangeOf(RangeOf(numbers)), "00000001" + "00000009" + "0c" + "0000000400000005", `{(,"5"]}`},
		{"array of lies", ArrayOf(numbers, ','), "000000017fffffff00000017" + "7fffffff00000001", ""},
		{"array of nothings", ArrayOf(numbers, ','), "000000020000000000000017" + "7fffffff00000001" + "0000000000000001", ""},
		{"cut composite", CompositeOf([]TextOf{numbers}), "00000001" + "0000001700000004000000", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b, err := hex.DecodeString(tt.hex)
			if err != nil {
				t.Fatal(err)
			}
			if got, ok := tt.of(b); got != tt.want || ok != (tt.want != "") {
				t.Errorf("%x: got %q, %t, want %q", b, got, ok, tt.want)
			}
		})
	}
}

func FuzzContainers(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 23, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 1})
	f.Add([]byte{2, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 5})
	f.Add([]byte{0, 0, 0, 1, 0, 0, 0, 25, 0, 0, 0, 1, 'a'})
	ranges := RangeOf(Simple(23))
	forms := []TextOf{
		ArrayOf(Simple(23), ','), ArrayOf(ArrayOf(Simple(1700), ','), ';'), ranges, MultirangeOf(ranges),
		CompositeOf([]TextOf{Simple(25)}), CompositeOf([]TextOf{Plain, ranges}),
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for i, of := range forms {
			if s, ok := of(b); !ok && s != "" {
				t.Errorf("form %d of %x: %q with false", i, b, s)
			}
		}
	})
}
