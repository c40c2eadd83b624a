package sqltext

import (
	"slices"
	"strings"
)

// mostSummary is the greatest length of a summary in bytes, as the conventions
// of OpenTelemetry recommend.
const mostSummary = 255

// Summary returns the kind of the statement and the relations that it writes
// and reads, such as "SELECT cities" or "INSERT log cities". Many statements
// share a summary. It contains no literals.
func (st *Statement) Summary() string {
	var out strings.Builder
	out.WriteString(st.Kind.String())
	var named []Table
	for _, t := range slices.Concat(st.Writes, st.Reads) {
		if slices.Contains(named, t) {
			continue
		}
		named = append(named, t)
		name := t.Name
		if t.Schema != "" {
			name = t.Schema + "." + name
		}
		if out.Len()+1+len(name) > mostSummary {
			break
		}
		out.WriteString(" " + name)
	}
	return out.String()
}
