package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/headrace/headrace/examples/shared/program"
	"github.com/headrace/headrace/examples/shared/redisbox"
)

// A tour is a run of the example.
type tour struct {
	*program.Report

	fleet *fleet
	redis *redisbox.Box
	data  *data
}

func (t *tour) run(ctx context.Context) error {
	steps := []struct {
		title string
		do    func(context.Context) error
	}{
		{"One warm cache", t.warm},
		{"Writes are seen by the others", t.writes},
		{"Redis is killed", t.killed},
		{"Redis is back", t.back},
		{"What the processes counted", t.counts},
	}
	t.Step("Start")
	t.Say("Redis at %s; the processes are %s", t.redis.Name(), t.pids())
	for _, step := range steps {
		if t.redis.Server == nil && strings.HasPrefix(step.title, "Redis is") {
			continue // it belongs to someone else
		}
		t.Step(step.title)
		if err := step.do(ctx); err != nil {
			if ctx.Err() != nil {
				err = ctx.Err() // it has killed the processes
			}
			return fmt.Errorf("%s: %w", step.title, err)
		}
	}
	return nil
}

func (t *tour) pids() string {
	var pids []string
	for _, p := range t.fleet.running {
		pids = append(pids, fmt.Sprintf("%d (pid %d)", p.number, p.cmd.Process.Pid))
	}
	return strings.Join(pids, ", ")
}

// read makes a process read countries, and prints who served them.
func (t *tour) read(p *process, countries []string) (reply, error) {
	r, err := p.ask(request{Do: "read", Countries: countries, Await: true})
	if err != nil {
		return r, err
	}
	t.Say("process %d reads %2d countries: %2d from the server, %2d from Redis, %2d from memory; a read takes %v",
		p.number, len(countries), r.Server, r.Redis, r.Memory, rounded(r.Median))
	return r, nil
}

// readAll makes all processes read countries, one after the other.
func (t *tour) readAll(countries []string) ([]reply, error) {
	var replies []reply
	for _, p := range t.fleet.running {
		r, err := t.read(p, countries)
		if err != nil {
			return nil, err
		}
		replies = append(replies, r)
	}
	return replies, nil
}

// warm reads the countries in all processes, twice.
func (t *tour) warm(context.Context) error {
	n := len(t.data.usual)
	first, err := t.readAll(t.data.usual)
	if err != nil {
		return err
	}
	t.Claim(first[0].Server == n, "process 1 loads each country")
	// A busy machine may lose its connection to Redis for a moment, which is not
	// what these claims are about.
	t.Claim(first[1].Redis+first[2].Redis >= n, "the others load few: Redis serves %d of their %d reads", first[1].Redis+first[2].Redis, 2*n)
	served := 0
	for attempt := 0; attempt < 5 && served < processes*n; attempt++ {
		again, err := t.readAll(t.data.usual)
		if err != nil {
			return err
		}
		served = again[0].Memory + again[1].Memory + again[2].Memory
	}
	t.Claim(served == processes*n, "from then on the memory of each process serves it: %d of %d reads", served, processes*n)
	return nil
}

// rounds is the number of measured writes.
const rounds = 30

// writes makes each process write in turn, while the others have the old value
// in memory. It ends early when a write is not seen.
func (t *tour) writes(context.Context) error {
	own, seen := 0, 0
	var delays []time.Duration
	for i := range processes + rounds {
		w, err := t.write(t.fleet.running[i%processes], t.data.usual[i%len(t.data.usual)])
		if err != nil {
			return err
		}
		if i >= processes { // the first write of each process is examined: it takes longer
			own += w.own
			seen += len(w.delays)
			delays = append(delays, w.delays...)
		}
		if w.own < 1 || len(w.delays) < processes-1 {
			break
		}
	}
	t.Claim(own == rounds, "the writer sees its write at its next read: %d of %d", own, rounds)
	t.Claim(seen == rounds*(processes-1), "the others see it long before the TTL of %v: %d of %d", ttl, seen, rounds*(processes-1))
	if len(delays) > 0 {
		slices.Sort(delays)
		t.Say("the first read to return it began, after the commit had returned: median %v, slowest %v",
			rounded(delays[len(delays)/2]), rounded(delays[len(delays)-1]))
	}
	return nil
}

// A written is the outcome of one write.
type written struct {
	own    int             // 1 if the writer's next read returned it
	delays []time.Duration // until the others saw it, of those that did
}

// write makes a process write, while the others read until they see it.
func (t *tour) write(writer *process, name string) (w written, err error) {
	var before reply
	for _, p := range t.fleet.running { // all have it in memory
		if before, err = p.ask(request{Do: "read", Countries: []string{name}}); err != nil {
			return w, err
		}
	}
	others := t.fleet.others(writer)
	for _, p := range others {
		if err := p.send(request{Do: "watch", Country: name, Until: before.Population + 1}); err != nil {
			return w, err
		}
	}
	r, err := writer.ask(request{Do: "write", Country: name})
	if err != nil {
		return w, err
	}
	committed := r.At
	if r.Population == before.Population+1 {
		w.own = 1
	}
	for _, p := range others {
		if r, err = p.receive(); err != nil {
			return w, err
		}
		if r.Seen {
			w.delays = append(w.delays, max(0, r.At.Sub(committed)))
		}
	}
	return w, nil
}

// killed kills Redis under warm caches. Reads and writes go on.
func (t *tour) killed(context.Context) error {
	if _, err := t.readAll(t.data.usual); err != nil {
		return err
	}
	t.redis.Server.Kill()
	t.Say("killed")
	replies, err := t.readAll(slices.Concat(t.data.usual, t.data.rare))
	if err != nil {
		return err
	}
	redis := 0
	for _, r := range replies {
		redis += r.Redis
	}
	t.Claim(redis == 0, "no read fails: memory serves what it has, the server the rest") // a failed read is an error

	writer, reader, name := t.fleet.running[0], t.fleet.running[1], t.data.usual[0]
	before, err := writer.ask(request{Do: "read", Countries: []string{name}})
	if err != nil {
		return err
	}
	after, err := writer.ask(request{Do: "write", Country: name})
	if err != nil {
		return err
	}
	t.Claim(after.Population == before.Population+1, "the writer sees its write at its next read")
	other, err := reader.ask(request{Do: "read", Countries: []string{name}})
	if err != nil {
		return err
	}
	if other.Population == before.Population { // which is not a promise
		t.Say("process %d still has the old value in memory, at most until its TTL", reader.number)
	}
	return nil
}

// back starts Redis again, empty.
func (t *tour) back(ctx context.Context) error {
	if err := t.redis.Server.Start(ctx); err != nil {
		return err
	}
	for _, p := range t.fleet.running {
		if err := p.awaitTier(ctx); err != nil {
			return err
		}
	}
	t.Say("all processes use it again, by themselves")
	name := t.data.usual[0]
	written, err := t.fleet.running[0].ask(request{Do: "read", Countries: []string{name}})
	if err != nil {
		return err
	}
	seen := 0
	for _, p := range t.fleet.running[1:] {
		r, err := p.ask(request{Do: "watch", Country: name, Until: written.Population})
		if err != nil {
			return err
		}
		if r.Seen {
			seen++
		}
	}
	t.Claim(seen == processes-1, "the others see the write made meanwhile: %d of %d", seen, processes-1)
	replies, err := t.readAll(t.data.usual)
	if err != nil {
		return err
	}
	t.Claim(replies[1].Redis > 0 && replies[2].Redis > 0, "Redis, which was empty, serves processes 2 and 3 again")
	return nil
}

// awaitTier waits until the process uses Redis.
func (p *process) awaitTier(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		r, err := p.ask(request{Do: "count"})
		if err != nil || r.InUse {
			return err
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("process %d does not use Redis again: %w", p.number, errors.Join(ctx.Err(), errors.New(r.LastError)))
		}
	}
}

// counts prints what each process counted.
func (t *tour) counts(context.Context) error {
	for _, p := range t.fleet.running {
		r, err := p.ask(request{Do: "count"})
		if err != nil {
			return err
		}
		t.Say("process %d: %3d hits and %3d misses in Redis, %v each; %2d reads passed it over", p.number, r.Hits, r.Misses, rounded(r.TierTime), r.Passed)
	}
	return nil
}

// rounded returns a time with about two digits.
func rounded(d time.Duration) time.Duration {
	unit := time.Duration(1)
	for d >= 100*unit {
		unit *= 10
	}
	return d.Round(unit)
}
