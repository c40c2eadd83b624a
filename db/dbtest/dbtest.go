package dbtest

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/internal/cacheapi"
	"github.com/headrace/headrace/internal/profile"
)

// TB is the part of testing.TB that this package uses.
type TB interface {
	Helper()
	Errorf(format string, args ...any)
	Cleanup(fn func())
	Name() string
}

// Budget fails the test if more than n statements run on pg until its cleanup.
// The statements of a batch count one by one, as do BEGIN and COMMIT. Reads
// that a cache answers do not count. pg must be a handle of db.Open or
// db.OpenConfig.
func Budget(tb TB, pg *db.DB, n int) {
	tb.Helper()
	watch(tb, pg, 2, func(s profile.Snapshot) {
		tb.Helper()
		if ran := s.Totals.Statements; ran > int64(n) {
			tb.Errorf("dbtest: %d statements ran, the budget is %d:%s", ran, n, list(s.Statements))
		}
	})
}

// NoRepeats fails the test if one place of the program sends the same statement
// k times or more, with different arguments each time, on pg until the test's
// cleanup: the "N+1" of a loop that should be one statement. The rules are those
// of db.Repeat, whose k is 10; tests with few rows want a smaller one, at least
// 2.
func NoRepeats(tb TB, pg *db.DB, k int) {
	tb.Helper()
	if k < 2 {
		tb.Errorf("dbtest: NoRepeats of %d: want 2 or more", k)
		return
	}
	watch(tb, pg, int64(k), func(s profile.Snapshot) {
		tb.Helper()
		var text strings.Builder
		for _, r := range s.Repeats {
			fmt.Fprintf(&text, "\n  %d x %s%s", r.Calls, label(r.Name, r.Text), place(r.Frames))
		}
		if text.Len() > 0 {
			tb.Errorf("dbtest: statements are repeated in loops:%s", text.String())
		}
	})
}

// watch measures pg until the test's cleanup, and passes what was measured to
// check, with repeats of at least the given number of calls.
func watch(tb TB, pg *db.DB, repeats int64, check func(profile.Snapshot)) {
	tb.Helper()
	handle := cacheapi.HandleOf(pg)
	if !handle.Observed {
		tb.Errorf("dbtest: the statements of a handle made by db.New cannot be seen: use db.Open or db.OpenConfig")
		return
	}
	span := profile.New(tb.Name())
	stop := handle.Tracker.Watch(span)
	tb.Cleanup(func() {
		tb.Helper()
		stop()
		span.End()
		check(span.Snapshot(repeats))
	})
}

// list describes statements, one a line, with the places that sent them.
func list(statements []profile.StatementSnapshot) string {
	var text strings.Builder
	for _, st := range statements {
		fmt.Fprintf(&text, "\n  %d x %s%s", st.Calls, label(st.Name, st.Text), places(st.Sites))
	}
	return text.String()
}

func places(sites []profile.SiteSnapshot) string {
	var text strings.Builder
	for _, site := range sites {
		text.WriteString(place(site.Frames))
	}
	return text.String()
}

func label(name, text string) string {
	if name == "" {
		return text
	}
	return name + ": " + text
}

// place describes the program's two innermost frames.
func place(frames []profile.Frame) string {
	var text strings.Builder
	for _, f := range frames[:min(2, len(frames))] {
		fmt.Fprintf(&text, "\n      %s:%d %s", filepath.Base(f.File), f.Line, f.Function)
	}
	return text.String()
}
