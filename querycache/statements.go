package querycache

import (
	"cmp"
	"slices"
)

// StatementStats holds the counts of one statement, or one Aside, in a cache.
type StatementStats struct {
	Name    string // of the statement or the Aside, or ""
	Text    string // the fingerprint's text, constants replaced; "" for an Aside
	Policy  Policy
	Refused Reason            // why results are not stored, as far as the policy and the text decide it; the zero Reason otherwise
	Lookups map[Reason]uint64 // by outcome
}

// Total returns the number of lookups.
func (s StatementStats) Total() uint64 { return Stats{Lookups: s.Lookups}.Total() }

// Answered returns the number of lookups that were served without a load of
// their own.
func (s StatementStats) Answered() uint64 { return Stats{Lookups: s.Lookups}.Answered() }

// Statements returns the counts of each statement and Aside, in descending
// order of lookups. Texts that differ only in constants count as one. Its cost
// grows with the number of known statements. Rarely read statements that the
// cache has forgotten are counted in Stats only.
func (c *Cache) Statements() []StatementStats {
	type key struct {
		name, text string
		aside      bool
	}
	at := make(map[key]int)
	var out []StatementStats
	for _, r := range c.records.all() {
		k := key{name: r.name, aside: r.aside}
		switch text := r.text.Load(); {
		case text != nil:
			k.text = text.FingerprintText()
		case r.length > 0:
			continue // removed meanwhile
		case k.name == "":
			k.name = r.label // of reads that are counted together
		}
		i, known := at[k]
		if !known {
			i = len(out)
			at[k] = i
			out = append(out, StatementStats{Name: k.name, Text: k.text, Policy: r.policy, Refused: r.refused, Lookups: make(map[Reason]uint64)})
		}
		for why, n := range byReason(r.counts.load()) {
			out[i].Lookups[why] += n
		}
	}
	slices.SortStableFunc(out, func(a, b StatementStats) int {
		return cmp.Or(cmp.Compare(b.Total(), a.Total()), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Text, b.Text))
	})
	return out
}
