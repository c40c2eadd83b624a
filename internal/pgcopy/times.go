package pgcopy

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

// The server counts from 2000-01-01 and knows the times of its manual's table
// "Date/Time Types" (MIN_TIMESTAMP, END_TIMESTAMP, DATETIME_MIN_JULIAN and
// DATE_END_JULIAN in datatype/timestamp.h).
const (
	secondsToY2K = 946_684_800 // from the Unix epoch
	daySeconds   = 86_400

	firstSecond = -211_813_488_000 + secondsToY2K // 4714-11-24 BC, Unix time
	endSecond   = 9_223_371_331_200 + secondsToY2K
	firstDay    = -2_451_545 // days from 2000-01-01
	endDay      = 2_147_483_494 - 2_451_545
)

// timePlan returns the plan of a time.Time, or nil.
func timePlan(codec pgtype.Codec) appendFunc {
	switch codec.(type) {
	case *pgtype.TimestamptzCodec:
		return appendTimestamptz
	case *pgtype.TimestampCodec:
		return appendTimestamp
	case pgtype.DateCodec:
		return appendDate
	case pgtype.TimeCodec:
		return appendTimeOfDay
	}
	return nil
}

func appendTimestamptz(buf []byte, p pointer) ([]byte, error) {
	t := at[time.Time](p)
	return appendMicroseconds(buf, t.Unix(), t.Nanosecond())
}

// appendTimestamp sends what the clock on the wall showed in t's own zone.
func appendTimestamp(buf []byte, p pointer) ([]byte, error) {
	t := at[time.Time](p)
	return appendMicroseconds(buf, wallSeconds(t), t.Nanosecond())
}

func appendMicroseconds(buf []byte, seconds int64, nanos int) ([]byte, error) {
	if seconds < firstSecond || seconds >= endSecond {
		return nil, errTime
	}
	return appendInt64(buf, (seconds-secondsToY2K)*1_000_000+int64(nanos)/1000), nil
}

func appendDate(buf []byte, p pointer) ([]byte, error) {
	seconds := wallSeconds(at[time.Time](p)) - secondsToY2K
	days := seconds / daySeconds
	if seconds%daySeconds < 0 {
		days--
	}
	if days < firstDay || days >= endDay {
		return nil, errDate
	}
	return binary.BigEndian.AppendUint32(append(buf, 0, 0, 0, 4), uint32(days)), nil
}

func appendTimeOfDay(buf []byte, p pointer) ([]byte, error) {
	t := at[time.Time](p)
	second := wallSeconds(t) % daySeconds
	if second < 0 {
		second += daySeconds
	}
	return appendInt64(buf, second*1_000_000+int64(t.Nanosecond())/1000), nil
}

// wallSeconds returns t in seconds from the Unix epoch as if its zone was UTC.
func wallSeconds(t time.Time) int64 {
	if t.Location() == time.UTC {
		return t.Unix()
	}
	_, offset := t.Zone()
	return t.Unix() + int64(offset)
}

// appendDuration sends an interval of microseconds, without days and months.
func appendDuration(buf []byte, p pointer) ([]byte, error) {
	return appendInterval(buf, int64(at[time.Duration](p))/1000), nil
}

func appendInterval(buf []byte, microseconds int64) []byte {
	buf = binary.BigEndian.AppendUint64(append(buf, 0, 0, 0, 16), uint64(microseconds))
	return binary.BigEndian.AppendUint64(buf, 0)
}

func appendInt64(buf []byte, n int64) []byte {
	return binary.BigEndian.AppendUint64(append(buf, 0, 0, 0, 8), uint64(n))
}

// infinite gives the server's two infinities.
func infinite(m pgtype.InfinityModifier) int64 {
	if m == pgtype.Infinity {
		return math.MaxInt64
	}
	return math.MinInt64
}
