package pgcopy

import "encoding/binary"

// Dates and times are parsed in the form of ISO 8601 only, with years of four
// digits: the only form that does not depend on DateStyle.

func parseDate(buf, text []byte) ([]byte, bool) {
	days, rest, ok := cutDate(text)
	if !ok || len(rest) > 0 {
		return buf, false
	}
	return binary.BigEndian.AppendUint32(append(buf, 0, 0, 0, 4), uint32(days)), true
}

// parseTimestamp parses "2006-01-02 15:04:05", with a T, with a fraction, or the
// date alone.
func parseTimestamp(buf, text []byte) ([]byte, bool) {
	micros, rest, ok := cutTimestamp(text)
	if !ok || len(rest) > 0 {
		return buf, false
	}
	return appendInt64(buf, micros), true
}

// parseTimestamptz parses the form of parseTimestamp with an offset after it.
// Without an offset the value depends on the session's time zone and is left to
// the server.
func parseTimestamptz(buf, text []byte) ([]byte, bool) {
	micros, rest, ok := cutTimestamp(text)
	if !ok {
		return buf, false
	}
	offset, ok := parseOffset(rest)
	if !ok {
		return buf, false
	}
	return appendInt64(buf, micros-offset*1_000_000), true
}

// two reads two digits.
func two(text []byte) (int, bool) {
	if len(text) < 2 {
		return 0, false
	}
	a, b := text[0]-'0', text[1]-'0'
	return int(a)*10 + int(b), a <= 9 && b <= 9
}

var monthDays = [13]int{0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

// cutDate reads "2006-01-02" and returns the days from 2000-01-01.
func cutDate(text []byte) (days int, rest []byte, ok bool) {
	if len(text) < 10 || text[4] != '-' || text[7] != '-' {
		return 0, nil, false
	}
	century, ok1 := two(text)
	year, ok2 := two(text[2:])
	month, ok3 := two(text[5:])
	day, ok4 := two(text[8:])
	year += century * 100
	if !ok1 || !ok2 || !ok3 || !ok4 || year < 1 || month < 1 || month > 12 || day < 1 {
		return 0, nil, false
	}
	last := monthDays[month]
	if month == 2 && year%4 == 0 && (year%100 != 0 || year%400 == 0) {
		last = 29
	}
	if day > last {
		return 0, nil, false
	}
	return daysFromCivil(year, month, day) - daysFromCivil(2000, 1, 1), text[10:], true
}

// daysFromCivil counts days of the Gregorian calendar by years that begin in
// March, so that the leap day is a year's last (H. Hinnant, "chrono-Compatible
// Low-Level Date Algorithms"). For years from 1 on.
func daysFromCivil(year, month, day int) int {
	if month <= 2 {
		year--
		month += 12
	}
	return 365*year + year/4 - year/100 + year/400 + (153*(month-3)+2)/5 + day
}

// cutTimestamp reads a date and a time, in microseconds from 2000-01-01.
func cutTimestamp(text []byte) (micros int64, rest []byte, ok bool) {
	days, rest, ok := cutDate(text)
	if !ok {
		return 0, nil, false
	}
	micros = int64(days) * daySeconds * 1_000_000
	if len(rest) == 0 {
		return micros, rest, true
	}
	if rest[0] != ' ' && rest[0] != 'T' || len(rest) < 9 || rest[3] != ':' || rest[6] != ':' {
		return 0, nil, false
	}
	hour, ok1 := two(rest[1:])
	minute, ok2 := two(rest[4:])
	second, ok3 := two(rest[7:])
	if !ok1 || !ok2 || !ok3 || hour > 23 || minute > 59 || second > 59 {
		return 0, nil, false
	}
	fraction, rest, ok := cutFraction(rest[9:])
	return micros + int64(hour*3600+minute*60+second)*1_000_000 + fraction, rest, ok
}

// cutFraction reads up to six digits behind a point; the server rounds more.
func cutFraction(text []byte) (micros int64, rest []byte, ok bool) {
	if len(text) == 0 || text[0] != '.' {
		return 0, text, true
	}
	unit := int64(100_000)
	i := 1
	for ; i < len(text) && text[i] >= '0' && text[i] <= '9'; i++ {
		micros += int64(text[i]-'0') * unit
		unit /= 10
	}
	return micros, text[i:], i > 1 && i <= 7
}

// parseOffset reads "Z", "+02", "-0330" or "+02:00" as seconds east.
func parseOffset(text []byte) (int64, bool) {
	if string(text) == "Z" {
		return 0, true
	}
	if len(text) < 3 || text[0] != '+' && text[0] != '-' {
		return 0, false
	}
	hours, ok := two(text[1:])
	rest := text[3:]
	if len(rest) > 0 && rest[0] == ':' {
		rest = rest[1:]
		ok = ok && len(rest) == 2
	}
	minutes := 0
	if len(rest) > 0 {
		var okMinutes bool
		minutes, okMinutes = two(rest)
		ok = ok && okMinutes && len(rest) == 2
	}
	if !ok || hours > 15 || minutes > 59 {
		return 0, false
	}
	seconds := int64(hours*3600 + minutes*60)
	if text[0] == '-' {
		seconds = -seconds
	}
	return seconds, true
}
