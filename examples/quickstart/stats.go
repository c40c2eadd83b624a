package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/headrace/headrace/querycache"
)

// printStats prints the statistics of the handle and the cache.
func (d *demo) printStats(cache querycache.Stats) {
	stats := d.pg.Stats()
	fmt.Fprintln(d.out, "Statistics")
	tw := tabwriter.NewWriter(d.out, 0, 0, 2, ' ', 0)
	defer func() { _ = tw.Flush() }()

	pool := stats.Pool
	fmt.Fprintf(tw, "  pool\t%d of %d connections\t%d acquired\t%d waited for\n",
		pool.TotalConns(), pool.MaxConns(), pool.AcquireCount(), pool.EmptyAcquireCount())
	for _, s := range stats.Statements[:min(5, len(stats.Statements))] {
		fmt.Fprintf(tw, "  statement\t%s\t%d calls\t%d rows\tp50 %v\tp99 %v\n",
			label(s.Name, s.Text), s.Calls, s.Rows, s.P50.Round(time.Microsecond), s.P99.Round(time.Microsecond))
	}
	d.facts.CacheLookups, d.facts.CacheAnswered = cache.Total(), cache.Answered()
	fmt.Fprintf(tw, "  cache\t%d lookups\t%d served from memory\t%d entries\t%d bytes\n",
		d.facts.CacheLookups, d.facts.CacheAnswered, cache.Entries, cache.Bytes)
}

// label returns the name of a statement, or the beginning of its text.
func label(name, text string) string {
	const most = 40
	if name != "" {
		return name
	}
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-3]) + "..."
	}
	return text
}
