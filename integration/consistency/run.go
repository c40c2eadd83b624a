package consistency

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/pgserver"
	"github.com/headrace/headrace/querycache"
)

// Options configure a run.
type Options struct {
	Seed     uint64
	Duration time.Duration // the longest duration; default: no bound
	Reads    int64         // the greatest number of reads; default: no bound
	Enough   int64         // the number of violations after which the run ends; default: no bound
	KillEach time.Duration // the interval at which the server is killed; default: never
	EndEach  time.Duration // the average interval at which the library's own sessions are ended; default: never
	Tiers    []string      // the kinds of further tiers behind the memory of all caches, in their order; default: none
}

// A checker is one run.
type checker struct {
	tally
	w         *world
	opts      Options
	values    []*value
	dropped   *value // one of values
	contended *value // one of values
	time      history
	calm      calm
	doubts    atomic.Int64 // changes in doubt, of all handles, after the caches were notified
	until     time.Time
	stop      atomic.Bool
	busy      sync.RWMutex // read-locked by readers and writers

	mu         sync.Mutex
	unexpected error // not explained by a fault; guarded by mu
}

const (
	readers           = 6
	mostReadsPerWrite = 60
	mostAhead         = 100 // the number of writes that readers may be ahead

	mostDoubt = 20 * time.Second // the longest doubt after the last write
)

// Run runs the checks. The server must have been started with Settings, and
// must have no other users during the run.
func Run(ctx context.Context, server *pgserver.Server, opts Options) (*Report, error) {
	w, err := newWorld(ctx, server, opts)
	if err != nil {
		return nil, fmt.Errorf("consistency: %w", err)
	}
	defer w.end()
	c := &checker{tally: tally{counts: new(counts)}, w: w, opts: opts, until: time.Now().Add(opts.Duration)}
	for _, h := range w.handles {
		stop, err := h.pg.OnChange(c.checkChanges)
		if err != nil {
			return nil, err
		}
		defer stop()
	}
	c.work(ctx)
	if c.enough() {
		return c.sum(), nil
	}
	if err := c.compare(ctx); err != nil {
		return nil, fmt.Errorf("consistency: compare with the server: %w", err)
	}
	if c.unexpected != nil {
		return nil, fmt.Errorf("consistency: unexpected error: %w", c.unexpected)
	}
	return c.sum(), nil
}

// sum returns the report of the run.
func (c *checker) sum() *Report {
	r := c.report(c.opts.Seed)
	c.countTiers(r)
	for _, v := range c.values {
		if v.hits.Load() == 0 && !v.refused {
			r.Uncached = append(r.Uncached, v.String())
		}
	}
	for _, h := range c.w.handles {
		if h.hits.Load() == 0 {
			r.Uncached = append(r.Uncached, "any value, through handle "+h.name)
		}
	}
	return r
}

// work runs writers, readers and faults until the end of the run.
func (c *checker) work(ctx context.Context) {
	jobs := append(c.writers(), c.pass, c.disturb, c.cut, c.kill, c.end, c.hold)
	jobs = append(jobs, c.disturbStores()...)
	c.meet(ctx)
	for i := range readers {
		jobs = append(jobs, func(ctx context.Context) { c.read(ctx, i) })
	}
	var all sync.WaitGroup
	for _, job := range jobs {
		all.Go(func() { job(ctx) })
	}
	all.Wait()
}

// writers makes all values and returns a writer for each value that the run
// writes.
func (c *checker) writers() (jobs []func(context.Context)) {
	for _, way := range ways() {
		v := c.add(newValue(way.name, way.source, unnamed))
		v.rule, v.refused = way.rule, way.refused
		if way.name == contended {
			c.contended = v
		}
		w := c.writer(v)
		w.on, w.passing = c.w.handles[first], way.refused
		jobs = append(jobs, func(ctx context.Context) {
			w.run(ctx, way.each, func(ctx context.Context, to int64) error { return way.write(ctx, w, to) })
		})
	}
	c.dropped = c.add(newValue(dropped, dropped, unnamed))
	c.dropped.rule = Invalidations
	elsewhere := func(v *value, each int64, write func(*writer, context.Context, int64) error) {
		w := c.writer(v)
		jobs = append(jobs, func(ctx context.Context) {
			w.run(ctx, each, func(ctx context.Context, to int64) error { return write(w, ctx, to) })
		})
	}
	elsewhere(c.dropped, overtaking, (*writer).writeDropped)
	elsewhere(c.addPast(Ages, new(history), aged, aged, unnamed, agedName, unkept), usual, (*writer).writeAged)
	for _, m := range moving {
		if m.days {
			c.addPast(Times, new(history), m.name, m.source, unbounded)
		} else {
			c.addPast(Times, &c.time, m.name, m.source, agedName, unbounded)
		}
	}
	return jobs
}

func (c *checker) writer(v *value) *writer {
	return &writer{checker: c, r: c.random(1000 + len(c.values)), v: v}
}

func (c *checker) add(v *value) *value {
	c.values = append(c.values, v)
	return v
}

// addPast adds a value that the process does not write, once for each statement
// name that reads it. It returns the last one.
func (c *checker) addPast(rule Rule, past *history, name, source string, statements ...string) (v *value) {
	for _, statement := range statements {
		v = c.add(newValue(name, source, statement))
		v.rule, v.past, v.age = rule, past, policies[statement].TTL
		if statement == unkept || rule == Times && statement == unbounded {
			v.refused, v.age = true, 0
		}
	}
	return v
}

// meet reads the value with several statement names in the order of their TTLs,
// the longest first.
func (c *checker) meet(ctx context.Context) {
	r := &reading{checker: c, r: c.random(0)}
	for _, v := range c.values {
		for n := range handles * int(forms) {
			if v.name == aged {
				r.value(ctx, v, spot{c.w.handles[n%handles], tenants[0], 0, form(n / handles)})
			}
		}
	}
}

// read reads until the end of the run. It slows down when it is far ahead of
// the writers, and while results cannot be stored.
func (c *checker) read(ctx context.Context, i int) {
	r := &reading{checker: c, r: c.random(i)}
	for !c.over() {
		c.busy.RLock()
		failed := !r.next(ctx)
		c.busy.RUnlock()
		if failed || r.why == querycache.MissLoadInvalidated || // wait until doubts are resolved
			c.reads.Load() > mostReadsPerWrite*(c.writes.Load()+mostAhead) {
			sleep(ctx, 2*time.Millisecond)
		}
	}
}

func (c *checker) random(i int) *rand.Rand { return rand.New(rand.NewPCG(c.opts.Seed, uint64(i))) }

// over reports whether the run must end.
func (c *checker) over() bool {
	switch {
	case c.stop.Load():
		return true
	case c.opts.Reads > 0 && c.reads.Load() >= c.opts.Reads,
		c.opts.Duration > 0 && time.Now().After(c.until),
		c.enough():
		c.stop.Store(true)
		return true
	}
	return false
}

// enough reports whether the run has found Options.Enough violations.
func (c *checker) enough() bool { return c.opts.Enough > 0 && c.wrong() >= c.opts.Enough }

// checkChanges checks the changes that a handle reports.
func (c *checker) checkChanges(_ context.Context, changes []db.Change) {
	for _, change := range changes {
		switch change.State {
		case db.InDoubt:
			c.doubts.Add(1)
		case db.Resolved, db.Unchanged:
			c.doubts.Add(-1)
		}
		c.check(NoChange, change.Table.Name != never, "%v", change)
	}
}

// note ends the run with an error that no fault explains.
func (c *checker) note(err error) {
	if !explained(err) {
		c.fail(err)
	}
}

// fail ends the run with an error.
func (c *checker) fail(err error) {
	c.stop.Store(true)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unexpected = errors.Join(c.unexpected, err)
}

// compare compares the caches with the server after all writes.
func (c *checker) compare(ctx context.Context) error {
	sleep(ctx, maxAge)
	c.hit(ctx)
	r := c.random(0)
	for _, v := range c.values {
		if v.rule == Times || v.age > maxAge {
			continue
		}
		want, err := c.fromServer(ctx, v)
		if err != nil {
			return err
		}
		for n := range (handles + 1) * len(tenants) {
			at := c.spot(r)
			if c.w.outsider != nil && c.w.notifies() && n%(handles+1) == 0 { // otherwise its memory is as old as the TTL allows
				at.on = c.w.outsider
			}
			got, err := askAgain(ctx, v, at)
			if err != nil {
				return err
			}
			c.check(AfterWrites, got.V == want, "%s: %d, want %d as on the server", v, got.V, want)
		}
	}
	return nil
}

// hit reads each cacheable value that has had no hit, until it has one or
// doubts should be resolved.
func (c *checker) hit(ctx context.Context) {
	r := &reading{checker: c, r: c.random(0)}
	at := spot{on: c.w.handles[second], tenant: tenants[0]}
	until := time.Now().Add(mostDoubt)
	for _, v := range c.values {
		for v.hits.Load() == 0 && !v.refused && time.Now().Before(until) {
			r.value(ctx, v, at)
			r.value(ctx, v, at)
		}
	}
}

// askAgain retries a read that fails because of a late fault.
func askAgain(ctx context.Context, v *value, from spot) (got result, err error) {
	ctx = context.WithValue(ctx, tenantKey{}, from.tenant)
	for range 10 {
		if got, err = ask(ctx, v, v.quick, from); err == nil {
			return got, nil
		}
		sleep(ctx, 100*time.Millisecond)
	}
	return got, err
}

// fromServer reads a value from the server.
func (c *checker) fromServer(ctx context.Context, v *value) (int64, error) {
	return db.One[int64](ctx, c.w.other, db.SQL("SELECT v FROM "+v.source))
}
