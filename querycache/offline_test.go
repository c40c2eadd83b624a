package querycache

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/internal/cacheapi"
	"github.com/headrace/headrace/internal/catalog"
	"github.com/headrace/headrace/internal/changes"
	"github.com/headrace/headrace/internal/sqltext"
)

// offline is a cached handle without a server: the test provides the loads and
// the effects of statements.
type offline struct {
	testing.TB
	cache *Cache
	reads *ReadThrough
	asked map[string]int // what loads returned, and how often they ran
}

// asChooser hides the type of a Chooser.
type asChooser struct{ Chooser }

// citiesTable is the table that every statement of these tests reads.
var citiesTable = catalog.Relation{OID: 1, Schema: "public", Name: "cities", Kind: catalog.Table, Persistence: catalog.Permanent}

func newOffline(tb testing.TB, opts *Options, choose Chooser) *offline {
	tb.Helper()
	cfg, err := pgxpool.ParseConfig("postgres://nobody@127.0.0.1:1/none?pool_min_conns=0")
	if err != nil {
		tb.Fatal(err)
	}
	pool, err := pgxpool.NewWithConfig(context.Background(), cfg)
	if err != nil {
		tb.Fatal(err)
	}
	pg, err := db.New(pool, nil)
	if err != nil {
		tb.Fatal(err)
	}
	c, err := New(opts)
	if err != nil {
		tb.Fatal(err)
	}
	h, err := c.ReadThrough(pg, asChooser{choose})
	if err != nil {
		tb.Fatal(err)
	}
	h.choose, h.observed, h.source.followers = choose, true, 1 // the test reports changes
	h.source.effects = inOne(func(context.Context, *sqltext.Statement) (catalog.Effects, error) {
		return catalog.Effects{Reads: []catalog.Relation{citiesTable}, ReadsKnown: true, Cacheable: true}, nil
	})
	h.source.current = func() *changes.Database { return one }
	h.source.identify = func(context.Context) (*changes.Database, error) { return one, nil }
	o := &offline{TB: tb, cache: c, reads: h, asked: map[string]int{}}
	tb.Cleanup(func() { c.Close(); pg.Close() })
	return o
}

// one and two are databases; all handles lead to one unless a test says
// otherwise.
var one, two = new(changes.Database), new(changes.Database)

// inOne returns a source.effects that reports the given effects in one.
func inOne(tell func(context.Context, *sqltext.Statement) (catalog.Effects, error)) func(context.Context, *sqltext.Statement) (*changes.Effects, error) {
	return func(ctx context.Context, text *sqltext.Statement) (*changes.Effects, error) {
		eff, err := tell(ctx, text)
		return &changes.Effects{Effects: eff, Database: one}, err
	}
}

const citySQL = "-- name: CityByID :one\nSELECT name FROM cities WHERE id = $1"

// ask reads as package db does: from the cache, or else by load.
func (o *offline) ask(ctx context.Context, id int, load func(ctx context.Context) (any, error)) (any, error) {
	read := cacheapi.NewRead(o.reads.source.handle.Tracker.Text(citySQL), formWire, []any{id})
	defer read.Release()
	if v, _, ok := o.reads.Cached(ctx, read); ok {
		return v, nil
	}
	v, _, err := o.reads.Load(ctx, read, func(ctx context.Context, q cacheapi.Querier) (any, int64, error) {
		v, err := load(ctx)
		return v, 16, err
	})
	return v, err
}

// want fails the test unless a read returns a value.
func (o *offline) want(ctx context.Context, value any, load func(context.Context) (any, error)) {
	o.Helper()
	got, err := o.ask(ctx, 1, load)
	if err != nil || got != value {
		o.Errorf("read %v, %v; want %v", got, err, value)
	}
}

// says is a load that returns a value.
func says(value any) func(context.Context) (any, error) {
	return func(context.Context) (any, error) { return value, nil }
}

// fails is a load that returns an error.
func fails(err error) func(context.Context) (any, error) {
	return func(context.Context) (any, error) { return nil, err }
}

// change reports a commit that wrote the cities.
func (o *offline) change(state changes.ChangeState) {
	o.reads.source.handleChanges(context.Background(), []changes.Change{{Table: changes.Table{Schema: "public", Name: "cities", OID: 1}, State: state, Database: o.reads.source.current()}})
}

// counted fails the test unless the lookups had the given reasons.
func (o *offline) counted(want map[Reason]uint64) {
	o.Helper()
	got := o.cache.Stats().Lookups
	for r := range reasons {
		if got[r] != want[r] {
			o.Errorf("%d lookups were %v, want %d (all: %v)", got[r], r, want[r], got)
		}
	}
}

// close ends all goroutines, as a synctest bubble requires.
func (o *offline) close() {
	o.cache.Close()
	o.reads.pg.Close()
}
