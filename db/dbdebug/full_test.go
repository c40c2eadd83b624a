package dbdebug

import (
	"fmt"
	"math"
	"time"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/db/diagnose"
	"github.com/headrace/headrace/querycache"
)

// at is the time of the snapshots of tests.
var at = time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)

// full returns a snapshot in which each part is filled. mark is contained in
// every text that comes from the program or the server.
func full(mark string) *snapshot {
	out := &snapshot{Title: "Title" + mark, At: at, Actions: true}
	out.addReport(diagnose.Report{OK: true, Degraded: true, At: at, Checks: []diagnose.Check{
		{Name: "server" + mark, OK: true, Took: 800 * time.Microsecond},
		{Name: "replica", OK: true, Degraded: true, Detail: "lag 14 s" + mark, Took: time.Millisecond},
	}}, "")
	named := db.StatementStats{
		Fingerprint: 1, Name: "CityByID" + mark, Text: "select id, name from cities where id = ?" + mark, Calls: 1000, Rows: 1000,
		Errors: map[string]int64{"23" + mark: 2, "client": 1}, Total: 3 * time.Second, Max: time.Second, P50: time.Millisecond, P99: 20 * time.Millisecond,
	}
	out.Statements = statements([]db.StatementStats{named, {Fingerprint: 2, Text: "select count(?) from cities" + mark, Calls: 10, Total: time.Second}})
	for i := range out.Statements {
		for to := 5; to < 15; to++ {
			out.Statements[i].Buckets = append(out.Statements[i].Buckets, bucket{To: seconds(1e-6 * math.Exp2(float64(to))), Count: int64(to * to)})
		}
	}
	out.Summary.InUse, out.Summary.Max = 3, 8
	out.addWindows(fullWindows(mark))
	out.Summary.addBottleneck(diagnose.Bottleneck{Resource: diagnose.ByDatabase, Evidence: "71 % of the time" + mark, Fingerprint: 1, Name: named.Name, Statement: named.Text}, "late"+mark)
	stack := []db.Frame{{Function: "main.report" + mark, File: "/build/report.go" + mark, Line: 17}}
	out.addFindings([]diagnose.Finding{
		{Kind: diagnose.StatementDominant, Title: "One statement dominates" + mark, Evidence: "3 s of 4 s" + mark, Do: "add an index" + mark, Share: 0.7, Fingerprint: 1, Name: named.Name, Statement: named.Text, Stack: stack},
	})
	out.addWarnings([]diagnose.Warning{{Threshold: diagnose.Threshold{Metric: diagnose.StatementP99, Statement: named.Name, Above: diagnose.Duration(time.Second)}, Since: at, At: at}})
	span := db.SpanStats{
		Name: "GET /cities/{id}" + mark, Began: at, Took: 40 * time.Millisecond, Wait: 8 * time.Millisecond, Server: 20 * time.Millisecond, Decode: 2 * time.Millisecond, Rest: 10 * time.Millisecond,
		Statements: 42, Errors: 1, Repeats: []db.Repeat{{Fingerprint: 1, Name: named.Name, Calls: 40, Stack: stack}},
		ByStatement: []db.SpanStatement{{Fingerprint: 1, Name: named.Name, Text: named.Text, Calls: 40, Sites: []db.CallSite{{Calls: 40, Stack: stack}}}},
		Spans:       []db.SpanStats{{Name: "mayors" + mark, Took: 30 * time.Millisecond, Server: 30 * time.Millisecond, Spans: []db.SpanStats{{Name: "inner" + mark}}}}, Omitted: 3,
	}
	out.addSpans(db.Spans{Latest: []db.SpanStats{span}, Slowest: []db.SpanStats{span}})
	out.Pool = pool{InUse: 3, Idle: 2, Max: 8, Waits: 1000, LostNames: 1}
	out.addHeld([]db.HeldConnection{{For: time.Minute, InTx: true, Statement: named.Name, Stack: stack}})
	lookups := map[querycache.Reason]uint64{querycache.Hit: 60, querycache.MissCold: 30, querycache.RefusedPolicy: 10}
	out.Caches = []cache{cacheOf("cities"+mark, querycache.Stats{Lookups: lookups, Entries: 70, Bytes: 1 << 20, Budget: 1 << 26, MaxBytes: 1 << 27, Tiers: []querycache.TierStats{
		{Name: "redis" + mark, Hits: 20, Misses: 10, Gets: 30, Median: 90 * time.Microsecond, P99: 2 * time.Millisecond, BytesRead: 1 << 20, BytesWritten: 1 << 19},
		{Name: "table" + mark, Passed: 30, Errors: 3, Pending: 2, Down: true, LastError: "raise: context deadline exceeded" + mark},
	}},
		[]querycache.StatementStats{{Name: named.Name, Text: named.Text, Policy: querycache.Policy{TTL: time.Minute}, Lookups: lookups}})}
	out.addPanel("Loads"+mark, []PanelRow{{Name: "cities.csv" + mark, Text: "100,000 rows" + mark, Share: 0.7}, {Name: "schema", Text: "version 4", Share: -1}}, "slow"+mark)
	out.Missing = append(out.Missing, missing{"What" + mark, "how" + mark})
	return out
}

func fullWindows(mark string) []diagnose.Window {
	all := make([]diagnose.Window, 120)
	for i := range all {
		wave := 1 + math.Sin(float64(i)/9)
		all[i] = diagnose.Window{
			Began: at.Add(time.Duration(i-120) * 5 * time.Second), Ended: at.Add(time.Duration(i-119) * 5 * time.Second),
			Calls: int64(500 * wave), Errors: int64(i % 3), P50: time.Millisecond, P99: time.Duration(wave * 2e7), WaitP99: time.Duration(wave * 1e6),
			Pool:    diagnose.Pool{InUse: int(3 * wave), Max: 8},
			Runtime: diagnose.Runtime{HeapLive: uint64(4e7 * wave), Goroutines: 40, GCCPU: 0.02 * wave, CPU: 0.3, SchedLatencyP99: 60 * time.Microsecond},
			Statements: []diagnose.StatementWindow{
				{Fingerprint: 1, Name: "CityByID" + mark, Calls: int64(400 * wave), Total: time.Duration(wave * 2e9)},
				{Fingerprint: 9, Name: "Gone" + mark, Calls: 1, Total: time.Second},
			},
			Notes: []string{fmt.Sprintf("note %d%s", i, mark)},
		}
	}
	return all
}
