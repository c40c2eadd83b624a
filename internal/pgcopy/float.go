package pgcopy

import (
	"encoding/binary"
	"math"
	"strconv"
)

func appendFloat4[V float32 | float64](buf []byte, p pointer) ([]byte, error) {
	v := float64(at[V](p))
	f := float32(v)
	if math.IsInf(float64(f), 0) && !math.IsInf(v, 0) {
		return nil, errNoFloat4
	}
	return binary.BigEndian.AppendUint32(append(buf, 0, 0, 0, 4), math.Float32bits(f)), nil
}

func appendFloat8[V float32 | float64](buf []byte, p pointer) ([]byte, error) {
	return append8(buf, float8(float64(at[V](p)))), nil
}

// serverNaN is the NaN of the server's input function; math.NaN's last bit is
// set. One that was written as text would differ from the same in binary.
const serverNaN = 0x7ff8_0000_0000_0000

// The words of a numeric's header (numeric_send): number of digits to the base
// of 10,000, weight of the first, sign, digits behind the point.
const (
	signNegative = 0x4000
	signNaN      = 0xc000
	signPlusInf  = 0xd000
	signMinusInf = 0xf000
)

func appendIntNumeric[V integer](buf []byte, p pointer) ([]byte, error) {
	v := at[V](p)
	sign, n := uint16(0), uint64(v)
	if v < 0 {
		sign, n = signNegative, -n
	}
	var digits [5]uint16 // 2^64 has 20 decimal digits
	i := len(digits)
	for ; n > 0; n /= 10_000 {
		i--
		digits[i] = uint16(n % 10_000)
	}
	return appendNumeric(buf, digits[i:], len(digits)-i-1, sign, 0), nil
}

func appendFloatNumeric[V float32 | float64](buf []byte, p pointer) ([]byte, error) {
	v := float64(at[V](p))
	switch {
	case math.IsNaN(v):
		return appendNumericHeader(buf, 0, 0, signNaN, 0), nil
	case math.IsInf(v, 1):
		return appendNumericHeader(buf, 0, 0, signPlusInf, 0), nil
	case math.IsInf(v, -1):
		return appendNumericHeader(buf, 0, 0, signMinusInf, 0), nil
	}
	// The longest: 5e-324 has 324 digits behind the point, a sign, "0.".
	var text [400]byte
	return appendDecimal(buf, strconv.AppendFloat(text[:0], v, 'f', -1, 64)), nil
}

// appendDecimal appends text, digits with at most one point and no exponent,
// as pgx does for the same float: no leading zero digits before the point, all
// zeros after it, and no trailing ones where there is no point.
func appendDecimal(buf, text []byte) []byte {
	sign := uint16(0)
	if text[0] == '-' {
		sign, text = signNegative, text[1:]
	}
	whole, frac := text, text[len(text):]
	for i, c := range text {
		if c == '.' {
			whole, frac = text[:i], text[i+1:]
			break
		}
	}
	var digits [200]uint16
	n := 0
	if len(whole) != 1 || whole[0] != '0' {
		n = groups(digits[:], whole, (4-len(whole)%4)%4)
	}
	weight := n - 1
	if len(frac) > 0 {
		n += groups(digits[n:], frac, 0)
	} else {
		for n > 0 && digits[n-1] == 0 {
			n--
		}
	}
	if n == 0 {
		sign = 0 // there is no negative zero
	}
	return appendNumeric(buf, digits[:n], weight, sign, len(frac))
}

// groups packs decimal digits by four, as if lead zeros stood before them and
// as many behind as fill the last group.
func groups(to []uint16, text []byte, lead int) int {
	n, group, have := 0, uint16(0), lead
	for _, c := range text {
		group = group*10 + uint16(c-'0')
		if have++; have == 4 {
			to[n], group, have = group, 0, 0
			n++
		}
	}
	if have > 0 {
		for ; have < 4; have++ {
			group *= 10
		}
		to[n] = group
		n++
	}
	return n
}

func appendNumeric(buf []byte, digits []uint16, weight int, sign uint16, scale int) []byte {
	buf = appendNumericHeader(buf, len(digits), weight, sign, scale)
	for _, d := range digits {
		buf = binary.BigEndian.AppendUint16(buf, d)
	}
	return buf
}

func appendNumericHeader(buf []byte, digits, weight int, sign uint16, scale int) []byte {
	buf = binary.BigEndian.AppendUint32(buf, uint32(8+2*digits))
	buf = binary.BigEndian.AppendUint16(buf, uint16(digits))
	buf = binary.BigEndian.AppendUint16(buf, uint16(weight))
	buf = binary.BigEndian.AppendUint16(buf, sign)
	return binary.BigEndian.AppendUint16(buf, uint16(scale))
}
