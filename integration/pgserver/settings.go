package pgserver

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// defaults suit tests: many connections at once, one time zone and one language everywhere.
var defaults = map[string]string{
	"max_connections": "200",
	"timezone":        "UTC",
	"log_timezone":    "UTC",
	"lc_messages":     "C",
}

// fast gives up what only matters when the machine itself stops. synchronous_commit stays on: without it a server that
// is killed forgets what it has confirmed, and with fsync off it costs little.
var fast = map[string]string{
	"fsync":            "off",
	"full_page_writes": "off",
}

// settings are all that a server is started with: the defaults, what the options say, what its place requires.
func settings(opts *Options, required map[string]string) map[string]string {
	all := maps.Clone(defaults)
	if !opts.Durable {
		maps.Copy(all, fast)
	}
	maps.Copy(all, opts.Settings)
	maps.Copy(all, required)
	return all
}

// configuration is the text of postgresql.conf. A file rather than arguments, because arguments would win over
// ALTER SYSTEM.
func configuration(opts *Options, required map[string]string) string {
	all := settings(opts, required)
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(all)) {
		quoted := strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(all[name])
		fmt.Fprintf(&text, "%s = '%s'\n", name, quoted)
	}
	return text.String()
}
