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

// Options say how much a run does.
type Options struct {
	Seed     uint64
	Duration time.Duration // at most; default: until Reads
	Reads    int64         // at most; default: until Duration
	Enough   int64         // violations after which the run ends; default: none do
	KillEach time.Duration // how often the server is killed; default: never
	EndEach  time.Duration // how often sessions of the library's own are ended, about; default: never
}

// A checker is one run.
type checker struct {
	tally
	w         *world
	opts      Options
	values    []*value
	dropped   *value // one of them, and
	contended *value
	time      history
	until     time.Time
	stop      atomic.Bool
	busy      sync.RWMutex // read-locked by who writes or reads

	mu      sync.Mutex
	strange error // that no fault explains; guarded by mu
}

const (
	readers           = 6
	mostReadsPerWrite = 60
	mostAhead         = 100 // writes that readers need not wait for

	mostDoubt = 20 * time.Second // after the last write
)

// Run checks on a server that was started with Settings, and is Run's own while it lasts.
func Run(ctx context.Context, server *pgserver.Server, opts Options) (*Report, error) {
	w, err := newWorld(ctx, server)
	if err != nil {
		return nil, fmt.Errorf("consistency: %w", err)
	}
	defer w.end()
	c := &checker{w: w, opts: opts, until: time.Now().Add(opts.Duration)}
	for _, h := range w.handles {
		stop, err := h.pg.OnChange(c.hear)
		if err != nil {
			return nil, err
		}
		defer stop()
	}
	c.work(ctx)
	if c.enough() {
		return c.sum(), nil
	}
	if err := c.quiet(ctx); err != nil {
		return nil, fmt.Errorf("consistency: after quiet: %w", err)
	}
	if c.strange != nil {
		return nil, fmt.Errorf("consistency: no fault explains: %w", c.strange)
	}
	return c.sum(), nil
}

// sum returns what the run did and found.
func (c *checker) sum() *Report {
	r := c.report(c.opts.Seed)
	for _, v := range c.values {
		if v.hits.Load() == 0 && !v.refused {
			r.Unanswered = append(r.Unanswered, v.String())
		}
	}
	for _, h := range c.w.handles {
		if h.hits.Load() == 0 {
			r.Unanswered = append(r.Unanswered, "any, through the handle "+h.name)
		}
	}
	return r
}

// work lets all work until the end.
func (c *checker) work(ctx context.Context) {
	jobs := append(c.writers(), c.pass, c.disturb, c.cut, c.kill, c.end, c.hold)
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

// writers returns one for each value that somebody writes, and makes all values.
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
	c.dropped.rule = Drops
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
			c.addPast(TimesMove, new(history), m.name, m.source, unbounded)
		} else {
			c.addPast(TimesMove, &c.time, m.name, m.source, agedName, unbounded)
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

// addPast adds a value that nobody in the process writes, as statements of different names read it, and returns one.
func (c *checker) addPast(rule Rule, past *history, name, source string, statements ...string) (v *value) {
	for _, statement := range statements {
		v = c.add(newValue(name, source, statement))
		v.rule, v.past, v.age = rule, past, policies[statement].TTL
		if statement == unkept || rule == TimesMove && statement == unbounded {
			v.refused, v.age = true, 0
		}
	}
	return v
}

// meet reads what statements of several names read in the order of the values: who is met first has the longest TTL.
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

// read reads until the end, not much faster than is written, and less while nothing can be kept.
func (c *checker) read(ctx context.Context, i int) {
	r := &reading{checker: c, r: c.random(i)}
	for !c.over() {
		c.busy.RLock()
		failed := !r.next(ctx)
		c.busy.RUnlock()
		if failed || r.why == querycache.MissLoadInvalidated || // let the server say what is in doubt
			c.reads.Load() > mostReadsPerWrite*(c.writes.Load()+mostAhead) {
			sleep(ctx, 2*time.Millisecond)
		}
	}
}

func (c *checker) random(i int) *rand.Rand { return rand.New(rand.NewPCG(c.opts.Seed, uint64(i))) }

// over reports whether the run has to end.
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

// enough reports whether the run has found what it was to find.
func (c *checker) enough() bool { return c.opts.Enough > 0 && c.wrong() >= c.opts.Enough }

// hear judges what is told.
func (c *checker) hear(_ context.Context, changes []db.Change) {
	for _, change := range changes {
		c.judge(NothingTold, change.Table.Name != never, "%v", change)
	}
}

// note looks at an error: of a server that is there and was reached there should be none.
func (c *checker) note(err error) {
	if !explained(err) {
		c.strangely(err)
	}
}

// strangely keeps an error that no fault explains, and ends the run.
func (c *checker) strangely(err error) {
	c.stop.Store(true)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.strange = errors.Join(c.strange, err)
}

// quiet compares what the caches say with what the server says, after all writes.
func (c *checker) quiet(ctx context.Context) error {
	sleep(ctx, maxAge)
	c.hit(ctx)
	r := c.random(0)
	for _, v := range c.values {
		if v.rule == TimesMove || v.age > maxAge {
			continue
		}
		want, err := c.fromServer(ctx, v)
		if err != nil {
			return err
		}
		for range handles * len(tenants) {
			got, err := askAgain(ctx, v, c.spot(r))
			if err != nil {
				return err
			}
			c.judge(AfterQuiet, got.V == want, "%s: %d, the server has %d", v, got.V, want)
		}
	}
	return nil
}

// hit makes sure that what may be kept has been answered without asking the server, once nothing is in doubt.
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

// askAgain asks in spite of faults that are still to come.
func askAgain(ctx context.Context, v *value, from spot) (got answer, err error) {
	ctx = context.WithValue(ctx, tenantKey{}, from.tenant)
	for range 10 {
		if got, err = ask(ctx, v, v.quick, from); err == nil {
			return got, nil
		}
		sleep(ctx, 100*time.Millisecond)
	}
	return got, err
}

// fromServer asks the server for a value.
func (c *checker) fromServer(ctx context.Context, v *value) (int64, error) {
	return db.One[int64](ctx, c.w.other, db.SQL("SELECT v FROM "+v.source))
}
