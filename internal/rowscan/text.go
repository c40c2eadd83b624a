package rowscan

import (
	"encoding/hex"
	"strconv"
	"time"
)

// Decoders of the text format, which the simple protocol and pgx's exec mode
// use for all values. They accept the server's output under default settings,
// and leave the rest to pgx.

func decodeBoolText(_ *run, _ *column, dst cell, src []byte) bool {
	if len(src) != 1 || src[0] != 't' && src[0] != 'f' {
		return false
	}
	*at[bool](dst) = src[0] == 't'
	return true
}

func decodeIntText[F integer](_ *run, _ *column, dst cell, src []byte) bool {
	negative := len(src) > 0 && src[0] == '-'
	if negative {
		src = src[1:]
	}
	n, ok := digits(src)
	if negative {
		if n == 0 { // "-0", which the server never writes
			return false
		}
		n = -n
	}
	return ok && store[F](dst, n)
}

// digits parses a number of 1 to 18 digits, which cannot overflow.
func digits(src []byte) (n int64, ok bool) {
	if len(src) == 0 || len(src) > 18 {
		return 0, false
	}
	for _, b := range src {
		if b < '0' || b > '9' {
			return 0, false
		}
		n = 10*n + int64(b-'0')
	}
	return n, true
}

func decodeFloat4Text(_ *run, _ *column, dst cell, src []byte) bool {
	f, err := strconv.ParseFloat(string(src), 32)
	if err != nil {
		return false
	}
	*at[float32](dst) = float32(f)
	return true
}

func decodeFloat8Text(_ *run, _ *column, dst cell, src []byte) bool {
	f, err := strconv.ParseFloat(string(src), 64)
	if err != nil {
		return false
	}
	*at[float64](dst) = f
	return true
}

func decodeUUIDText(_ *run, _ *column, dst cell, src []byte) bool {
	if len(src) != 36 || src[8] != '-' || src[13] != '-' || src[18] != '-' || src[23] != '-' {
		return false
	}
	var digits [32]byte
	for i, part := range [...][]byte{src[:8], src[9:13], src[14:18], src[19:23], src[24:]} {
		copy(digits[[...]int{0, 8, 12, 16, 20}[i]:], part)
	}
	var id [16]byte
	if _, err := hex.Decode(id[:], digits[:]); err != nil {
		return false
	}
	*at[[16]byte](dst) = id
	return true
}

func decodeDateText(_ *run, _ *column, dst cell, src []byte) bool {
	t, rest, ok := civilDate(src)
	if !ok || len(rest) > 0 {
		return false
	}
	*at[time.Time](dst) = t
	return true
}

func decodeTimestampText(_ *run, c *column, dst cell, src []byte) bool {
	t, rest, ok := civilTime(src)
	if !ok || len(rest) > 0 || c.codec.located {
		return false
	}
	*at[time.Time](dst) = t
	return true
}

func decodeTimestamptzText(r *run, c *column, dst cell, src []byte) bool {
	t, rest, ok := civilTime(src)
	if !ok {
		return false
	}
	east, ok := zone(rest)
	if !ok {
		return false
	}
	location := time.Local
	if c.codec.located {
		location = r.locations[c.index]
	}
	*at[time.Time](dst) = t.Add(-east).In(location)
	return true
}

// civilDate parses "2006-01-02" as the start of that day in UTC, for years from
// 1 to 9999 in four digits.
func civilDate(src []byte) (t time.Time, rest []byte, ok bool) {
	if len(src) < 10 || src[4] != '-' || src[7] != '-' {
		return t, nil, false
	}
	year, ok1 := digits(src[:4])
	month, ok2 := digits(src[5:7])
	day, ok3 := digits(src[8:10])
	t = time.Date(int(year), time.Month(month), int(day), 0, 0, 0, 0, time.UTC)
	// time.Date normalizes a day that does not exist.
	return t, src[10:], ok1 && ok2 && ok3 && year > 0 && t.Month() == time.Month(month) && t.Day() == int(day)
}

// civilTime parses "2006-01-02 15:04:05.999999" as a time in UTC.
func civilTime(src []byte) (t time.Time, rest []byte, ok bool) {
	t, src, ok = civilDate(src)
	if !ok || len(src) < 9 || src[0] != ' ' || src[3] != ':' || src[6] != ':' {
		return t, nil, false
	}
	hour, ok1 := digits(src[1:3])
	minute, ok2 := digits(src[4:6])
	second, ok3 := digits(src[7:9])
	if !ok1 || !ok2 || !ok3 || hour > 23 || minute > 59 || second > 59 {
		return t, nil, false
	}
	nanos, rest, ok := fraction(src[9:])
	return t.Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute + time.Duration(second)*time.Second + nanos), rest, ok
}

// fraction parses ".999999", with up to six digits, or nothing.
func fraction(src []byte) (d time.Duration, rest []byte, ok bool) {
	if len(src) == 0 || src[0] != '.' {
		return 0, src, true
	}
	end := 1
	for end < len(src) && src[end] >= '0' && src[end] <= '9' {
		end++
	}
	n, ok := digits(src[1:end])
	for range 10 - end {
		n *= 10
	}
	return time.Duration(n), src[end:], ok && end <= 7
}

// zone parses "+05", "-03:30" or "+00:00:01" and returns the offset east of
// UTC.
func zone(src []byte) (east time.Duration, ok bool) {
	if len(src) < 3 || src[0] != '+' && src[0] != '-' {
		return 0, false
	}
	sign := time.Duration(1)
	if src[0] == '-' {
		sign = -1
	}
	for _, unit := range [...]time.Duration{time.Hour, time.Minute, time.Second} {
		n, ok := digits(src[1:min(3, len(src))])
		if !ok || len(src) < 3 || n > 59 {
			return 0, false
		}
		east += time.Duration(n) * unit
		if src = src[3:]; len(src) == 0 {
			return sign * east, true //nolint:durationcheck // sign is 1 or -1
		}
		if src[0] != ':' {
			return 0, false
		}
	}
	return 0, false
}
