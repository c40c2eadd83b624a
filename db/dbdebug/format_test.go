package dbdebug

import (
	"strings"
	"testing"
	"time"
)

func TestFormats(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{formatSeconds(seconds(0)), "0"},
		{formatSeconds(4.5e-7), "0.45 µs"},
		{formatSeconds(0.0009996), "1000 µs"},
		{formatSeconds(0.00123456), "1.23 ms"},
		{formatSeconds(0.0123456), "12.3 ms"},
		{formatSeconds(119), "119 s"},
		{formatSeconds(600), "10.0 min"},
		{formatSeconds(7200), "2.00 h"},
		{formatSeconds(864000), "10.0 d"},
		{formatShort(600), "10 min"},
		{formatShort(60), "60 s"},
		{formatShort(5), "5 s"},
		{formatShort(7.5), "7.50 s"},
		{formatCount(9999), "9999"},
		{formatCount(12345), "12 345"},
		{formatCount(int64(123456)), "123 456"},
		{formatCount(1234567), "1.23 M"},
		{formatCount(4.2e9), "4.20 G"},
		{formatPercent(0), "0 %"},
		{formatPercent(0.0001), "< 0.1 %"},
		{formatPercent(0.0123), "1.2 %"},
		{formatPercent(0.0999), "10 %"},
		{formatPercent(1), "100 %"},
		{formatBytes(999), "999 B"},
		{formatBytes(1500), "1.50 kB"},
		{formatBytes(uint64(67108864)), "67.1 MB"},
		{formatRate(0.001), "< 0.01"},
		{formatRate(12345), "12 345"},
		{plural(1, "error"), "1 error"},
		{plural(0, "error"), "0 errors"},
	} {
		if got := strings.ReplaceAll(c.got, space, " "); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// The parts of a span fill its part of the bar, also if operations overlapped.
func TestSegments(t *testing.T) {
	for _, s := range []span{
		{Took: 10, Wait: 1, Server: 2, Decode: 3, Rest: 4},
		{Took: 5, Wait: 1, Server: 2, Decode: 3, Rest: 4},
		{},
	} {
		parts := segmentsOf(s, s.Took)
		last := parts[len(parts)-1]
		if s.Took > 0 && (last.At != "60.00" || last.Width != "40.00" || parts[1].At != "10.00") {
			t.Errorf("%+v: %+v", s, parts)
		}
	}
}

func TestCharts(t *testing.T) {
	if got, want := linePath([]float64{0, 5, 10}), "M0 23L60 12L120 1"; got != want {
		t.Errorf("line %q, want %q", got, want)
	}
	for _, flat := range [][]float64{nil, {1}, {0, 0}} {
		if got := linePath(flat); got != "M0 23H120" {
			t.Errorf("line of %v is %q", flat, got)
		}
	}
	if got := barsPath([]bucket{{To: seconds(2e-6), Count: 4}, {To: seconds(4e-6), Count: 0}, {To: seconds(8e-6), Count: 2}}); strings.Count(got, "M") != 2 {
		t.Errorf("bars %q", got)
	}
	for _, b := range []bucket{{To: secondsOf(time.Microsecond), Count: 1}, {To: seconds(67.108864), Count: 1}} {
		x, _, _ := strings.Cut(strings.TrimPrefix(barsPath([]bucket{b}), "M"), " ")
		if x != "0.4" && x != "116" {
			t.Errorf("the bar of %v begins at %s", b.To, x)
		}
	}
}
