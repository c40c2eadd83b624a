package keyset

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
)

// ErrCursor is the error for any text that is not a cursor for the scope,
// signed by one of the keys.
var ErrCursor = errors.New("cursor was not made for this statement, its arguments and its order, or was changed")

// A Scope identifies the statement, arguments and order that a cursor is valid
// for.
type Scope [sha256.Size]byte

// NewScope returns the scope of pages through a statement (by the identity of
// its text) with arguments (in an encoding that differs for different
// arguments) in the order of keys. It does not include whether keys are
// nullable, which the caller may learn later.
func NewScope(statement [16]byte, args []byte, keys []Key) Scope {
	b := make([]byte, 0, 64+len(args)+24*len(keys))
	b = append(b, statement[:]...)
	b = appendBytes(b, args)
	for _, k := range keys {
		b = appendBytes(b, k.Column)
		b = append(b, flag(k.Desc, 1)|flag(k.nullsLast(), 2))
	}
	return sha256.Sum256(b)
}

const (
	version = 1
	tagSize = 16 // bytes of the sum that are kept: 128 bits cannot be guessed

	flagBackward  = 1
	flagInclusive = 2
	flagCompare   = 4
	flagZones     = 8
)

var encoding = base64.RawURLEncoding.Strict()

// Encode encodes a position as a cursor, a text safe in URLs. The first of the
// keys signs it. Without keys the cursor is only bound: decoding detects a
// changed or foreign cursor, but not a deliberate forgery.
//
// The bytes are: version, flags, Tied; for each value its type OID and its
// length plus one as varints (0 is NULL) and its text; if flagged, the number
// of Zones and the Zones as varints; and 16 bytes of a SHA-256 (signed:
// HMAC-SHA-256) over the scope and all bytes before.
func Encode(p Position, scope Scope, sign [][]byte) string {
	b := make([]byte, 0, 128)
	b = append(b, scope[:]...)
	flags := flag(p.Backward, flagBackward) | flag(p.Inclusive, flagInclusive) | flag(p.Compare, flagCompare) |
		flag(len(p.Zones) > 0, flagZones)
	b = append(b, version, flags, byte(p.Tied))
	for _, v := range p.Values {
		b = binary.AppendUvarint(b, uint64(v.Type))
		if v.Null {
			b = append(b, 0)
			continue
		}
		b = binary.AppendUvarint(b, uint64(len(v.Text))+1)
		b = append(b, v.Text...)
	}
	if len(p.Zones) > 0 {
		b = binary.AppendUvarint(b, uint64(len(p.Zones)))
		for _, zone := range p.Zones {
			b = binary.AppendVarint(b, int64(zone))
		}
	}
	var key []byte
	if len(sign) > 0 {
		key = sign[0]
	}
	t := tag(b, key)
	return encoding.EncodeToString(append(b, t[:]...)[len(scope):])
}

// Decode decodes a cursor made by [Encode] in the same scope for an order of n
// keys. With keys, one of them must have signed it; without, it must not be
// signed. The error is [ErrCursor].
func Decode(cursor string, scope Scope, sign [][]byte, n int) (*Position, error) {
	if strings.ContainsAny(cursor, "\r\n") { // the decoder would ignore them
		return nil, ErrCursor
	}
	b, err := encoding.AppendDecode(append(make([]byte, 0, 128), scope[:]...), []byte(cursor))
	if err != nil || len(b) < len(scope)+3+tagSize {
		return nil, ErrCursor
	}
	signed, sum := b[:len(b)-tagSize], b[len(b)-tagSize:]
	body := signed[len(scope):]
	if body[0] != version || !genuine(signed, sum, sign) {
		return nil, ErrCursor
	}
	return parse(body[1:], n)
}

func parse(b []byte, n int) (*Position, error) {
	flags, tied := b[0], int(b[1])
	if flags&^(flagBackward|flagInclusive|flagCompare|flagZones) != 0 || tied > n {
		return nil, ErrCursor
	}
	p := &Position{
		Values:    make([]Value, n),
		Backward:  flags&flagBackward != 0,
		Inclusive: flags&flagInclusive != 0,
		Tied:      tied,
		Compare:   flags&flagCompare != 0,
	}
	b = b[2:]
	for i := range p.Values {
		typ, l := binary.Uvarint(b)
		if l <= 0 || typ > 1<<32-1 {
			return nil, ErrCursor
		}
		b = b[l:]
		size, l := binary.Uvarint(b)
		if l <= 0 || size > uint64(len(b)-l)+1 {
			return nil, ErrCursor
		}
		b = b[l:]
		p.Values[i] = Value{Type: uint32(typ), Null: size == 0}
		if size > 0 {
			p.Values[i].Text = string(b[:size-1])
			b = b[size-1:]
		}
	}
	if flags&flagZones != 0 {
		var ok bool
		if p.Zones, b, ok = parseZones(b); !ok {
			return nil, ErrCursor
		}
	}
	if len(b) > 0 {
		return nil, ErrCursor
	}
	return p, nil
}

func parseZones(b []byte) (zones []int, rest []byte, ok bool) {
	n, l := binary.Uvarint(b)
	if l <= 0 || n > uint64(len(b)) {
		return nil, nil, false
	}
	b = b[l:]
	zones = make([]int, n)
	for i := range zones {
		zone, l := binary.Varint(b)
		if l <= 0 {
			return nil, nil, false
		}
		zones[i], b = int(zone), b[l:]
	}
	return zones, b, true
}

// genuine reports whether sum was made for b by one of the keys, in a time that
// does not depend on which.
func genuine(b, sum []byte, sign [][]byte) bool {
	if len(sign) == 0 {
		t := tag(b, nil)
		return hmac.Equal(sum, t[:])
	}
	ok := false
	for _, key := range sign {
		t := tag(b, key)
		ok = hmac.Equal(sum, t[:]) || ok
	}
	return ok
}

// tag returns the sum over b, which begins with a scope. With a key, the sum
// proves that its holder made it.
func tag(b, key []byte) [tagSize]byte {
	if key == nil {
		sum := sha256.Sum256(b)
		return [tagSize]byte(sum[:])
	}
	h := hmac.New(sha256.New, key)
	h.Write(b)
	return [tagSize]byte(h.Sum(nil))
}

func appendBytes[T string | []byte](b []byte, s T) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

func flag(on bool, bit byte) byte {
	if on {
		return bit
	}
	return 0
}
