package keyset

import (
	"encoding/base64"
	"errors"
	"reflect"
	"slices"
	"testing"
)

var (
	scope = NewScope([16]byte{1}, []byte("args"), []Key{name, id})
	key1  = []byte("an old key of sixteen bytes")
	key2  = []byte("the newest key of the service")
)

func position() Position {
	return Position{
		Values:   []Value{{Type: 25, Text: "Zürich"}, {Type: 20, Null: true}, {Type: 1043, Text: ""}},
		Backward: true,
		Tied:     2,
		Compare:  true,
		Zones:    []int{0, -12600},
	}
}

func TestCursorRoundTrip(t *testing.T) {
	for _, sign := range [][][]byte{nil, {key1}} {
		p := position()
		got, err := Decode(Encode(p, scope, sign), scope, sign, len(p.Values))
		if err != nil || !reflect.DeepEqual(*got, p) {
			t.Errorf("signed %t: got %+v, %v, want %+v", sign != nil, got, err, p)
		}
	}
}

// A cursor is valid in its own scope only.
func TestCursorBound(t *testing.T) {
	p := position()
	tests := []struct {
		name     string
		made, by [][]byte
		scope    Scope
		n        int
		ok       bool
	}{
		{"unsigned", nil, nil, scope, 3, true},
		{"signed", [][]byte{key1}, [][]byte{key1}, scope, 3, true},
		{"signed by the key before", [][]byte{key1}, [][]byte{key2, key1}, scope, 3, true},
		{"signed by a key not yet known", [][]byte{key2, key1}, [][]byte{key1}, scope, 3, false},
		{"signed by a key given up", [][]byte{key1}, [][]byte{key2}, scope, 3, false},
		{"signed where none is", [][]byte{key1}, nil, scope, 3, false},
		{"not signed where all are", nil, [][]byte{key1}, scope, 3, false},
		{"other statement", nil, nil, NewScope([16]byte{2}, []byte("args"), []Key{name, id}), 3, false},
		{"other arguments", nil, nil, NewScope([16]byte{1}, []byte("argt"), []Key{name, id}), 3, false},
		{"other keys", nil, nil, NewScope([16]byte{1}, []byte("args"), []Key{id, name}), 3, false},
		{"other direction", nil, nil, NewScope([16]byte{1}, []byte("args"), []Key{name, {Column: "id", Desc: true}}), 3, false},
		{"nulls elsewhere", nil, nil, NewScope([16]byte{1}, []byte("args"), []Key{name, {Column: "id", Nulls: NullsFirst}}), 3, false},
		{"the default said aloud", nil, nil, NewScope([16]byte{1}, []byte("args"), []Key{name, {Column: "id", Nulls: NullsLast, Nullable: true}}), 3, true},
		{"fewer keys", nil, nil, scope, 2, false},
		{"more keys", nil, nil, scope, 4, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Decode(Encode(p, scope, tt.made), tt.scope, tt.by, tt.n)
			if (err == nil) != tt.ok || err != nil && !errors.Is(err, ErrCursor) {
				t.Errorf("err = %v, want ok %t", err, tt.ok)
			}
		})
	}
}

// Decoding detects each flipped bit, each truncation and each addition, even in
// bits that base64 does not use.
func TestCursorDamaged(t *testing.T) {
	for _, sign := range [][][]byte{nil, {key1}} {
		p := position()
		whole := Encode(p, scope, sign)
		for i := range whole {
			if _, err := Decode(whole[:i], scope, sign, 3); !errors.Is(err, ErrCursor) {
				t.Errorf("cut after %d characters: %v", i, err)
			}
			for bit := range 8 {
				b := []byte(whole)
				b[i] ^= 1 << bit
				if _, err := Decode(string(b), scope, sign, 3); !errors.Is(err, ErrCursor) {
					t.Errorf("bit %d of character %d flipped: %v", bit, i, err)
				}
			}
			for _, extra := range []string{"\n", "\r", "=", " ", "A"} {
				if _, err := Decode(whole[:i]+extra+whole[i:], scope, sign, 3); !errors.Is(err, ErrCursor) {
					t.Errorf("%q before character %d: %v", extra, i, err)
				}
			}
		}
	}
}

// seal signs a body as Encode does, so that the fuzzer gets past the signature.
func seal(body []byte) string {
	t := tag(append(scope[:], body...), key1)
	return base64.RawURLEncoding.EncodeToString(append(slices.Clip(body), t[:]...))
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte{version, 0, 1, 25, 2, 'a', 20, 0}, "AQAA", 2)
	f.Add([]byte{version, 7, 0}, "", 0)
	f.Add([]byte{version, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 1}, "=", 1)
	f.Fuzz(func(t *testing.T, body []byte, cursor string, n int) {
		n &= MaxKeys - 1
		if _, err := Decode(cursor, scope, nil, n); err != nil && !errors.Is(err, ErrCursor) {
			t.Errorf("Decode(%q): %v", cursor, err)
		}
		p, err := Decode(seal(body), scope, [][]byte{key1}, n)
		if err != nil {
			if !errors.Is(err, ErrCursor) {
				t.Errorf("Decode of sealed %x: %v", body, err)
			}
			return
		}
		again, err := Decode(Encode(*p, scope, nil), scope, nil, n)
		if err != nil || !reflect.DeepEqual(again, p) {
			t.Errorf("%+v came back as %+v, %v", p, again, err)
		}
	})
}
