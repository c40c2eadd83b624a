package consistency

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/querycache"
)

// memberEnv is the environment variable with the memberConfig of a process.
const memberEnv = "HEADRACE_CONSISTENCY_MEMBER"

// A memberConfig configures a member of a fleet.
type memberConfig struct {
	Number  int
	Seed    uint64
	Board   string // path of the file
	Proxied string // connection string by way of the proxy
	Direct  string
	Long    time.Duration // TTL of statements without a name
	Tiers   []tierConfig
}

// A tierConfig tells how to open a Tier.
type tierConfig struct {
	Kind  string
	Addrs []string // of Redis, or a connection string
}

// Member runs this process as a member of a fleet if it was started as one,
// and reports whether it was.
func Member(ctx context.Context) (bool, error) {
	text := os.Getenv(memberEnv)
	if text == "" {
		return false, nil
	}
	var cfg memberConfig
	if err := json.Unmarshal([]byte(text), &cfg); err != nil {
		return true, err
	}
	return true, runMember(ctx, cfg)
}

// mostOpening bounds the time until a member has opened its handles.
const mostOpening = 20 * time.Second

// A member is a process of a fleet: it reads all values, and writes its own.
type member struct {
	tally
	cfg    memberConfig
	board  *board
	w      *world
	on     *handle // with tenants
	zones  map[string]*querycache.ReadThrough
	values []*value
	own    []atomic.Int64 // the last written values of this process
}

func runMember(ctx context.Context, cfg memberConfig) error {
	b, unmap, err := openBoard(cfg.Board)
	if err != nil {
		return err
	}
	defer unmap()
	m := &member{tally: tally{counts: &b.counts, out: os.Stdout}, cfg: cfg, board: b, values: fleetValues(cfg.Long)}
	m.own = make([]atomic.Int64, len(m.values))
	for until := time.Now().Add(mostOpening); ; m.w.end() { // faults may prevent it
		m.w = &world{connString: cfg.Proxied, policies: fleetPolicies(cfg.Long)}
		err := m.open(ctx)
		if err == nil {
			break
		}
		if time.Now().After(until) {
			return fmt.Errorf("member %d: %w", cfg.Number, err)
		}
	}
	defer m.w.end()
	m.work(ctx)
	return nil
}

func (m *member) open(ctx context.Context) (err error) {
	if m.w.other, err = db.Open(ctx, m.cfg.Direct, nil); err != nil {
		return err
	}
	m.w.close = append(m.w.close, m.w.other.Close)
	for _, t := range m.cfg.Tiers {
		m.w.stores = append(m.w.stores, memberStore{m: m, cfg: t})
	}
	if m.on, err = m.w.open(ctx, m.cfg.Number, fmt.Sprintf("member %d", m.cfg.Number)); err != nil {
		return err
	}
	if err := m.w.addCache(ctx, m.on); err != nil {
		return err
	}
	if _, err := m.on.cache.Follow(m.on.pg); err != nil {
		return err
	}
	m.zones = make(map[string]*querycache.ReadThrough)
	for zone := range zoneHours {
		var reads *querycache.ReadThrough
		if err := m.w.addReads(ctx, &reads, zone); err != nil {
			return err
		}
		m.zones[zone] = reads
	}
	return nil
}

// A memberStore opens the Tiers of a member.
type memberStore struct {
	store
	m   *member
	cfg tierConfig
}

func (s memberStore) tier(ctx context.Context) (querycache.Tier, error) {
	t, err := s.cfg.open(ctx, s.m.w)
	if n, ok := t.(querycache.TierNotifier); ok {
		return dyingNotifier{dying{n, s.m}, n}, err
	}
	return dying{t, s.m}, err
}

// A dying Tier ends the process before a raise, when the board says so.
type dying struct {
	querycache.Tier
	m *member
}

func (d dying) Raise(ctx context.Context, names []string) error {
	if d.m.board.dieNext.CompareAndSwap(int32(d.m.cfg.Number)+1, 0) {
		d.m.board.died.Add(1)
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
	return d.Tier.Raise(ctx, names)
}

type dyingNotifier struct {
	dying
	notifier querycache.TierNotifier
}

func (d dyingNotifier) Notify(fn func([]string)) (stop func()) { return d.notifier.Notify(fn) }

const memberReaders = 3

// work reads and writes until the phase is phaseEnd.
func (m *member) work(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var all sync.WaitGroup
	for i := range m.values {
		if m.values[i].owner == m.cfg.Number {
			all.Go(func() { m.write(ctx, i) })
		}
	}
	for i := range memberReaders {
		r := rand.New(rand.NewPCG(m.cfg.Seed, uint64(100*m.cfg.Number+i)))
		all.Go(func() {
			for m.board.phase.Load() == phaseRun && ctx.Err() == nil {
				m.read(ctx, r)
			}
		})
	}
	all.Go(func() { m.countTiers(ctx) })
	all.Wait()
	m.board.reached[m.cfg.Number].Store(phaseLast)
	for m.board.phase.Load() < phaseCompare && ctx.Err() == nil {
		sleep(ctx, time.Millisecond)
	}
	m.compare(ctx)
	m.board.reached[m.cfg.Number].Store(phaseCompare)
}

// countTiers adds the counts of the tiers to the board.
func (m *member) countTiers(ctx context.Context) {
	before := make([]querycache.TierStats, len(m.cfg.Tiers))
	for running := true; running && ctx.Err() == nil; {
		running = m.board.phase.Load() == phaseRun
		sleep(ctx, 50*time.Millisecond)
		for i, now := range m.on.cache.Stats().Tiers {
			to := &m.board.tiers[i]
			to.hits.Add(now.Hits - before[i].Hits)
			to.misses.Add(now.Misses - before[i].Misses)
			to.passed.Add(now.Passed - before[i].Passed)
			to.errors.Add(now.Errors - before[i].Errors)
			before[i] = now
		}
	}
}

// write writes a value of the member until the last phase, in which it writes
// once more.
func (m *member) write(ctx context.Context, i int) {
	v, shared := m.values[i], &m.board.values[i]
	r := rand.New(rand.NewPCG(m.cfg.Seed, uint64(1000+i)))
	shared.note(m.truth(ctx, v)) // of a process before this one
	for last := false; !last && ctx.Err() == nil; {
		for range 5 + r.IntN(40) {
			if last = m.board.phase.Load() != phaseRun; !last {
				sleep(ctx, time.Millisecond)
			}
		}
		for !m.writeOnce(ctx, i, r) && last && ctx.Err() == nil {
		}
	}
}

// writeOnce writes a value, and reports whether that has succeeded.
func (m *member) writeOnce(ctx context.Context, i int, r *rand.Rand) bool {
	v, shared := m.values[i], &m.board.values[i]
	to := shared.tried.Add(1)
	calm := m.board.calm.begin()
	within, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	err := v.write(within, &writer{pg: m.on.pg}, to)
	m.writes.Add(1)
	if err != nil {
		m.lost.Add(1)
		m.noteError(err)
		to = max(m.own[i].Load(), m.truth(ctx, v)) // a lost write may still be under way
	}
	m.own[i].Store(to)
	shared.note(to)
	why := m.readValue(ctx, i, spot{on: m.on, tenant: tenants[r.IntN(len(tenants))], id: r.IntN(ids), form: form(r.IntN(int(forms)))}, v.quick)
	if err == nil && couldBeStored(why) && allRaised(m.on.cache) && m.board.calm.lasted(calm) {
		shared.raised.Store(to)
		if !m.board.calm.lasted(calm) {
			shared.raised.Store(0)
		}
	}
	return err == nil
}

func (m *member) noteError(err error) {
	if !explained(err) && !errors.Is(err, context.DeadlineExceeded) {
		m.check(Explained, false, "%v", err)
	}
}

// truth reads a value from the server, and retries until it succeeds.
func (m *member) truth(ctx context.Context, v *value) int64 {
	for {
		got, err := db.One[int64](ctx, m.w.other, db.SQL("SELECT v FROM "+v.source))
		if err == nil || ctx.Err() != nil {
			return got
		}
		sleep(ctx, 10*time.Millisecond)
	}
}

// read runs some reads of one value.
func (m *member) read(ctx context.Context, r *rand.Rand) {
	i := r.IntN(len(m.values))
	at := spot{on: m.on, tenant: tenants[r.IntN(len(tenants))]}
	for range 20 {
		at.id, at.form = r.IntN(ids), form(r.IntN(int(forms)))
		if m.readValue(ctx, i, at, m.values[i].quick) == 0 {
			sleep(ctx, time.Millisecond)
		}
	}
	m.readZone(ctx, r)
}

// readValue reads and checks a value. It returns how, or 0 after an error.
func (m *member) readValue(ctx context.Context, i int, at spot, stmt *db.Stmt[result]) (why querycache.Reason) {
	v, shared := m.values[i], &m.board.values[i]
	calm, begun := m.board.calm.begin(), now()
	raised, own := shared.raised.Load(), m.own[i].Load()
	least := shared.written(begun - int64(v.age))
	ctx = context.WithValue(context.WithValue(ctx, tenantKey{}, at.tenant), reasonKey{}, &why)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	got, err := ask(ctx, v, stmt, at)
	if err != nil {
		m.failed.Add(1)
		m.noteError(err)
		return 0
	}
	m.reads.Add(1)
	if why.Answered() {
		m.hits.Add(1)
	}
	where := fmt.Sprintf("member %d, %s, %s", m.cfg.Number, v, why)
	m.check(Keys, got.ID == at.id, "%s: asked for %d, got %d", where, at.id, got.ID)
	m.check(Scopes, got.Tenant == at.tenant, "%s: tenant %q got the result of %q", where, at.tenant, got.Tenant)
	m.check(Rollbacks, got.V != undoneValue, "%s", where)
	m.check(Together, got.V != torn, "%s", where)
	if got.V < 0 {
		return why
	}
	m.check(Ages, got.V >= least, "%s: %d, want at least %d", where, got.V, least)
	switch {
	case v.owner == m.cfg.Number:
		m.check(OwnWrites, got.V >= own, "%s: %d, want at least %d", where, got.V, own)
	case why != querycache.Hit && why != querycache.HitCoalesced && m.board.calm.lasted(calm):
		m.check(Elsewhere, got.V >= raised, "%s: %d, want at least %d", where, got.V, raised)
	}
	return why
}

var zoneHours = map[string]string{"UTC": "00", foreignZone: "09"}

// readZone reads in sessions of one time zone what depends on it.
func (m *member) readZone(ctx context.Context, r *rand.Rand) {
	for name, reads := range m.zones {
		got, err := zone.One(ctx, reads, r.IntN(ids))
		if err == nil {
			m.check(Sessions, got.Hour == zoneHours[name], "hour %s in %s", got.Hour, name)
		}
	}
}

// mostBehind is how long memory may be behind other processes after all faults
// and writes, for a machine that is busy.
const mostBehind = 15 * time.Second

// compare compares what the member reads with the server, after all writes.
func (m *member) compare(ctx context.Context) {
	until := time.Now().Add(mostBehind)
	for _, v := range m.values {
		want := m.truth(ctx, v)
		for n := range len(tenants) * ids * int(forms) {
			at := spot{on: m.on, tenant: tenants[n%len(tenants)], id: n / len(tenants) % ids, form: form(n / len(tenants) / ids)}
			var got result
			for {
				var err error
				got, err = ask(context.WithValue(ctx, tenantKey{}, at.tenant), v, v.quick, at)
				if err == nil && got.V == want || time.Now().After(until) {
					break
				}
				sleep(ctx, 5*time.Millisecond)
			}
			m.check(AfterWrites, got.V == want, "member %d, %s: %d, want %d as on the server", m.cfg.Number, v, got.V, want)
		}
	}
}
