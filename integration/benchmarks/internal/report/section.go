package report

import "github.com/headrace/headrace/integration/benchmarks/internal/measure"

// A section is a group of works with the same subjects.
type section struct {
	title, about string
	rows         []row
	columns      []column
	tables       []table
}

// A row is a subject.
type row struct {
	subject string
	module  string // of the library, "" if it has none
	library string // in words, if not the module
	how     string // it is used
	bound   bool   // does less than the task or knows more than a program can: nobody's competitor
}

// A column is a work.
type column struct {
	work, does string
	why        string // other subjects are faster, where they are
	brief      string // the same work in README's list of what others do faster; "" leaves it out
}

// A table has one metric of all works and subjects.
type table struct {
	title  string // with its unit
	metric string
	scale  float64 // what figures are divided by; 0 is 1
	more   bool    // greater is better
	what   string  // the metric, in a sentence: "client CPU per row"
}

var sections = []section{typedReads, serverReads, overhead, pages, cachedReads, parallelReads, hitRatios, heap, tierReads, tierCosts, notified, copies, inserts, badRows, memory}

// uses reports whether one of the section's subjects is in the module.
func (s section) uses(module string) bool {
	for _, r := range s.rows {
		if r.module == module {
			return true
		}
	}
	return false
}

const (
	pgxModule       = "github.com/jackc/pgx/v5"
	scanyModule     = "github.com/georgysavva/scany/v2"
	sqlxModule      = "github.com/jmoiron/sqlx"
	bunModule       = "github.com/uptrace/bun"
	gormModule      = "gorm.io/gorm"
	entModule       = "entgo.io/ent"
	bobModule       = "github.com/stephenafamo/bob"
	otterModule     = "github.com/maypok86/otter/v2"
	ristrettoModule = "github.com/dgraph-io/ristretto/v2"
	theineModule    = "github.com/Yiling-J/theine-go"
	lruModule       = "github.com/hashicorp/golang-lru/v2"
	arcModule       = "github.com/hashicorp/golang-lru/arc/v2"
	redisModule     = "github.com/redis/go-redis/v9"
	rueidisModule   = "github.com/redis/rueidis"
	msgpackModule   = "github.com/vmihailenco/msgpack/v5"
)

// sqlcLibrary is a generator, which no build records.
const sqlcLibrary = "sqlc v1.31.1 for pgx"

var (
	cpuPerRow = table{title: "Client CPU, ns per row", metric: measure.CPUPerRow, what: "client CPU per row"}
	perRead   = table{title: "Time, ns per read", metric: measure.NsPerOp, what: "time per read"}
)
