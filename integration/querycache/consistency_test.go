package querycache_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/internal/soak"
	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/querycache"
)

// A checker has writers and readers at work on counters that only go up, and
// explains every answer of the cache. Keys below drops are written through the
// followed handle, some of the commits with their answer lost; those from
// drops on by another program, which drops the answers; those from ages on by
// another program that tells nobody.
type checker struct {
	t         *testing.T
	pg, other *db.DB
	cache     *querycache.Cache
	reads     *querycache.ReadThrough
	seed      uint64

	least  [counters]atomic.Int64 // what a read that begins now must see
	mu     sync.Mutex
	past   [counters][]commit // of the keys from ages on; guarded by mu
	broken map[string]int     // violations by rule; guarded by mu

	asked, written, lost atomic.Int64
	stop                 atomic.Bool
}

const (
	drops    = 4
	ages     = 6
	counters = 8
	maxAge   = 200 * time.Millisecond
)

type commit struct {
	at time.Time
	v  int64
}

type tenantKey struct{}

func tenantOf(ctx context.Context) string { s, _ := ctx.Value(tenantKey{}).(string); return s }

func newChecker(t *testing.T, seed uint64) *checker {
	t.Helper()
	c := &checker{t: t, seed: seed, broken: map[string]int{}}
	url := pgtest.New(t)
	var err error
	if c.other, err = db.Open(t.Context(), url, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.other.Close)
	for _, sql := range []string{
		"CREATE TABLE counters (id int PRIMARY KEY, v bigint NOT NULL DEFAULT 0, tags text[] DEFAULT '{ok}')",
		"CREATE VIEW counted AS SELECT id, v, tags FROM counters",
		fmt.Sprintf("INSERT INTO counters SELECT i FROM generate_series(0, %d) i", counters-1),
	} {
		if _, err := c.other.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	cfg := c.other.Pool().Config()
	cfg.MaxConns = 8
	cfg.PrepareConn = func(ctx context.Context, conn *pgx.Conn) (bool, error) {
		if name := tenantOf(ctx); name != "" { // past the tracer: it is no statement of the program's
			return true, conn.PgConn().Exec(ctx, "SET app.tenant = '"+name+"'").Close()
		}
		return true, nil
	}
	if c.pg, err = db.OpenConfig(t.Context(), cfg, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.pg.Close)
	if c.cache, err = querycache.New(&querycache.Options{Scope: func(ctx context.Context) (string, bool) { return tenantOf(ctx), true }}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.cache.Close)
	if c.reads, err = c.cache.ReadThrough(c.pg, querycache.Policy{TTL: maxAge}); err != nil {
		t.Fatal(err)
	}
	if _, err = c.cache.Follow(c.pg); err != nil {
		t.Fatal(err)
	}
	return c
}

// run works until there were so many reads, the time is up, or enough is found.
func (c *checker) run(reads int64, limit time.Duration, enough int) {
	var wg sync.WaitGroup
	for id := range counters {
		wg.Go(func() { c.write(id) })
	}
	deadline := time.Now().Add(limit)
	for i := range 6 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(c.seed, uint64(i)))
			for !c.stop.Load() {
				c.read(r, i < 2)
				n := c.asked.Add(1)
				if n%8 == 0 { // leave the writers some of the machine
					time.Sleep(100 * time.Microsecond)
				}
				if n >= reads || n%64 == 0 && (time.Now().After(deadline) || c.violations() >= enough) {
					c.stop.Store(true)
				}
			}
		})
	}
	wg.Wait()
}

type counter struct {
	ID     int
	V      int64
	Tags   []string
	Tenant string
}

// Changes come while these are answered: slowCounter takes milliseconds after
// it has taken its snapshot.
var (
	counterByID = db.MustCompile[counter](`
SELECT id, v, tags, current_setting('app.tenant') AS tenant FROM counted
WHERE id = $1 AND (SELECT count(*) FROM generate_series(1, 1000)) > 0`)
	slowCounter = db.MustCompile[counter](`
SELECT id, v, tags, current_setting('app.tenant') AS tenant FROM counted
WHERE id = $1 AND (SELECT count(*) FROM generate_series(1, 15000)) > 0`)
)

const counterSQL = "SELECT id, v FROM counters WHERE id = $1"

// read asks for one counter and judges the answer. A slow reader's loads of
// keys that this program writes take a while.
func (c *checker) read(r *rand.Rand, slow bool) {
	id := r.IntN(counters)
	tenant := []string{"a", "b"}[r.IntN(2)]
	ctx, cancel := context.WithCancel(context.WithValue(c.t.Context(), tenantKey{}, tenant))
	defer cancel()
	least, begun := c.least[id].Load(), time.Now()
	var got counter
	var err error
	switch {
	case slow && id < drops:
		got, err = slowCounter.One(ctx, c.reads, id)
	case r.IntN(4) == 0: // rows as the server sent them
		got.Tenant, got.Tags = tenant, []string{"ok"}
		err = c.reads.QueryRow(ctx, counterSQL, id).Scan(&got.ID, &got.V)
	default:
		got, err = counterByID.One(ctx, c.reads, id)
	}
	switch {
	case err != nil:
		c.t.Errorf("read %d: %v", id, err)
		c.stop.Store(true)
	case got.ID != id:
		c.violate("another key's answer")
	case got.Tenant != tenant:
		c.violate("another tenant's answer")
	case len(got.Tags) != 1 || got.Tags[0] != "ok":
		c.violate("what another caller did to its answer")
	case id < drops && got.V < least:
		c.violate("own write not seen")
	case id >= drops && id < ages && got.V < least:
		c.violate("answer from before it was dropped")
	case id >= ages && got.V < c.old(id, begun):
		c.violate("answer older than its TTL")
	}
	if err == nil {
		got.Tags[0] = "changed"
	}
}

// old returns the value that a read which began at the given time must see.
func (c *checker) old(id int, begun time.Time) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	limit := begun.Add(-maxAge)
	past := c.past[id]
	for _, p := range slices.Backward(past) {
		if p.at.Before(limit) {
			return p.v
		}
	}
	return 0
}

func (c *checker) violate(rule string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broken[rule]++
}

func (c *checker) violations() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, count := range c.broken {
		n += count
	}
	return n
}

// write raises one counter until the end. Nobody else writes it.
func (c *checker) write(id int) {
	r := rand.New(rand.NewPCG(c.seed, 1000+uint64(id)))
	for !c.stop.Load() {
		pause := 4 * time.Millisecond
		if id < drops {
			c.writeOwn(r, id)
			pause = 250 * time.Millisecond // each drops the answers of all counters
		} else {
			c.writeElsewhere(id)
		}
		c.written.Add(1)
		time.Sleep(time.Duration(r.Int64N(int64(pause))))
	}
}

const raise = "UPDATE counters SET v = v + 1 WHERE id = $1 RETURNING v"

func (c *checker) writeOwn(r *rand.Rand, id int) {
	ctx := c.t.Context()
	var v int64
	switch kind := r.IntN(42); {
	case kind < 24:
		if err := c.pg.QueryRow(ctx, raise, id).Scan(&v); err != nil {
			c.t.Errorf("write %d: %v", id, err)
			return
		}
	case kind < 39:
		tx, err := c.pg.Begin(ctx)
		if err != nil {
			c.t.Error(err)
			return
		}
		defer func() { _ = tx.Rollback(ctx) }() // after Commit it does nothing
		if err := tx.QueryRow(ctx, raise, id).Scan(&v); err != nil {
			c.t.Error(err)
			return
		}
		if kind > 34 {
			return // rolled back
		}
		if err := tx.Commit(ctx); err != nil {
			c.t.Error(err)
			return
		}
	default:
		hasty, cancel := context.WithTimeout(ctx, time.Duration(r.IntN(1500))*time.Microsecond)
		err := c.pg.QueryRow(hasty, raise, id).Scan(&v)
		cancel()
		if err != nil { // it may have taken place, or may yet
			c.lost.Add(1)
			v = c.now(id)
		}
	}
	c.least[id].Store(max(v, c.least[id].Load()))
}

// now asks the server itself.
func (c *checker) now(id int) int64 {
	v, err := db.One[int64](c.t.Context(), c.other, db.SQL("SELECT v FROM counters WHERE id = $1", id))
	if err != nil {
		c.t.Error(err)
	}
	return v
}

func (c *checker) writeElsewhere(id int) {
	var v int64
	if err := c.other.QueryRow(c.t.Context(), raise, id).Scan(&v); err != nil {
		c.t.Error(err)
		return
	}
	if id < ages {
		for _, tenant := range []string{"a", "b"} {
			ctx := context.WithValue(c.t.Context(), tenantKey{}, tenant)
			c.reads.Drop(ctx, counterByID.SQL(), id)
			c.reads.Drop(ctx, counterSQL, id)
		}
		c.least[id].Store(v)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.past[id] = append(c.past[id], commit{time.Now(), v})
	if n := len(c.past[id]); n > 2000 {
		c.past[id] = slices.Delete(c.past[id], 0, n-1000)
	}
}

// report prints what was done and found, one line a rule.
func (c *checker) report() {
	s := c.cache.Stats()
	hits := float64(s.Answered()) / float64(max(1, s.Total()))
	writes := float64(c.written.Load()) / float64(max(1, c.asked.Load()))
	c.t.Logf("seed %d: %d reads, %.0f%% answered from the cache, %d writes (%.1f%%), %d of them with the answer lost",
		c.seed, c.asked.Load(), 100*hits, c.written.Load(), 100*writes, c.lost.Load())
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, rule := range slices.Sorted(maps.Keys(c.broken)) {
		c.t.Logf("  %d x %s", c.broken[rule], rule)
	}
}

// TestConsistency runs the checker for CONSISTENCY_DURATION, by default 5s, or an
// hour of a soak.
func TestConsistency(t *testing.T) {
	limit := soak.Time(t, 5*time.Second)
	if text := os.Getenv("CONSISTENCY_DURATION"); text != "" {
		var err error
		if limit, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	c := newChecker(t, uint64(time.Now().UnixNano()))
	c.run(1<<40, limit, 1<<40)
	c.report()
	if n := c.violations(); n > 0 {
		t.Errorf("%d answers of %d were wrong", n, c.asked.Load())
	}
	s := c.cache.Stats()
	if s.Answered()*2 < s.Total() || c.written.Load()*100 < c.asked.Load() || c.lost.Load() == 0 {
		t.Errorf("the run saw too little: %d writes, %d of them lost, %d of %d reads from the cache", c.written.Load(), c.lost.Load(), s.Answered(), s.Total())
	}
}
