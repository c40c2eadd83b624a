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
)

// Options say how much a run does.
type Options struct {
	Seed     uint64
	Duration time.Duration // at most; default: until Reads
	Reads    int64         // at most; default: until Duration
	Enough   int64         // violations after which the run ends; default: none do
	KillEach time.Duration // how often the server is killed; default: never
}

// A checker is one run.
type checker struct {
	tally
	w       *world
	opts    Options
	values  []*value
	dropped *value // one of them
	until   time.Time
	stop    atomic.Bool

	mu      sync.Mutex
	strange error // that no fault explains; guarded by mu
}

const (
	readers           = 6
	mostReadsPerWrite = 60
	mostAhead         = 100 // writes that readers need not wait for
)

// Run checks on a server that was started with Settings, and is Run's own while it lasts.
func Run(ctx context.Context, server *pgserver.Server, opts Options) (*Report, error) {
	w, err := newWorld(ctx, server)
	if err != nil {
		return nil, fmt.Errorf("consistency: %w", err)
	}
	defer w.end()
	c := &checker{w: w, opts: opts, until: time.Now().Add(opts.Duration)}
	stop, err := w.pg.OnChange(c.hear)
	if err != nil {
		return nil, err
	}
	defer stop()
	c.work(ctx)
	if err := c.quiet(ctx); err != nil {
		return nil, fmt.Errorf("consistency: after quiet: %w", err)
	}
	if c.strange != nil {
		return nil, fmt.Errorf("consistency: no fault explains: %w", c.strange)
	}
	return c.report(opts.Seed), nil
}

// work lets all work until the end.
func (c *checker) work(ctx context.Context) {
	jobs := append(c.writers(), c.disturb, c.cut, c.kill)
	for i := range readers {
		jobs = append(jobs, func(ctx context.Context) { c.read(ctx, i) })
	}
	var all sync.WaitGroup
	for _, job := range jobs {
		all.Go(func() { job(ctx) })
	}
	all.Wait()
}

// writers returns one for each value, and makes the values.
func (c *checker) writers() (jobs []func(context.Context)) {
	add := func(name, source string) *writer {
		v := newValue(name, source)
		c.values = append(c.values, v)
		return &writer{checker: c, pg: c.w.pg, r: c.random(1000 + len(c.values)), v: v}
	}
	for _, way := range ways() {
		w := add(way.name, way.source)
		w.followed = true
		jobs = append(jobs, func(ctx context.Context) {
			w.run(ctx, way.each, func(ctx context.Context, to int64) error { return way.write(ctx, w, to) })
		})
	}
	elsewhere := func(name string, each int64, write func(*writer, context.Context, int64) error) *value {
		w := add(name, name)
		jobs = append(jobs, func(ctx context.Context) {
			w.run(ctx, each, func(ctx context.Context, to int64) error { return write(w, ctx, to) })
		})
		return w.v
	}
	c.dropped = elsewhere(dropped, overtaking, (*writer).writeDropped)
	elsewhere(aged, usual, (*writer).writeAged)
	return jobs
}

// read reads until the end, and not much faster than is written.
func (c *checker) read(ctx context.Context, i int) {
	r := &reading{checker: c, r: c.random(i)}
	for !c.over() {
		failed := !r.next(ctx)
		if failed || c.reads.Load() > mostReadsPerWrite*(c.writes.Load()+mostAhead) {
			sleep(ctx, time.Millisecond)
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
		c.opts.Enough > 0 && c.wrong() >= c.opts.Enough:
		c.stop.Store(true)
		return true
	}
	return false
}

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

// quiet compares what the cache says with what the server says, after all writes.
func (c *checker) quiet(ctx context.Context) error {
	sleep(ctx, maxAge)
	r := &reading{checker: c, r: c.random(0)}
	for _, v := range c.values {
		want, err := c.fromServer(ctx, v)
		if err != nil {
			return err
		}
		for _, tenant := range tenants {
			got, err := r.askAgain(context.WithValue(ctx, tenantKey{}, tenant), v)
			if err != nil {
				return err
			}
			c.judge(AfterQuiet, got.V == want, "%s: %d, the server has %d", v.name, got.V, want)
		}
	}
	return nil
}

// askAgain asks in spite of faults that are still to come.
func (c *reading) askAgain(ctx context.Context, v *value) (got answer, err error) {
	for range 10 {
		if got, err = c.ask(ctx, v, quick, 0); err == nil {
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
