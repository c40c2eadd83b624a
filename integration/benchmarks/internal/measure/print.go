package measure

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"text/tabwriter"
)

// WriteJSON writes one object per line.
func WriteJSON(w io.Writer, results []Result) error {
	enc := json.NewEncoder(w)
	for _, r := range results {
		r.Value = round(r.Value)
		if err := enc.Encode(r); err != nil {
			return fmt.Errorf("write result: %w", err)
		}
	}
	return nil
}

// WriteTable writes one line per work and subject with a column per metric, in
// the order of the results.
func WriteTable(w io.Writer, results []Result) error {
	type line struct{ work, subject string }
	var lines []line
	var metrics []string
	values := make(map[line]map[string]float64)
	for _, r := range results {
		l := line{r.Work, r.Subject}
		if values[l] == nil {
			lines = append(lines, l)
			values[l] = make(map[string]float64)
		}
		if !slices.Contains(metrics, r.Metric) {
			metrics = append(metrics, r.Metric)
		}
		values[l][r.Metric] = r.Value
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(tw, "work\tsubject\t")
	for _, m := range metrics {
		fmt.Fprint(tw, m, "\t")
	}
	fmt.Fprintln(tw)
	for _, l := range lines {
		fmt.Fprintf(tw, "%s\t%s\t", l.work, l.subject)
		for _, m := range metrics {
			if v, ok := values[l][m]; ok {
				fmt.Fprint(tw, Format(v))
			}
			fmt.Fprint(tw, "\t")
		}
		fmt.Fprintln(tw)
	}
	return tw.Flush()
}

// Format writes a figure with its significant digits.
func Format(v float64) string { return strconv.FormatFloat(round(v), 'f', -1, 64) }

// round keeps the significant digits.
func round(v float64) float64 {
	digits := 0
	switch {
	case v < 1:
		digits = 4
	case v < 10:
		digits = 3
	case v < 100:
		digits = 1
	}
	short, err := strconv.ParseFloat(strconv.FormatFloat(v, 'f', digits, 64), 64)
	if err != nil { // unreachable: FormatFloat wrote the text
		return v
	}
	return short
}
