package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/headrace/headrace/batchinsert"
)

// shownBad is how many bad rows are shown.
const shownBad = 10

// tell says what a load did.
func (p *program) tell(f *source, r batchinsert.Report) {
	line := fmt.Sprintf("%s: %d rows into %s in %s (%s rows/s)", f.name, r.Rows, p.opts.table, brief(r.Elapsed), rate(r.Rows, r.Elapsed))
	if p.opts.dryRun {
		line = fmt.Sprintf("%s: %d rows would go into %s; nothing was written", f.name, r.Rows, p.opts.table)
	}
	if c := r.Counts; p.opts.onConflict != "" && !p.opts.dryRun {
		line += fmt.Sprintf(": %d inserted, %d updated, %d unchanged", c.Inserted, c.Updated, c.Unchanged)
	}
	if r.Skipped > 0 {
		line += fmt.Sprintf("; %d were in it already", r.Skipped)
	}
	p.say("%s", line)
	if r.Unended {
		p.say("%s: the last line has no line end: if the file was cut off, its last row is not whole (-strict refuses such files)", f.name)
	}
	if r.Bad > 0 {
		p.tellBad(r)
	}
}

// tellBad shows the first bad rows, and where the others are.
func (p *program) tellBad(r batchinsert.Report) {
	p.say("%d bad rows:", r.Bad)
	for _, bad := range r.BadLines[:min(shownBad, len(r.BadLines))] {
		p.say("  %s", words(bad))
	}
	if p.opts.dryRun {
		return
	}
	p.say("All of them, with their text:\n  SELECT line, column_name, sqlstate, message, convert_from(raw, 'UTF8') FROM headrace.quarantine WHERE load_id = '%s' ORDER BY line;",
		strings.ReplaceAll(r.ID, "'", "''"))
}

// tellCommitted says, of a load that failed, what is in the table, and how to go
// on.
func (p *program) tellCommitted(r batchinsert.Report) {
	if !p.opts.inChunks() {
		return // loadAll says it
	}
	p.say("%d rows of %d chunks are in the table, and stay.", r.Rows+r.Skipped, len(r.Chunks))
	if r.Bad > 0 {
		p.tellBad(r)
	}
	if p.opts.resume != "" {
		p.say("The same command goes on with the missing chunks.")
	} else {
		p.say("Without -resume it cannot go on from there: the same command would load them again.")
	}
}

// brief rounds a time to what people read.
func brief(d time.Duration) time.Duration {
	switch {
	case d > time.Minute:
		return d.Round(time.Second)
	case d > time.Second:
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(time.Millisecond)
}

// rate writes rows per second, thousands apart.
func rate(rows int64, d time.Duration) string {
	if d <= 0 {
		return "0"
	}
	return thousands(int64(float64(rows) / d.Seconds()))
}

func thousands(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
