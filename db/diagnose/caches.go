package diagnose

import (
	"fmt"
	"maps"
	"slices"
)

// cachesIneffective finds caches that answer few lookups, for all windows and
// for the last quarter of them: not those that are being filled.
func (p *picture) cachesIneffective() []Finding {
	var out []Finding
	all, late := sumCaches(p.windows), sumCaches(p.windows[len(p.windows)-(len(p.windows)+3)/4:])
	for _, name := range slices.Sorted(maps.Keys(all)) {
		c, lately := all[name], late[name]
		if c.Lookups < minLookups || lately.Lookups == 0 {
			continue
		}
		f := Finding{Kind: CacheIneffective, Cache: name}
		asked, misses := c.Lookups-c.Refused, c.Lookups-c.Refused-c.Answered
		switch {
		case part(c.Refused, c.Lookups) > highRefusals && part(lately.Refused, lately.Lookups) > highRefusals:
			f.Title = fmt.Sprintf("Cache %q refuses %s of its lookups", name, percent(part(c.Refused, c.Lookups)))
			f.Evidence = fmt.Sprintf("%d of %d lookups were of statements that are not cached, or while the cache was suspended.", c.Refused, c.Lookups)
			f.Do = "ReadThrough.Explain says for a statement why its results are not stored. Read what cannot be cached through the handle itself."
		case asked >= minLookups && c.HitRatio() < lowHitRatio && lately.HitRatio() < lowHitRatio:
			f.Share = part(misses, p.calls)
			f.Title = fmt.Sprintf("Cache %q answers %s of its lookups", name, percent(c.HitRatio()))
			f.Evidence = fmt.Sprintf("%d lookups: %d answered, %d without an entry, %d expired, %d invalidated, %d evicted, %d too big. %d entries were evicted; %s of %s are in use.",
				asked, c.Answered, c.Cold, c.Expired, c.Invalidated, c.Evicted, c.TooBig, c.Evictions, byteSize(float64(c.Bytes)), byteSize(float64(c.Budget)))
			f.Do = c.remedy()
		default:
			continue
		}
		out = append(out, f)
	}
	return out
}

// sumCaches adds up the figures of each cache.
func sumCaches(windows []Window) map[string]CacheWindow {
	out := make(map[string]CacheWindow)
	for i := range windows {
		for _, c := range windows[i].Caches {
			sum := out[c.Name]
			c.Lookups += sum.Lookups
			c.Answered += sum.Answered
			c.Refused += sum.Refused
			c.Cold += sum.Cold
			c.Expired += sum.Expired
			c.Invalidated += sum.Invalidated
			c.Evicted += sum.Evicted
			c.TooBig += sum.TooBig
			c.Evictions += sum.Evictions
			out[c.Name] = c
		}
	}
	return out
}

// remedy returns what to do about the most frequent kind of misses.
func (c CacheWindow) remedy() string {
	switch max(c.Cold, c.Expired, c.Invalidated, c.Evicted, c.TooBig) {
	case c.Evicted:
		return "The cache is too small for what is read: raise Options.MaxBytes, or leave large and rare results uncached."
	case c.Invalidated:
		return "What it holds is written too often: leave statements on these tables uncached, or narrow their dependencies (Policy.Tables)."
	case c.Expired:
		return "Entries expire before they are read again: raise Policy.TTL; with Cache.Follow, entries of tables that only this program writes need none."
	case c.TooBig:
		return "Results are too big to be stored: raise Policy.MaxBytes and MaxRows, or read smaller results."
	}
	if c.Evictions > c.Answered {
		return "Entries are evicted before they are read again: raise Options.MaxBytes, or leave rare results uncached."
	}
	return "The reads are not repeated: leave them uncached, or round their arguments so that more of them are equal."
}
