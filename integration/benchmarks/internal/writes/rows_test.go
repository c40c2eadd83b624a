package writes

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestEncodeStreamIsBinaryCopy(t *testing.T) {
	j := job[Narrow]{kind: narrow, rows: []Narrow{{ID: 1, CustomerID: 2, Quantity: 3, Price: 0.5}}}
	got, err := encodeStream(j)
	if err != nil {
		t.Fatal(err)
	}
	want := joined(
		"PGCOPY\n\xff\r\n\x00", "\x00\x00\x00\x00\x00\x00\x00\x00", "\x00\x04",
		"\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x01",
		"\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x02",
		"\x00\x00\x00\x04\x00\x00\x00\x03",
		"\x00\x00\x00\x08\x3f\xe0\x00\x00\x00\x00\x00\x00",
		"\xff\xff",
	)
	if !bytes.Equal(got, want) {
		t.Errorf("got  %x\nwant %x", got, want)
	}
}

func TestEncodeStreamHasNulls(t *testing.T) {
	paid := true
	got, err := encodeStream(job[Nulls]{kind: nulls, rows: []Nulls{{ID: 1, Paid: &paid}}})
	if err != nil {
		t.Fatal(err)
	}
	null := "\xff\xff\xff\xff"
	want := joined("\x00\x07", "\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x01",
		null, null, null, "\x00\x00\x00\x01\x01", null, null, "\xff\xff")
	if !bytes.HasSuffix(got, want) {
		t.Errorf("got %x\nwant at its end %x", got, want)
	}
}

func TestNullsAreAThird(t *testing.T) {
	const n = 900
	values := make([]int, len(nulls.names))
	for _, r := range nulls.rows(n) {
		for i, null := range []bool{false, r.CustomerID == nil, r.Quantity == nil, r.Price == nil, r.Paid == nil, r.ShippedAt == nil, r.Note == nil} {
			if null {
				values[i]++
			}
		}
	}
	if want := []int{0, n / 3, n / 3, n / 3, n / 3, n / 3, n / 3}; !slices.Equal(values, want) {
		t.Errorf("NULLs by column %d, want %d", values, want)
	}
}

func joined(parts ...string) []byte { return []byte(strings.Join(parts, "")) }

func TestAppendPlaces(t *testing.T) {
	var text strings.Builder
	appendPlaces(&text, 0, 0, 2)
	appendPlaces(&text, 1, 2, 2)
	if want := "($1,$2),($3,$4)"; text.String() != want {
		t.Errorf("got %s, want %s", text.String(), want)
	}
}

func TestInChunks(t *testing.T) {
	var sizes []int
	stop := errors.New("stop")
	err := inChunks(make([]int, 25), 10, func(rows []int) error {
		sizes = append(sizes, len(rows))
		if len(rows) < 10 {
			return stop
		}
		return nil
	})
	if !errors.Is(err, stop) || len(sizes) != 3 || sizes[2] != 5 {
		t.Errorf("chunks of %v, error %v", sizes, err)
	}
}
