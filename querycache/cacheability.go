package querycache

import (
	"strings"

	"github.com/headrace/headrace/internal/catalog"
)

// cacheability returns none, or why results of a statement with the given
// effects are not stored under the record's policy; and the reason, or what
// limits the entries, in words.
func (r *record) cacheability(eff *catalog.Effects) (Reason, string) {
	if eff.Cacheable {
		return none, ""
	}
	if len(eff.Refusals) == 0 {
		return RefusedStatement, "the server does not tell what the statement does"
	}
	var limits []string
	for _, refusal := range eff.Refusals {
		if !r.tolerates(refusal.Reason, eff) {
			return RefusedStatement, r.explainRefusal(refusal)
		}
		limits = append(limits, r.limit(refusal))
	}
	return none, strings.Join(limits, "; ")
}

// limit returns what a tolerated refusal means for the entries.
func (r *record) limit(refusal catalog.Refusal) string {
	switch refusal.Reason {
	case catalog.SessionFunction, catalog.RowSecurity:
		return "shared within Options.Scope only: " + refusal.String()
	case catalog.UnknownFunction, catalog.HiddenFunction:
		switch {
		case len(r.policy.Tables) > 0:
			return "made stale by Policy.Tables, which have to be all that it reads: " + refusal.String()
		case refusal.Reason == catalog.HiddenFunction:
			return "made stale by the tables that its words name, but not by time: " + refusal.String()
		}
		return "dropped by every change that is heard of, unless Policy.Tables says what it reads: " + refusal.String()
	case catalog.UnloggedTable:
		return "dropped by changes as others are, and after a crash once the pool has connected again: " + refusal.String()
	case catalog.MaterializedRows:
		return "dropped by a REFRESH that is heard of, else wrong until the TTL has passed: " + refusal.String()
	case catalog.ForeignRows:
		return "dropped by what is written through it here, else wrong until the TTL has passed: " + refusal.String()
	}
	return "may be wrong until the TTL has passed, since no change tells: " + refusal.String()
}

// explainRefusal returns why a refusal is not tolerated, and what to do.
func (r *record) explainRefusal(refusal catalog.Refusal) string {
	switch {
	case refusal.Reason == catalog.SessionFunction || refusal.Reason == catalog.RowSecurity:
		return refusal.String() + " (set Options.Scope)"
	case refusal.Reason == catalog.VolatileFunction && !builtIn(refusal.Object):
		return refusal.String() + " (declare a function STABLE that changes nothing and answers alike within a statement)"
	case refusal.Reason == catalog.UnknownFunction:
		return refusal.String() + " (set Policy.Tables to what it reads, or a TTL)"
	case refusal.Reason.Timed() && refusal.Reason != catalog.Unexamined:
		return refusal.String() + " (set a TTL, up to which it may be wrong)"
	}
	return refusal.String()
}

// builtIn reports whether a refusal is about a function of the server's own,
// which are written without schema.
func builtIn(object string) bool {
	name, _, _ := strings.Cut(object, "(")
	return !strings.Contains(name, ".")
}

// tolerates reports whether results may be stored in spite of a reason. Those of
// statements that write, or may, never are, whatever the policy says of their
// tables.
func (r *record) tolerates(reason catalog.Reason, eff *catalog.Effects) bool {
	switch {
	case reason == catalog.SessionFunction || reason == catalog.RowSecurity:
		return r.source.cache.opts.Scope != nil // which stands for user and settings
	case (reason == catalog.UnknownFunction || reason == catalog.HiddenFunction) && len(r.policy.Tables) > 0:
		return true // the program says what it reads
	case reason == catalog.Unexamined && (!eff.WritesKnown || len(eff.Writes) > 0):
		return false
	case reason.Timed():
		return r.policy.TTL > 0
	}
	return false
}
