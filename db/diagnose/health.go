package diagnose

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/internal/cacheapi"
	"github.com/headrace/headrace/querycache"
)

// HealthOptions configures a Health. The zero value, and a nil *HealthOptions,
// mean the defaults.
type HealthOptions struct {
	// Caches are the caches to check, by a name for display. A cache that does
	// not work, or has a further tier that is down, degrades the program; it does
	// not make it unready.
	Caches map[string]*querycache.Cache

	// Migrations returns an error if the schema is not at the version that the
	// program needs. It must return when its context is done. The text of the
	// error is part of the report, unless the error is the server's: then the
	// report has its code. Default nil: not checked.
	Migrations func(context.Context) error

	// Lag returns the lag of a replica, and must return when its context is
	// done. A lag above MaxLag, or an error, degrades the program. Default nil:
	// there is no replica.
	Lag func(context.Context) (time.Duration, error)

	// MaxLag is the greatest lag of a healthy replica. Default 10 s.
	MaxLag time.Duration

	// Standby says that the handle may be to a standby. Otherwise a server in
	// recovery degrades the program.
	Standby bool

	// Timeout bounds each check. Default 1 s.
	Timeout time.Duration
}

const (
	defaultMaxLag        = 10 * time.Second
	defaultHealthTimeout = time.Second

	reportFor = time.Second // a report is returned to further callers

	// exhaustedFor is how long all connections must have been in use, each by
	// one holder, for the pool to count as exhausted.
	exhaustedFor = time.Second
)

func (o *HealthOptions) withDefaults() HealthOptions {
	var out HealthOptions
	if o != nil {
		out = *o
	}
	if out.MaxLag == 0 {
		out.MaxLag = defaultMaxLag
	}
	if out.Timeout == 0 {
		out.Timeout = defaultHealthTimeout
	}
	out.Caches = maps.Clone(out.Caches)
	return out
}

func (o *HealthOptions) validate() error {
	switch {
	case o == nil:
		return nil
	case o.MaxLag < 0:
		return fmt.Errorf("diagnose: HealthOptions.MaxLag is %v: want 0 (the default, %v) or more", o.MaxLag, defaultMaxLag)
	case o.Timeout < 0:
		return fmt.Errorf("diagnose: HealthOptions.Timeout is %v: want 0 (the default, %v) or more", o.Timeout, defaultHealthTimeout)
	}
	return nil
}

// A Health answers whether the program is alive, and whether it is ready. It is
// safe for concurrent use.
type Health struct {
	pg         *db.DB
	opts       HealthOptions
	conn       *ownConn
	asking     call
	migrations call
	lag        call
	recovering atomic.Bool       // by the latest answer of the server
	off        map[string]uint64 // lookups in each cache while it was suspended or closed, at the last check; owned by the check under way

	mu      sync.Mutex
	latest  Report        // guarded by mu
	done    time.Time     // when latest was made; guarded by mu
	running chan struct{} // closed when the check under way has ended; nil if there is none; guarded by mu
	closed  bool          // guarded by mu
}

// NewHealth returns the health of a handle. It neither connects nor starts a
// goroutine. The caller must Close it.
func NewHealth(pg *db.DB, opts *HealthOptions) (*Health, error) {
	if pg == nil {
		return nil, errors.New("diagnose: NewHealth needs a handle, got nil")
	}
	if err := opts.validate(); err != nil {
		return nil, err
	}
	return &Health{pg: pg, opts: opts.withDefaults(), conn: newOwnConn(pg.Config()), off: make(map[string]uint64)}, nil
}

// A Report is the result of checks.
type Report struct {
	OK       bool      `json:"ok"`
	Degraded bool      `json:"degraded"` // something does not work, and the program works without it
	At       time.Time `json:"at"`
	Checks   []Check   `json:"checks"`
}

// A Check is the result of one check.
type Check struct {
	Name     string        `json:"name"`
	OK       bool          `json:"ok"`
	Degraded bool          `json:"degraded"`
	Detail   string        `json:"detail,omitempty"`
	Took     time.Duration `json:"took_ns"`
}

func report(checks ...Check) Report {
	out := Report{OK: true, At: time.Now(), Checks: checks}
	for _, c := range checks {
		out.OK = out.OK && c.OK
		out.Degraded = out.Degraded || c.Degraded || !c.OK
	}
	return out
}

// Live reports on the process only: it is OK if it returns. It does not ask the
// server, and takes microseconds. A live heap beyond 80 % of GOMEMLIMIT
// degrades the program.
func (h *Health) Live() Report {
	began := time.Now()
	r := readProcess()
	c := Check{
		Name: "process", OK: true,
		Detail: fmt.Sprintf("%d goroutines, live heap %s", r.goroutines, byteSize(float64(r.heapLive))),
	}
	if r.limit > 0 {
		c.Degraded = part(r.heapLive, r.limit) >= fullHeap
		c.Detail += " of GOMEMLIMIT " + byteSize(float64(r.limit))
	}
	c.Took = time.Since(began)
	return report(c)
}

// Ready reports whether the program can serve: whether the server answers, on a
// connection outside of the pool, whether the pool hands out connections, and
// what the options name. A report is returned to all callers for a second, and
// concurrent callers share one check. If ctx ends first, the report is not OK.
func (h *Health) Ready(ctx context.Context) Report {
	for {
		h.mu.Lock()
		if h.closed {
			h.mu.Unlock()
			return report(Check{Name: "health", Detail: "closed"})
		}
		if !h.done.IsZero() && time.Since(h.done) < reportFor {
			out := h.latest
			h.mu.Unlock()
			out.Checks = slices.Clone(out.Checks)
			return out
		}
		if h.running == nil {
			h.running = make(chan struct{})
			go h.check(h.running) //nolint:gosec // the check serves other callers too, and has a timeout of its own
		}
		running := h.running
		h.mu.Unlock()
		select {
		case <-running:
		case <-ctx.Done():
			return report(Check{Name: "health", Detail: "the check has not ended: " + describe(ctx.Err())})
		}
	}
}

// check makes a report, for all callers: it has no context of theirs. Its time is bounded: by the timeouts of the checks,
// which run at the same time.
func (h *Health) check(done chan struct{}) {
	latest := report(h.checks(context.Background())...)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.latest, h.done, h.running = latest, time.Now(), nil
	close(done)
}

// A checker makes one check. An error makes the check fail.
type checker struct {
	name string
	run  func(context.Context) (verdict, error)
}

// A verdict is the result of a check that did not fail.
type verdict struct {
	degraded bool
	detail   string
}

// checks runs all checks at the same time.
func (h *Health) checks(ctx context.Context) []Check {
	all := []checker{{"primary", h.primary}, {"pool", h.pool}}
	if h.opts.Migrations != nil {
		all = append(all, checker{"migrations", h.schema})
	}
	if h.opts.Lag != nil {
		all = append(all, checker{"replica", h.replica})
	}
	checked := make([]Check, len(all))
	var running sync.WaitGroup
	for i, c := range all {
		running.Go(func() { checked[i] = c.check(ctx, h.opts.Timeout) })
	}
	running.Wait()
	out := slices.Clip(checked)
	for _, name := range slices.Sorted(maps.Keys(h.opts.Caches)) {
		began := time.Now()
		v := h.cache(name)
		out = append(out, Check{Name: "cache " + name, OK: true, Degraded: v.degraded, Detail: v.detail, Took: time.Since(began)})
	}
	return out
}

func (c checker) check(ctx context.Context, timeout time.Duration) Check {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	began := time.Now()
	v, err := c.run(ctx)
	out := Check{Name: c.name, OK: err == nil, Degraded: v.degraded, Detail: v.detail, Took: time.Since(began)}
	if err != nil {
		out.Detail = describe(err)
	}
	return out
}

// primary checks that the server answers.
func (h *Health) primary(ctx context.Context) (v verdict, err error) {
	err = h.asking.do(ctx, func(ctx context.Context) error {
		return h.conn.do(ctx, func(ctx context.Context, conn *pgx.Conn) error {
			results, err := conn.PgConn().Exec(ctx, "SELECT pg_catalog.pg_is_in_recovery()").ReadAll() // by the simple protocol, which poolers know
			if err != nil {
				return err
			}
			if len(results) != 1 || len(results[0].Rows) != 1 {
				return errForm
			}
			h.recovering.Store(string(results[0].Rows[0][0]) == "t")
			return nil
		})
	})
	if err == nil && h.recovering.Load() {
		v = verdict{degraded: !h.opts.Standby, detail: "the server is a standby: it is in recovery"}
	}
	return v, err
}

// pool checks that the pool hands out connections.
func (h *Health) pool(context.Context) (verdict, error) {
	if cacheapi.HandleOf(h.pg).Closed() {
		return verdict{}, errors.New("the handle is closed")
	}
	stat := h.pg.Stat()
	inUse, most := int(stat.AcquiredConns()), int(stat.MaxConns())
	v := verdict{detail: fmt.Sprintf("%d of %d connections in use", inUse, most)}
	if inUse < most {
		return v, nil
	}
	waiting := int(h.pg.Stats().Waits.Waiting)
	v.degraded = waiting > 0
	v.detail += fmt.Sprintf(", %s", plural(waiting, "caller waits", "callers wait"))
	if held := h.pg.Held(exhaustedFor); waiting > 0 && len(held) >= most {
		return v, fmt.Errorf("exhausted: %s, and none was returned for %v", v.detail, exhaustedFor)
	}
	return v, nil
}

// schema checks the version of the schema.
func (h *Health) schema(ctx context.Context) (verdict, error) {
	return verdict{}, h.migrations.do(ctx, h.opts.Migrations)
}

// replica checks the lag of the replica. It never fails.
func (h *Health) replica(ctx context.Context) (verdict, error) {
	lag, err := callLag(ctx, &h.lag, h.opts.Lag)
	if err != nil {
		return verdict{degraded: true, detail: "the lag is unknown: " + describe(err)}, nil
	}
	return verdict{degraded: lag > h.opts.MaxLag, detail: "lag " + rounded(lag).String()}, nil
}

// cache checks a cache. It never fails: without a cache, reads go to the server.
func (h *Health) cache(name string) verdict {
	c := h.opts.Caches[name]
	if c == nil {
		return verdict{degraded: true, detail: "nil"}
	}
	s := c.Stats()
	off := s.Lookups[querycache.Suspended] + s.Lookups[querycache.RefusedClosed]
	v := verdict{detail: fmt.Sprintf("%d entries, %s of %s", s.Entries, byteSize(float64(s.Bytes)), byteSize(float64(s.MaxBytes)))}
	if s.Budget < s.MaxBytes {
		v.degraded = true
		v.detail += fmt.Sprintf(", limited to %s: memory is short", byteSize(float64(s.Budget)))
	}
	if off > h.off[name] {
		v.degraded = true
		v.detail += ", suspended or closed"
	}
	h.off[name] = off
	tiers := tierState(s.Tiers)
	v.degraded = v.degraded || tiers.degraded
	v.detail += tiers.detail
	return v
}

// Close closes the connection, and waits for a check under way. Ready then
// reports that it is closed. It may be called more than once.
func (h *Health) Close() {
	h.mu.Lock()
	h.closed = true
	running := h.running
	h.mu.Unlock()
	if running != nil {
		<-running
	}
	h.conn.close()
}
