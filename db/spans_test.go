package db

import (
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"
)

func newRing(w io.Writer) *spanRing {
	return &spanRing{logger: slog.New(slog.NewTextHandler(w, nil)), logged: make(map[loggedRepeat]time.Duration)}
}

func TestSpanRingKeepsLatestAndSlowest(t *testing.T) {
	r := newRing(io.Discard)
	for i := range 100_000 {
		took := time.Duration(i%1000) * time.Millisecond
		r.add(SpanStats{Name: fmt.Sprint(i), Took: took}, time.Duration(i)*time.Millisecond)
	}
	got := r.list(100 * time.Second)
	if len(got.Latest) != latestSpans || got.Latest[0].Name != "99999" || got.Latest[63].Name != "99936" {
		t.Errorf("%d latest, from %s", len(got.Latest), got.Latest[0].Name)
	}
	if len(got.Slowest) != slowestSpans || got.Slowest[31].Took != 999*time.Millisecond {
		t.Errorf("%d slowest, the last took %v", len(got.Slowest), got.Slowest[31].Took)
	}
	r.add(SpanStats{Name: "later", Took: time.Millisecond}, 100*time.Second+slowestAge)
	if got := r.list(100*time.Second + slowestAge); len(got.Slowest) != 1 || got.Slowest[0].Name != "later" {
		t.Errorf("an hour later %d are kept", len(got.Slowest))
	}
	if got := newRing(io.Discard).list(0); len(got.Latest)+len(got.Slowest) != 0 {
		t.Errorf("%+v before the first span", got)
	}
}

func TestRepeatsAreLoggedOnceAnHour(t *testing.T) {
	var out strings.Builder
	r := newRing(&out)
	repeat := Repeat{Fingerprint: 7, Name: "ByID", Text: "select ?", Calls: 12, Stack: []Frame{{"main.list", "main.go", 9}}}
	lines := func(want int) {
		t.Helper()
		if got := strings.Count(out.String(), "\n"); got != want {
			t.Fatalf("%d lines, want %d: %s", got, want, out.String())
		}
	}
	r.logRepeat("request", repeat, time.Second)
	r.logRepeat("request", repeat, 2*time.Second)
	lines(1)
	for _, want := range []string{"span=request", "calls=12", "name=ByID", "file=main.go", "line=9"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s lacks %s", out.String(), want)
		}
	}
	r.logRepeat("request", repeat, time.Second+logRepeatsEvery)
	lines(2)
	repeat.Stack = append(repeat.Stack, Frame{"main.report", "main.go", 30}) // another loop around the same line
	r.logRepeat("request", repeat, time.Second+logRepeatsEvery)
	lines(3)
	if !strings.Contains(out.String(), `called_by="main.report (main.go:30)"`) {
		t.Errorf("%s does not name the caller", out.String())
	}
	for i := range 100_000 {
		repeat.Fingerprint = uint64(100 + i)
		r.logRepeat("request", repeat, time.Second)
	}
	lines(1 + maxLoggedRepeats)
}

func TestKeptSpansAreTrimmed(t *testing.T) {
	long := strings.Repeat("é", 1<<20)
	full := SpanStats{Name: long, Spans: []SpanStats{{Name: long}}, ByStatement: make([]SpanStatement, 64), Repeats: make([]Repeat, 64)}
	for i := range full.ByStatement {
		full.ByStatement[i].Sites, full.ByStatement[i].Text = make([]CallSite, 8), long
		full.Repeats[i].Text = long
	}
	got := full.trimmed()
	if len(got.ByStatement) != 16 || len(got.Repeats) != 16 || len(got.ByStatement[15].Sites) != 2 {
		t.Errorf("kept %d statements, %d repeats", len(got.ByStatement), len(got.Repeats))
	}
	if size := len(fmt.Sprint(got)); size > 100_000 {
		t.Errorf("a kept span of %d bytes", size)
	}
	if len(full.ByStatement[0].Sites) != 8 || full.Spans[0].Name != long {
		t.Error("the original was changed")
	}
}

func TestLoopsAreSummedUp(t *testing.T) {
	r := newRing(io.Discard)
	at := []Frame{{"main.list", "main.go", 9}}
	span := SpanStats{
		Name:        "request",
		ByStatement: []SpanStatement{{Fingerprint: 7, Calls: 20, Identical: 5, Time: 2 * time.Second, Sites: []CallSite{{Calls: 18, Stack: at}}}},
		Repeats:     []Repeat{{Fingerprint: 7, Calls: 11, Stack: at}},
	}
	for range 3 {
		r.addLoops(&span)
	}
	got := r.list(0).Loops
	want := []Loop{
		{Fingerprint: 7, Stack: at, Span: "request", Spans: 3, Calls: 33, AllCalls: 60, Time: 3 * time.Second},
		{Fingerprint: 7, Stack: at, Span: "request", Spans: 3, Calls: 15, AllCalls: 60, Time: 3 * time.Second / 2, Identical: true},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	for i := range 100_000 {
		span.Repeats[0].Fingerprint = uint64(i)
		r.addLoops(&span)
	}
	if n := len(r.list(0).Loops); n != maxLoops {
		t.Errorf("%d loops are kept, want %d", n, maxLoops)
	}
}
