package consistency

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/headrace/headrace/integration/pgserver"
	"github.com/headrace/headrace/querycache"
)

// A fleet is a run with several processes, which share a database and further
// tiers. Each process writes values of its own and reads those of all. What
// they know of each other's writes is on a board.
type fleet struct {
	tally
	w       *world
	opts    Options
	dir     string
	board   *board
	shorter time.Time // the end of phaseRun
	longTTL time.Duration

	mu      sync.Mutex
	running [members]*exec.Cmd // guarded by mu
	ended   [members]chan error
	dead    atomic.Bool // a member has ended by itself
}

// RunFleet runs the checks with several processes, which are further runs of
// this program: it must call [Member] first. Options.Tiers must be in other
// processes.
func RunFleet(ctx context.Context, server *pgserver.Server, opts Options) (_ *Report, err error) {
	w, err := newWorldOf(ctx, server, opts, (*world).create, (*world).connectOther, (*world).setUpFleet, (*world).openStores)
	if err != nil {
		return nil, fmt.Errorf("consistency: %w", err)
	}
	defer w.end()
	f := &fleet{w: w, opts: opts, longTTL: longTTL(w.stores)}
	if f.dir, err = os.MkdirTemp("", program); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(f.dir)) }()
	b, unmap, err := openBoard(f.boardPath())
	if err != nil {
		return nil, err
	}
	defer unmap()
	f.board, f.tally.counts = b, &b.counts
	if err := f.work(ctx); err != nil {
		return nil, fmt.Errorf("consistency: %w", err)
	}
	return f.sum(), nil
}

func (f *fleet) boardPath() string { return filepath.Join(f.dir, "board") }

// longTTL returns a TTL for most statements: long if only notifications can
// keep memory current for so long.
func longTTL(stores []store) time.Duration {
	for _, s := range stores {
		if s.notifies() {
			return time.Minute
		}
	}
	return 2 * time.Second
}

const agedEach = 20 * time.Millisecond

// fleetValues returns the values of a fleet, in the order of the board.
func fleetValues(long time.Duration) (all []*value) {
	for _, name := range []string{unnamed, agedName} {
		for m := range members {
			for _, way := range fleetWays(m, name) {
				v := newValue(way.name, way.source, name)
				v.owner, v.write, v.age = m, way.write, fleetPolicies(long)[name].TTL
				all = append(all, v)
			}
		}
	}
	v := newValue(aged, aged, agedName)
	v.owner, v.age = -1, maxAge
	return append(all, v)
}

func fleetPolicies(long time.Duration) querycache.ByName {
	return querycache.ByName{unnamed: {TTL: long}, agedName: {TTL: maxAge}}
}

// fleetWays returns the ways in which a member writes the values that are read
// under a statement name.
func fleetWays(member int, name string) []way {
	suffix := fmt.Sprintf("_%d%s", member, strings.ToLower(name))
	plain, pair, saved, called, truncated := "plain"+suffix, "pair"+suffix, "saved"+suffix, "called"+suffix, "truncated"+suffix
	return []way{
		{name: plain, source: plain, setup: fmt.Sprintf(table, plain), write: statement(fmt.Sprintf(update, plain))},
		{
			name: pair, source: fmt.Sprintf("(SELECT CASE WHEN v = w THEN v ELSE -2 END AS v FROM %[1]s, %[1]s_too) p", pair),
			setup: fmt.Sprintf(table+"; CREATE TABLE %[1]s_too (w bigint NOT NULL); INSERT INTO %[1]s_too VALUES (0)", pair),
			write: inTx(fmt.Sprintf(update, pair), fmt.Sprintf("UPDATE %s_too SET w = greatest(w, $1)", pair)),
		},
		{
			name: saved, source: saved, setup: fmt.Sprintf(table, saved),
			write: inTx("SAVEPOINT a", fmt.Sprintf("UPDATE %s SET v = -1", saved), "ROLLBACK TO a", fmt.Sprintf(update, saved)),
		},
		{name: called, source: called, setup: raised(called, "plpgsql", inPLpgSQL), write: statement(fmt.Sprintf("SELECT raise_%s($1)", called))},
		{
			name: truncated, source: truncated, setup: fmt.Sprintf(table, truncated),
			write: inTx("LOCK TABLE "+truncated, "TRUNCATE "+truncated, fmt.Sprintf("INSERT INTO %s VALUES ($1)", truncated)),
		},
	}
}

// setUpFleet creates all tables.
func (w *world) setUpFleet(ctx context.Context) error {
	sql := []string{
		fmt.Sprintf(table, aged), "CREATE TABLE zoned (at timestamptz)", "INSERT INTO zoned VALUES ('2026-01-01 00:00+00')",
	}
	for m := range members {
		for _, name := range []string{unnamed, agedName} {
			for _, way := range fleetWays(m, name) {
				sql = append(sql, way.setup)
			}
		}
	}
	_, err := w.other.Exec(ctx, strings.Join(sql, ";\n"))
	return err
}

// start starts a member.
func (f *fleet) start(ctx context.Context, number int) error {
	cfg := memberConfig{
		Number: number, Seed: f.opts.Seed + uint64(now()), Board: f.boardPath(), Proxied: f.w.connString,
		Direct: f.w.server.ConnStringFor(f.w.name), Long: f.longTTL,
	}
	for _, s := range f.w.stores {
		cfg.Tiers = append(cfg.Tiers, s.config())
	}
	text, err := json.Marshal(cfg)
	if err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, program)
	cmd.Env = append(os.Environ(), memberEnv+"="+string(text))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			f.describe(lines.Text())
		}
		ended <- cmd.Wait()
	}()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.running[number], f.ended[number] = cmd, ended
	return nil
}

// signal sends a signal to a member.
func (f *fleet) signal(number int, s syscall.Signal) {
	f.mu.Lock()
	defer f.mu.Unlock()
	_ = f.running[number].Process.Signal(s) // it may have ended
}

// work starts the members, disturbs them, and ends the run.
func (f *fleet) work(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for n := range members {
		if err := f.start(ctx, n); err != nil {
			return err
		}
	}
	if f.opts.Duration > 0 {
		f.shorter = time.Now().Add(f.opts.Duration)
	}
	jobs := []func(context.Context){f.age, f.cut, f.disturbMembers}
	for i, s := range f.w.stores {
		jobs = append(jobs, func(ctx context.Context) { f.disturbStore(ctx, i, s) })
	}
	var all sync.WaitGroup
	for _, job := range jobs {
		all.Go(func() { job(ctx) })
	}
	all.Wait()
	f.board.dieNext.Store(0)
	for _, phase := range []int32{phaseLast, phaseCompare} {
		if err := f.await(ctx, phase); err != nil {
			return err
		}
	}
	for n := range members {
		if err := <-f.ended[n]; err != nil {
			return fmt.Errorf("member %d: %w", n, err)
		}
	}
	return nil
}

// mostEnding bounds the last phases.
const mostEnding = 2 * time.Minute

// await begins a phase, and waits until all members have completed it. It
// replaces members that have ended.
func (f *fleet) await(ctx context.Context, phase int32) error {
	f.board.phase.Store(phase)
	for until := time.Now().Add(mostEnding); time.Now().Before(until); sleep(ctx, time.Millisecond) {
		waiting := false
		for n := range members {
			if f.board.reached[n].Load() < phase {
				waiting = true
				if err := f.replace(ctx, n); err != nil {
					return err
				}
			}
		}
		if !waiting {
			return nil
		}
	}
	return fmt.Errorf("the members do not end")
}

// replace starts a member again if it was killed.
func (f *fleet) replace(ctx context.Context, n int) error {
	select {
	case err := <-f.ended[n]:
		return f.restarted(ctx, n, err)
	default:
		return nil
	}
}

// restarted starts a member again that has ended with err. It returns an error
// if the member was not killed.
func (f *fleet) restarted(ctx context.Context, n int, err error) error {
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL { //nolint:forcetypeassert // on unix
		return fmt.Errorf("member %d ended: %w", n, err)
	}
	return f.start(ctx, n)
}

// over reports whether the members end.
func (f *fleet) over() bool {
	return f.opts.Reads > 0 && f.reads.Load() >= f.opts.Reads || !f.shorter.IsZero() && time.Now().After(f.shorter) ||
		f.opts.Enough > 0 && f.wrong() >= f.opts.Enough || f.dead.Load()
}

// age writes a value as another program.
func (f *fleet) age(ctx context.Context) {
	shared := &f.board.values[len(fleetValues(0))-1]
	for to := int64(1); !f.over(); to++ {
		if _, err := f.w.other.Exec(ctx, "UPDATE "+aged+" SET v = greatest(v, $1)", to); err == nil {
			shared.note(to)
		}
		sleep(ctx, agedEach)
	}
}

var fleetRules = []Rule{OwnWrites, Rollbacks, Together, Keys, Scopes, Sessions, Ages, Elsewhere, AfterWrites}

func (f *fleet) sum() *Report {
	r := f.report(f.opts.Seed)
	r.rules = fleetRules
	for i, kind := range f.opts.Tiers {
		t := &f.board.tiers[i]
		r.Tiers = append(r.Tiers, TierCounts{kind, t.hits.Load(), t.misses.Load(), t.passed.Load(), t.errors.Load()})
	}
	return r
}
