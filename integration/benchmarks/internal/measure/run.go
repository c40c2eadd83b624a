package measure

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"
)

// Options configure how long to measure.
type Options struct {
	Rounds int           // in each of which every subject runs once; default 7
	Slice  time.Duration // approximate time of a subject in a round; default 150 ms
	Seed   uint64        // of the order of subjects
}

func (o Options) withDefaults() Options {
	if o.Rounds <= 0 {
		o.Rounds = 7
	}
	if o.Slice <= 0 {
		o.Slice = 150 * time.Millisecond
	}
	return o
}

// Run measures w. It opens all subjects before it measures the first, so that
// each runs under the same conditions, and reports the medians of their rounds.
func Run(ctx context.Context, w Work, opts Options) ([]Result, error) {
	opts = opts.withDefaults()
	var open []*contender
	var results []Result
	defer func() {
		for _, c := range open {
			c.close()
		}
	}()
	for _, s := range w.Subjects {
		if s.Open == nil {
			figures, err := s.Extra(ctx)
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", w.Name, s.Name, err)
			}
			results = append(results, extraResults(w, s.Name, figures)...)
			continue
		}
		c, err := prepare(ctx, w, s, opts.Slice)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", w.Name, s.Name, err)
		}
		open = append(open, c)
	}
	if w.Baseline != "" {
		evenOut(open)
	}
	random := rand.New(rand.NewPCG(opts.Seed, 0))
	for range max(opts.Rounds, w.Rounds) {
		for _, i := range random.Perm(len(open)) {
			if err := open[i].round(ctx, w.Expect); err != nil {
				return nil, fmt.Errorf("%s: %s: %w", w.Name, open[i].name, err)
			}
		}
	}
	for _, c := range open {
		results = append(results, c.results(w)...)
	}
	return append(results, ratios(w, open)...), nil
}

// evenOut gives all the same number of operations per round, so that costs per
// round, such as pools that the garbage collector emptied, weigh the same.
func evenOut(all []*contender) {
	most := slices.MaxFunc(all, func(a, b *contender) int { return a.n - b.n }).n
	for _, c := range all {
		c.n = most
	}
}

// contender is an open subject with its measurements so far.
type contender struct {
	name    string
	op      Op
	reset   func(context.Context) error
	close   func()
	n       int // operations a round
	samples []sample
	extra   map[string]float64
}

// sample is one round, per operation.
type sample struct{ wall, cpu, allocs, bytes float64 }

func prepare(ctx context.Context, w Work, s Subject, slice time.Duration) (*contender, error) {
	op, closeFn, err := s.Open(ctx)
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	c := &contender{name: s.Name, op: op, reset: s.Reset, close: closeFn}
	if err := c.warmUp(ctx, w, s, slice); err != nil {
		closeFn()
		return nil, err
	}
	return c, nil
}

func (c *contender) warmUp(ctx context.Context, w Work, s Subject, slice time.Duration) (err error) {
	if c.n, err = c.calibrate(ctx, w.Expect, slice); err != nil {
		return err
	}
	if s.Extra != nil {
		c.extra, err = s.Extra(ctx)
	}
	return err
}

// calibrate finds how many operations fill a slice, and warms up meanwhile. It
// ignores the first operation, which connects, prepares and examines.
func (c *contender) calibrate(ctx context.Context, expect Seen, slice time.Duration) (int, error) {
	if err := c.makeReady(ctx); err != nil {
		return 0, err
	}
	if err := c.repeat(ctx, 1, expect); err != nil || c.reset != nil {
		return 1, err
	}
	for n := 1; ; n *= 2 {
		begin := time.Now()
		if err := c.repeat(ctx, n, expect); err != nil {
			return 0, err
		}
		if took := time.Since(begin); took >= slice/4 {
			return max(1, int(float64(n)*float64(slice)/float64(took))), nil
		}
	}
}

// makeReady undoes the changes of operations.
func (c *contender) makeReady(ctx context.Context) error {
	if c.reset == nil {
		return nil
	}
	if err := c.reset(ctx); err != nil {
		return fmt.Errorf("reset: %w", err)
	}
	return nil
}

func (c *contender) repeat(ctx context.Context, n int, expect Seen) error {
	for range n {
		seen, err := c.op(ctx)
		if err != nil {
			return err
		}
		if seen != expect {
			return fmt.Errorf("saw %+v, want %+v", seen, expect)
		}
	}
	return nil
}

func (c *contender) round(ctx context.Context, expect Seen) error {
	if err := c.makeReady(ctx); err != nil {
		return err
	}
	runtime.GC() // the garbage of the previous subject is not this one's
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cpu, begin := CPUTime(), time.Now()
	if err := c.repeat(ctx, c.n, expect); err != nil {
		return err
	}
	wall := time.Since(begin)
	cpu = CPUTime() - cpu
	runtime.ReadMemStats(&after)
	n := float64(c.n)
	c.samples = append(c.samples, sample{
		wall:   float64(wall) / n,
		cpu:    float64(cpu) / n,
		allocs: float64(after.Mallocs-before.Mallocs) / n,
		bytes:  float64(after.TotalAlloc-before.TotalAlloc) / n,
	})
	return nil
}

func (c *contender) results(w Work) []Result {
	result := func(metric string, value float64) Result {
		return Result{Work: w.Name, Subject: c.name, Metric: metric, Value: value}
	}
	rows := float64(max(w.Expect.Rows, 1))
	wall := c.median(func(s sample) float64 { return s.wall })
	allocs := c.median(func(s sample) float64 { return s.allocs })
	results := []Result{result(CPUPerRow, c.median(func(s sample) float64 { return s.cpu })/rows)}
	if w.Writes {
		results = append(results, result(RowsPerSec, rows/wall*1e9), result(AllocsPerRow, allocs/rows))
	} else {
		results = append(results, result(NsPerOp, wall), result(AllocsPerOp, allocs),
			result(BytesPerOp, c.median(func(s sample) float64 { return s.bytes })))
	}
	return append(results, extraResults(w, c.name, c.extra)...)
}

// extraResults returns the figures of Subject.Extra as results.
func extraResults(w Work, subject string, figures map[string]float64) []Result {
	var results []Result
	for _, metric := range slices.Sorted(maps.Keys(figures)) {
		results = append(results, Result{Work: w.Name, Subject: subject, Metric: metric, Value: figures[metric]})
	}
	return results
}

func (c *contender) median(of func(sample) float64) float64 {
	values := make([]float64, 0, len(c.samples))
	for _, s := range c.samples {
		values = append(values, of(s))
	}
	slices.Sort(values)
	middle := len(values) / 2
	if len(values)%2 == 1 {
		return values[middle]
	}
	return (values[middle-1] + values[middle]) / 2
}
