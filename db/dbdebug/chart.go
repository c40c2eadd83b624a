package dbdebug

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Charts are paths in a box of chartWidth by chartHeight, which SVG scales.
const (
	chartWidth  = 120
	chartHeight = 24
)

func coordinate(v float64) string { return strconv.FormatFloat(math.Round(10*v)/10, 'f', -1, 64) }

func highestOf(values []float64) float64 {
	top := 0.0
	for _, v := range values {
		top = max(top, v)
	}
	return top
}

func lastOf(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	return values[len(values)-1]
}

// linePath returns the path of values over time, the greatest at the top.
func linePath(values []float64) string {
	top := highestOf(values)
	if top == 0 || len(values) < 2 {
		return "M0 " + coordinate(chartHeight-1) + "H" + coordinate(chartWidth)
	}
	var d strings.Builder
	for i, v := range values {
		d.WriteString(string("ML"[min(i, 1)]))
		d.WriteString(coordinate(chartWidth * float64(i) / float64(len(values)-1)))
		d.WriteByte(' ')
		d.WriteString(coordinate(1 + (chartHeight-2)*(1-max(v, 0)/top)))
	}
	return d.String()
}

// areaPath is linePath with the area below.
func areaPath(values []float64) string {
	return linePath(values) + "V" + coordinate(chartHeight) + "H0Z"
}

// The axis of a histogram: powers of two from 1 us to 68 s.
const axisBuckets = 27

// barsPath returns the path of a histogram. All have the same axis, so that
// they can be compared.
func barsPath(all []bucket) string {
	var top int64
	for _, b := range all {
		top = max(top, b.Count)
	}
	var d strings.Builder
	const step = float64(chartWidth) / axisBuckets
	for _, b := range all {
		if b.Count == 0 {
			continue
		}
		at := math.Round(math.Log2(float64(b.To) / time.Microsecond.Seconds()))
		height := max(1.5, (chartHeight-1)*float64(b.Count)/float64(top))
		d.WriteString("M" + coordinate(step*at+0.4) + " " + coordinate(chartHeight) + "v-" + coordinate(height) +
			"h" + coordinate(step-0.8) + "V" + coordinate(chartHeight) + "z")
	}
	return d.String()
}

// A segment is a part of a bar, in percent of its width.
type segment struct {
	Class, Label string
	At, Width    string
	Share        float64
	Text         string
}

// segmentsOf returns the parts of a span's time. Operations at the same time
// make the sum of the parts exceed the span; then each is shown by its share of
// the sum. scale is the time of the whole bar.
func segmentsOf(s span, scale seconds) []segment {
	sum := s.Wait + s.Server + s.Decode + s.Rest
	shrink := part(float64(min(s.Took, sum)), float64(sum))
	var out []segment
	at := 0.0
	for _, p := range []struct {
		class, label string
		took         seconds
	}{{"wait", "waiting for a connection", s.Wait}, {"server", "server and network", s.Server}, {"decode", "decoding", s.Decode}, {"rest", "rest", s.Rest}} {
		width := 100 * part(float64(p.took)*shrink, float64(scale))
		out = append(out, segment{
			Class: p.class, Label: p.label, Share: part(float64(p.took), float64(sum)), Text: formatSeconds(p.took),
			At: strconv.FormatFloat(at, 'f', 2, 64), Width: strconv.FormatFloat(width, 'f', 2, 64),
		})
		at += width
	}
	return out
}

// stripOf returns the reasons of lookups as parts of a bar.
func stripOf(all []reasonCount) []segment {
	var out []segment
	at := 0.0
	for _, r := range all {
		width := 100 * r.Share
		out = append(out, segment{
			Class: r.Class, Label: r.Reason, Share: r.Share, Text: formatCount(r.Count),
			At: strconv.FormatFloat(at, 'f', 2, 64), Width: strconv.FormatFloat(width, 'f', 2, 64),
		})
		at += width
	}
	return out
}
