package writes

import (
	"bytes"
	"errors"
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
