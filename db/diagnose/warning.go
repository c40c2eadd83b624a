package diagnose

import "time"

// A Warning reports that a threshold was crossed, or, with Over set, that it no
// longer is. Each crossing is reported once and its end once, and a threshold
// that is crossed again within a minute of the last report of a crossing is not
// reported before the minute has passed.
type Warning struct {
	Threshold Threshold
	Value     Value     // in the window that crossed the threshold or ended the crossing, or now, in Monitor.Warnings; zero if there was none
	Since     time.Time // the beginning of the first window beyond the threshold
	Over      bool
	At        time.Time // the end of the window that led to the report
	Missed    int       // crossings that were not reported, since the last report
}

// String returns the warning in a line.
func (w Warning) String() string {
	took := rounded(w.At.Sub(w.Since)).String()
	switch {
	case w.Over && w.Value.IsZero():
		return w.Threshold.String() + ": over after " + took + ", now without a value"
	case w.Over:
		return w.Threshold.String() + ": over after " + took + ", now " + w.Value.String()
	}
	return w.Threshold.String() + ": " + w.Value.String() + ", for " + took
}
