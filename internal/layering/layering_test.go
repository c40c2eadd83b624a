package layering

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/headrace/headrace"

// A layer lists what the code of a package may import in addition to the
// standard library.
type layer struct {
	ours   []string // packages of this repository
	others []string // modules of others
	public bool     // all packages of this repository that are not internal
	free   bool     // anything at all
}

const (
	pgx      = "github.com/jackc/pgx/v5"
	pglogrep = "github.com/jackc/pglogrepl"
	squirrel = "github.com/Masterminds/squirrel"
	lru      = "github.com/hashicorp/golang-lru/v2"
	goose    = "github.com/pressly/goose/v3"
	rueidis  = "github.com/redis/rueidis"
	xsync    = "golang.org/x/sync"
	xtext    = "golang.org/x/text"
	compress = "github.com/klauspost/compress"
)

// layers maps folders to their layers. A folder that ends in "/..." includes
// all folders below it.
var layers = map[string]layer{
	"internal/sqltext":      {},
	"internal/keyset":       {},
	"internal/clock":        {},
	"internal/servertests":  {},
	"internal/netmeter":     {ours: []string{"internal/clock"}},
	"internal/profile":      {ours: []string{"internal/clock", "internal/stmtstats"}},
	"internal/stmtstats":    {ours: []string{"internal/sqltext"}, others: []string{pgx}},
	"internal/s3fifo":       {others: []string{lru}},
	"internal/layering":     {},
	"internal/deepcopy":     {},
	"internal/argkey":       {others: []string{pgx}},
	"internal/connecterror": {others: []string{pgx}},
	"internal/retry":        {others: []string{pgx}},
	"internal/panics":       {},
	"internal/rowscan":      {ours: []string{"internal/deepcopy"}, others: []string{pgx}},
	"internal/pgcopy":       {ours: []string{"internal/panics"}, others: []string{pgx}},
	"internal/records":      {ours: []string{"internal/pgcopy"}, others: []string{pgx, compress, xtext}},
	"internal/catalog":      {ours: []string{"internal/sqltext"}, others: []string{pgx}},
	"internal/walfeed":      {others: []string{pgx, pglogrep}},
	"internal/pgxrows":      {ours: []string{"internal/sqltext"}, others: []string{pgx}},
	"internal/customtypes":  {ours: []string{"internal/connecterror"}, others: []string{pgx}},
	"internal/paging":       {ours: []string{"internal/sqltext", "internal/keyset", "internal/argkey"}, others: []string{pgx}},
	"internal/changes": {
		ours: []string{
			"internal/sqltext", "internal/catalog", "internal/argkey", "internal/connecterror", "internal/clock",
			"internal/stmtstats", "internal/retry", "internal/netmeter", "internal/profile",
		},
		others: []string{pgx},
	},
	"internal/cacheapi": {ours: []string{"internal/sqltext", "internal/changes", "internal/argkey"}, others: []string{pgx}},

	// Rows kept as the server sent them, to be read again; wire, for tests,
	// sends them over a connection.
	"internal/rowscan/replay":      {ours: []string{"internal/deepcopy"}, others: []string{pgx}},
	"internal/rowscan/replay/wire": {ours: []string{"internal/rowscan/replay"}, others: []string{pgx}},

	"db": {
		ours: []string{
			"internal/sqltext", "internal/rowscan", "internal/keyset", "internal/argkey", "internal/connecterror",
			"internal/clock", "internal/stmtstats", "internal/changes", "internal/cacheapi", "internal/paging",
			"internal/pgxrows", "internal/customtypes", "internal/retry", "internal/panics", "internal/profile", "internal/catalog",
		},
		others: []string{pgx, squirrel},
	},
	"querycache": {
		ours: []string{
			"db", "internal/sqltext", "internal/rowscan", "internal/rowscan/replay", "internal/catalog", "internal/walfeed", "internal/argkey",
			"internal/deepcopy", "internal/changes", "internal/cacheapi", "internal/pgxrows",
			"internal/s3fifo", "internal/profile", "internal/stmtstats",
		},
		others: []string{pgx, lru, xsync},
	},
	"querycache/rediscache": {ours: []string{"querycache"}, others: []string{rueidis}},
	"querycache/tablecache": {ours: []string{"querycache", "db"}, others: []string{pgx}},
	// The machinery of batchinsert.
	"internal/progress": {},
	"internal/target":   {ours: []string{"internal/pgcopy", "internal/retry", "internal/connecterror"}, others: []string{pgx}},
	"internal/export":   {others: []string{pgx}},
	"internal/load": {
		ours:   []string{"db", "internal/panics", "internal/pgcopy", "internal/records", "internal/progress", "internal/target"},
		others: []string{pgx, xsync},
	},

	"batchinsert": {
		ours: []string{
			"db", "internal/rowscan", "internal/pgcopy", "internal/records", "internal/connecterror", "internal/progress", "internal/target",
			"internal/load", "internal/export", "internal/retry", "internal/panics",
		},
		others: []string{pgx},
	},
	"migrations":  {others: []string{pgx, goose}},
	"db/diagnose": {ours: []string{"db", "querycache", "internal/changes", "internal/connecterror", "internal/cacheapi"}, others: []string{pgx}},
	"db/advise":   {ours: []string{"db", "querycache", "internal/sqltext", "internal/cacheapi"}, others: []string{pgx}},
	"db/dbtest":   {ours: []string{"db", "db/advise", "internal/cacheapi", "internal/profile"}, others: []string{pgx}},
	"db/dbdebug":  {ours: []string{"db", "db/diagnose", "db/advise", "querycache"}, others: []string{pgx}},

	"db/dbotel":                 {public: true, free: true},
	"db/dbprom":                 {public: true, free: true},
	"batchinsert/parquetsource": {public: true, free: true},
	"batchinsert/pgload":        {public: true, free: true},
	"examples/...":              {public: true, free: true},
	"integration/...":           {free: true, ours: []string{"internal/..."}},
}

// testOnly lists what tests of the root module may import in addition: no test
// library, which would enter the module graph of every importer.
var testOnly = []string{pgx, squirrel, lru, goose, rueidis, xsync, xtext, compress}

// TestImports checks the imports of every file against the table.
func TestImports(t *testing.T) {
	files, err := sourceFiles("../..")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("no source files found")
	}
	for _, file := range files {
		for _, complaint := range file.complaints() {
			t.Errorf("%s: %s", file.path, complaint)
		}
	}
}

// complaints returns each import that breaks the file's rule, and the rule.
func (f sourceFile) complaints() []string {
	rule, ok := layerOf(f.folder())
	if !ok {
		return []string{"package " + f.folder() + " has no rule: add it to the table in internal/layering"}
	}
	var found []string
	for _, imported := range f.imports {
		if reason := f.refusal(rule, imported); reason != "" {
			found = append(found, fmt.Sprintf("imports %s: %s", imported, reason))
		}
	}
	return found
}

// refusal is why a file may not import a path, or "".
func (f sourceFile) refusal(rule layer, imported string) string {
	switch ours, inside := strings.CutPrefix(imported, module+"/"); {
	case isStandard(imported):
		return ""
	case inside && f.test:
		return "" // tests stand outside: what they import nobody inherits
	case inside:
		return refusalOfOurs(f.folder(), rule, ours)
	case rule.free || isOneOf(rule.others, imported) || f.test && isOneOf(testOnly, imported):
		return ""
	case f.test:
		return "tests of the root module use the standard library's testing alone"
	case len(rule.others) == 0:
		return f.folder() + " may import nothing outside the standard library"
	default:
		return fmt.Sprintf("%s may import, of others, only %s", f.folder(), strings.Join(rule.others, ", "))
	}
}

func refusalOfOurs(folder string, rule layer, imported string) string {
	internal := slices.Contains(strings.Split(imported, "/"), "internal")
	switch {
	case slices.Contains(rule.ours, imported), strings.HasPrefix(imported, folder+"/internal/"):
		return ""
	case slices.Contains(rule.ours, "internal/..."), rule.public && !internal:
		return ""
	case rule.public:
		return folder + " stands on the public packages alone"
	case len(rule.ours) == 0:
		return folder + " may import nothing of this repository"
	default:
		return fmt.Sprintf("%s may import, of this repository, only %s", folder, strings.Join(rule.ours, ", "))
	}
}

// layerOf finds the rule of a folder: its own, or that of the nearest folder
// above with "/...".
func layerOf(folder string) (layer, bool) {
	if rule, ok := layers[folder]; ok {
		return rule, true
	}
	for above := folder; above != "."; above = path.Dir(above) {
		if rule, ok := layers[above+"/..."]; ok {
			return rule, true
		}
	}
	return layer{}, false
}

// isStandard goes by the dot that the first element of every other path has.
func isStandard(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return !strings.Contains(first, ".")
}

func isOneOf(modules []string, imported string) bool {
	return slices.ContainsFunc(modules, func(m string) bool {
		return imported == m || strings.HasPrefix(imported, m+"/")
	})
}
