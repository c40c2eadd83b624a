package dbdebug

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/headrace/headrace/querycache"
)

func (out *snapshot) addCaches(all map[string]*querycache.Cache) {
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if c := all[name]; c != nil {
			out.Caches = append(out.Caches, cacheOf(name, c.Stats(), c.Statements()))
		}
	}
}

func cacheOf(name string, stats querycache.Stats, statements []querycache.StatementStats) cache {
	out := cache{
		Name: name, Lookups: stats.Total(), Answered: stats.Answered(), HitRatio: hitRatio(stats.Lookups),
		Entries: stats.Entries, Bytes: stats.Bytes, Budget: stats.Budget, MaxBytes: stats.MaxBytes,
		Evicted: stats.Evicted, Flights: stats.Flights, Reasons: reasons(stats.Lookups),
	}
	for _, s := range stats.Tiers {
		out.Tiers = append(out.Tiers, tierOf(s))
	}
	for _, s := range statements {
		one := cached{
			Name: s.Name, Text: s.Text, Lookups: s.Total(), Answered: s.Answered(), HitRatio: hitRatio(s.Lookups),
			Policy: policyOf(s), Reasons: reasons(s.Lookups),
		}
		out.Statements = append(out.Statements, one)
	}
	return out
}

func tierOf(s querycache.TierStats) tier {
	out := tier{
		Name: s.Name, State: "in use", Reads: s.Hits + s.Misses, Hits: s.Hits, Misses: s.Misses, HitRatio: part(float64(s.Hits), float64(s.Hits+s.Misses)),
		Passed: s.Passed, Errors: s.Errors, Median: secondsOf(s.Median), P99: secondsOf(s.P99),
		BytesRead: int64(s.BytesRead), BytesWritten: int64(s.BytesWritten),
		Down: s.Down, Pending: s.Pending, LastError: s.LastError,
	}
	switch {
	case s.Down:
		out.State = "down"
	case s.Pending > 0:
		out.State = "raises pending"
	}
	return out
}

// hitRatio returns the share of the lookups that were answered, without those
// of results that are not stored.
func hitRatio(lookups map[querycache.Reason]uint64) float64 {
	var answered, all uint64
	for why, n := range lookups {
		if why.Answered() {
			answered += n
		}
		if classOf(why) != "none" {
			all += n
		}
	}
	return part(float64(answered), float64(all))
}

// classOf returns what a reason counts as.
func classOf(why querycache.Reason) string {
	switch {
	case why.Answered():
		return "hit"
	case strings.HasPrefix(why.String(), "miss"):
		return "miss"
	}
	return "none"
}

// reasons returns the counts, hits first, then misses, largest first.
func reasons(lookups map[querycache.Reason]uint64) []reasonCount {
	var total uint64
	var out []reasonCount
	for why, n := range lookups {
		total += n
		out = append(out, reasonCount{Reason: why.String(), Class: classOf(why), Count: n})
	}
	for i := range out {
		out[i].Share = part(float64(out[i].Count), float64(total))
	}
	order := map[string]int{"hit": 0, "miss": 1, "none": 2}
	slices.SortFunc(out, func(a, b reasonCount) int {
		return cmp.Or(cmp.Compare(order[a.Class], order[b.Class]), cmp.Compare(b.Count, a.Count), cmp.Compare(a.Reason, b.Reason))
	})
	return out
}

func policyOf(s querycache.StatementStats) string {
	switch {
	case s.Policy.TTL < 0:
		return "until a change"
	case s.Policy.TTL == 0:
		return "not stored"
	}
	return "for at most " + formatShort(secondsOf(s.Policy.TTL))
}
