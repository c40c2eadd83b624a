package pgserver

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// defaults are the settings for tests: many connections, and the same time zone
// and language on each machine.
var defaults = map[string]string{
	"max_connections": "200",
	"timezone":        "UTC",
	"log_timezone":    "UTC",
	"lc_messages":     "C",
}

// fast turns off protection against crashes of the machine. synchronous_commit
// stays on: without it a killed server loses confirmed commits, and with fsync
// off it costs little.
var fast = map[string]string{
	"fsync":            "off",
	"full_page_writes": "off",
}

// settings returns all settings of a server: the defaults, those of the
// options, and the required ones.
func settings(opts *Options, required map[string]string) map[string]string {
	all := maps.Clone(defaults)
	if !opts.Durable {
		maps.Copy(all, fast)
	}
	maps.Copy(all, opts.Settings)
	maps.Copy(all, required)
	return all
}

// configuration returns the text of postgresql.conf. Command line arguments
// would override ALTER SYSTEM.
func configuration(opts *Options, required map[string]string) string {
	all := settings(opts, required)
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(all)) {
		quoted := strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(all[name])
		fmt.Fprintf(&text, "%s = '%s'\n", name, quoted)
	}
	return text.String()
}
