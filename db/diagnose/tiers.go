package diagnose

import (
	"fmt"
	"slices"

	"github.com/headrace/headrace/querycache"
)

// tiersPassedOver finds further tiers of caches that were not used, or not for
// all reads, at both ends of the last window.
func (p *picture) tiersPassedOver() []Finding {
	if len(p.windows) < 2 {
		return nil
	}
	var out []Finding
	last, before := &p.windows[len(p.windows)-1], &p.windows[len(p.windows)-2]
	for i := range last.Tiers {
		t := &last.Tiers[i]
		if was := before.tier(t); t.passedOver() && was != nil && was.passedOver() {
			out = append(out, p.passedOver(t))
		}
	}
	return out
}

// tier returns the figures of the same tier in another window, or nil.
func (w *Window) tier(same *TierWindow) *TierWindow {
	i := slices.IndexFunc(w.Tiers, func(t TierWindow) bool { return t.Cache == same.Cache && t.Name == same.Name })
	if i < 0 {
		return nil
	}
	return &w.Tiers[i]
}

// passedOver returns the finding about a tier.
func (p *picture) passedOver(t *TierWindow) Finding {
	var passed, used, errors int64
	windows := 0
	for i := range p.windows {
		in := p.windows[i].tier(t)
		if in == nil {
			continue
		}
		passed += in.Passed
		used += in.Hits + in.Misses
		errors += in.Errors
		if in.passedOver() {
			windows++
		}
	}
	f := Finding{
		Kind: TierPassedOver, Cache: t.Cache,
		Title: fmt.Sprintf("Tier %q of cache %q is passed over", t.Name, t.Cache),
		Evidence: fmt.Sprintf("It is %s, and was passed over at the end of %d of %d windows: %d reads passed it over, %d used it, and %s occurred.",
			stateOf(t.Down, t.Pending), windows, len(p.windows), passed, used, plural(int(errors), "error", "errors")),
		Do: "Check that its store is reachable, accepts writes, and answers within Options.TierTimeout. The cache uses it again by itself once it answers; until then these reads are answered by memory, the other tiers and the server.",
	}
	if t.LastError != "" {
		f.Evidence += " The last error: " + t.LastError + "."
	}
	return f
}

// stateOf describes a tier that is down, or is not used for all reads.
func stateOf(down bool, pending int) string {
	state := "in use"
	if down {
		state = "down"
	}
	if pending > 0 {
		state += ", with " + plural(pending, "raise pending", "raises pending")
	}
	return state
}

// tierState describes the tiers of a cache that are not used for all reads, for
// a health check. A tier that is down degrades the program.
func tierState(tiers []querycache.TierStats) (v verdict) {
	for _, t := range tiers {
		if !t.Down && t.Pending == 0 {
			continue
		}
		v.degraded = v.degraded || t.Down
		v.detail += fmt.Sprintf(", tier %q is %s", t.Name, stateOf(t.Down, t.Pending))
		if t.Down && t.LastError != "" {
			v.detail += ": " + t.LastError
		}
	}
	return v
}
