package dbdebug

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"
	"time"
)

// formats are the functions of the template.
var formats = template.FuncMap{
	"dur":      formatSeconds,
	"short":    formatShort,
	"count":    formatCount,
	"percent":  formatPercent,
	"bytes":    formatBytes,
	"rate":     formatRate,
	"plural":   plural,
	"clock":    func(t time.Time) string { return t.Format("15:04:05") },
	"stamp":    func(t time.Time) string { return t.Format(time.RFC3339) },
	"unit":     formatUnit,
	"last":     lastOf,
	"highest":  highestOf,
	"line":     linePath,
	"area":     areaPath,
	"bars":     barsPath,
	"spread":   describeBuckets,
	"per":      func(a any, n int64) float64 { return part(numberOf(a), float64(n)) },
	"perTime":  func(a seconds, n int64) seconds { return seconds(part(float64(a), float64(n))) },
	"segments": segmentsOf,
	"strip":    stripOf,
	"width":    func(share float64) string { return strconv.FormatFloat(100*min(max(share, 0), 1), 'f', 2, 64) },
	"minus":    func(a, b int) int { return a - b },
	"join":     strings.Join,
}

func numberOf(v any) float64 {
	switch v := v.(type) {
	case int:
		return float64(v)
	case int64:
		return float64(v)
	case uint64:
		return float64(v)
	case int32:
		return float64(v)
	case float64:
		return v
	case seconds:
		return float64(v)
	}
	return 0
}

// digits returns v with three significant digits, without an exponent.
func digits(v float64) string {
	switch a := math.Abs(v); {
	case a == 0:
		return "0"
	case a < 9.995:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case a < 99.95:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 0, 64)
}

const space = "\u202f" // narrow, and never the end of a line

func formatSeconds(v any) string {
	s := numberOf(v)
	switch {
	case s == 0:
		return "0"
	case s < 1e-3:
		return digits(s*1e6) + space + "µs"
	case s < 1:
		return digits(s*1e3) + space + "ms"
	case s < 120:
		return digits(s) + space + "s"
	case s < 2*3600:
		return digits(s/60) + space + "min"
	case s < 2*86400:
		return digits(s/3600) + space + "h"
	}
	return digits(s/86400) + space + "d"
}

// formatShort is formatSeconds for round durations: without zeros at the end.
func formatShort(v any) string {
	return strings.NewReplacer(".00", "", ".0"+space, space).Replace(formatSeconds(v))
}

// formatCount separates thousands, and shortens from a million on.
func formatCount(v any) string {
	n := numberOf(v)
	if n >= 1e9 {
		return digits(n/1e9) + space + "G"
	}
	if n >= 1e6 {
		return digits(n/1e6) + space + "M"
	}
	s := strconv.FormatInt(int64(n), 10)
	if len(s) > 4 {
		s = s[:len(s)-3] + space + s[len(s)-3:]
	}
	return s
}

func plural(n int64, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return formatCount(n) + " " + noun
}

func formatPercent(v float64) string {
	switch {
	case v == 0:
		return "0" + space + "%"
	case v < 0.001:
		return "<" + space + "0.1" + space + "%"
	case v < 0.0995:
		return strconv.FormatFloat(100*v, 'f', 1, 64) + space + "%"
	}
	return strconv.FormatFloat(100*v, 'f', 0, 64) + space + "%"
}

func formatBytes(v any) string {
	n := numberOf(v)
	for _, unit := range []string{"B", "kB", "MB", "GB"} {
		if n < 1000 {
			if unit == "B" {
				return strconv.Itoa(int(n)) + space + unit
			}
			return digits(n) + space + unit
		}
		n /= 1000
	}
	return digits(n) + space + "TB"
}

func formatRate(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v < 0.01:
		return "<" + space + "0.01"
	case v >= 1e4:
		return formatCount(int64(v))
	}
	return digits(v)
}

func formatUnit(v float64, unit string) string {
	switch unit {
	case "seconds":
		return formatSeconds(v)
	case "bytes":
		return formatBytes(v)
	case "share":
		return formatPercent(v)
	case "per second":
		return formatRate(v) + "/s"
	}
	return formatCount(v)
}

// describeBuckets says in words what a histogram shows.
func describeBuckets(s statement) string {
	if s.Calls == 0 {
		return "no calls"
	}
	return fmt.Sprintf("distribution of the time of %s calls: half below %s, 95 %% below %s, 99 %% below %s, the longest %s",
		formatCount(s.Calls), formatSeconds(s.P50), formatSeconds(s.P95), formatSeconds(s.P99), formatSeconds(s.Max))
}
