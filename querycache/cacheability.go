package querycache

import (
	"strings"

	"github.com/headrace/headrace/internal/catalog"
)

// cacheability returns none, or why results of a statement with the given
// effects are not stored under the record's policy. The text describes the
// reason, or what limits the entries.
func (r *record) cacheability(eff *catalog.Effects) (Reason, string) {
	if eff.Cacheable {
		return none, ""
	}
	if len(eff.Refusals) == 0 {
		return RefusedStatement, "the server does not report what the statement does"
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

// limit describes what a tolerated refusal means for the entries.
func (r *record) limit(refusal catalog.Refusal) string {
	switch refusal.Reason {
	case catalog.SessionFunction, catalog.RowSecurity:
		return "entries are shared only within one Options.Scope: " + refusal.String()
	case catalog.UnknownFunction, catalog.HiddenFunction:
		switch {
		case len(r.policy.Tables) > 0:
			return "only changes to Policy.Tables invalidate entries, so it must list every table that the function reads: " + refusal.String()
		case refusal.Reason == catalog.HiddenFunction:
			return "changes to the tables that the function names invalidate entries; if it depends on the time, they may be out of date until the TTL: " + refusal.String()
		}
		return "every observed change invalidates entries; set Policy.Tables to the tables that the function reads: " + refusal.String()
	case catalog.UnloggedTable:
		return "observed changes invalidate entries; after a server crash they are invalidated when the pool reconnects: " + refusal.String()
	case catalog.MaterializedRows:
		return "an observed REFRESH invalidates entries; after a REFRESH by another program they may be out of date until the TTL: " + refusal.String()
	case catalog.ForeignRows:
		return "observed writes to the foreign table invalidate entries; after a change on its own server they may be out of date until the TTL: " + refusal.String()
	}
	return "entries may be out of date until the TTL, because no change is reported: " + refusal.String()
}

// explainRefusal describes why a refusal is not tolerated, and what to do.
func (r *record) explainRefusal(refusal catalog.Refusal) string {
	switch {
	case refusal.Reason == catalog.SessionFunction || refusal.Reason == catalog.RowSecurity:
		return refusal.String() + " (set Options.Scope)"
	case refusal.Reason == catalog.VolatileFunction && !builtIn(refusal.Object):
		return refusal.String() + " (declare the function STABLE if it writes nothing and returns equal results within a statement)"
	case refusal.Reason == catalog.UnknownFunction:
		return refusal.String() + " (set Policy.Tables to the tables that it reads, or set a TTL)"
	case refusal.Reason.Timed() && refusal.Reason != catalog.Unexamined:
		return refusal.String() + " (set a TTL; entries may be out of date until it ends)"
	}
	return refusal.String()
}

// builtIn reports whether the object of a refusal is a built-in function, whose
// name has no schema.
func builtIn(object string) bool {
	name, _, _ := strings.Cut(object, "(")
	return !strings.Contains(name, ".")
}

// tolerates reports whether results may be stored in spite of a reason. Results
// of statements that write, or may write, are never stored, even if the policy
// lists their tables.
func (r *record) tolerates(reason catalog.Reason, eff *catalog.Effects) bool {
	switch {
	case reason == catalog.SessionFunction || reason == catalog.RowSecurity:
		return r.source.cache.opts.Scope != nil // represents the user and the settings
	case (reason == catalog.UnknownFunction || reason == catalog.HiddenFunction) && len(r.policy.Tables) > 0:
		return true // the program declares what the function reads
	case reason == catalog.Unexamined && (!eff.WritesKnown || len(eff.Writes) > 0):
		return false
	case reason.Timed():
		return r.policy.TTL > 0
	}
	return false
}
