package querycache

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/headrace/headrace/internal/rowscan/replay"
)

// storedSample returns a value for a key.
func storedSample() (key string, s *stored) {
	return "key", &stored{
		kind: storedRows, life: time.Minute, names: 7,
		versions: []tierVersions{{"redis", []uint64{1, 2, 3}}, {"table", nil}}, content: []byte("content"),
	}
}

func TestStoredForm(t *testing.T) {
	key, want := storedSample()
	got, err := decodeStored(key, want.encode(key))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	if v := got.in("redis"); len(v) != 3 || got.in("other") != nil {
		t.Errorf("versions %v, %v", v, got.in("other"))
	}
	if _, err := decodeStored("other", want.encode(key)); err == nil {
		t.Error("the value of another key was accepted")
	}
}

// Values that are damaged, truncated, longer, or mixed from two are not
// accepted.
func TestDamagedValues(t *testing.T) {
	key, s := storedSample()
	data := s.encode(key)
	r := rand.New(rand.NewPCG(1, 2))
	s.content = []byte("another")
	other := s.encode(key)
	for range 100_000 {
		bad := append([]byte{}, data...)
		switch r.IntN(5) {
		case 0:
			bad[r.IntN(len(bad))] ^= byte(1 + r.IntN(255))
		case 1:
			bad = bad[:r.IntN(len(bad))]
		case 2:
			bad = append(bad, make([]byte, 1+r.IntN(9))...)
		case 3:
			n := 1 + r.IntN(len(bad)-1)
			bad = append(bad[:n:n], other[n:]...)
		case 4:
			for i := range bad {
				bad[i] = byte(r.Uint32())
			}
		}
		if string(bad) == string(data) || string(bad) == string(other) {
			continue
		}
		if got, err := decodeStored(key, bad); err == nil {
			t.Fatalf("%x gave %+v", bad, got)
		}
	}
}

// FuzzStored decodes any bytes, with a checksum that is right.
func FuzzStored(f *testing.F) {
	key, s := storedSample()
	data := s.encode(key)
	f.Add(data[:len(data)-crcBytes])
	f.Add([]byte{'h', 'r', valueForm, 0, 0})
	f.Fuzz(func(t *testing.T, body []byte) {
		sum := sumFor(key, body)
		data := append([]byte{}, body...)
		for range crcBytes {
			data = append(data, byte(sum))
			sum >>= 8
		}
		got, err := decodeStored(key, data)
		if err != nil {
			return
		}
		if rows, err := replay.Parse(got.content); err == nil && rows.Len() < 0 {
			t.Errorf("%d rows", rows.Len())
		}
	})
}

func TestNamesInTiers(t *testing.T) {
	for _, name := range []string{statementTierName("CityByID"), statementTierName("a/b c\n\x00é"), keyTierName("a/b", []byte{0, 255}), keyTierName(strings.Repeat("é", 400), make([]byte, 400)), textTierName([16]byte{255})} {
		if len(name) > 512 || strings.ContainsAny(name, " \n\x00") {
			t.Errorf("%q has %d bytes", name, len(name))
		}
	}
	for name, want := range map[string]string{
		keyTierName("a/b", []byte{1}):                   statementTierName("a/b"),
		"t/1764553123.123:5432.16384/16401o":            "t/1764553123.123:5432.16384/*",
		"t/1764553123.123:5432.16384/*":                 "t/1764553123.123:5432.16384/*",
		statementTierName("CityByID"):                   statementTierName("CityByID"),
		keyTierName(strings.Repeat("x", 300), []byte{}): statementTierName(strings.Repeat("x", 300)),
	} {
		if got := widened(name); got != want {
			t.Errorf("%s is part of %s, want %s", name, got, want)
		}
	}
}
