package tablecache

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/querycache"
)

// A Tier is a [querycache.Tier] in tables of PostgreSQL. It is safe for
// concurrent use.
type Tier struct {
	pool     *pgxpool.Pool
	sql      statements
	where    string // for errors
	maxBytes int64
	logger   *slog.Logger

	closed  context.Context // ends with Close
	cancel  context.CancelFunc
	sweeper sync.WaitGroup
	written atomic.Int64  // bytes set since the last pass of this process
	pressed chan struct{} // has an element when written calls for a pass
}

var _ querycache.Tier = (*Tier)(nil)

// New returns a Tier with connections of its own to the database that
// connString names, a URL or a list of keywords. The tables must exist; see
// [Install] and [Migration].
//
// New fails if connString or an option is invalid, or if the server refuses:
// for example a wrong password, missing tables or permissions, a read-only
// session, or a standby. It does not fail if the server cannot be reached or
// does not accept connections for now, so that the program starts without it.
// Calls of the Tier then return errors until they can connect.
//
// The program closes the Tier after the Cache.
func New(ctx context.Context, connString string, opts *Options) (*Tier, error) {
	o, err := opts.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("tablecache: new: %w", err)
	}
	cfg, err := poolConfig(connString, o)
	if err != nil {
		return nil, fmt.Errorf("tablecache: new: %w", err)
	}
	// The pool outlives ctx.
	pool, err := pgxpool.NewWithConfig(context.WithoutCancel(ctx), cfg)
	if err != nil {
		return nil, fmt.Errorf("tablecache: new: create the pool: %w", err)
	}
	t := &Tier{
		pool:     pool,
		sql:      newStatements(o.Schema),
		where:    fmt.Sprintf("schema %q of database %q at %s", o.Schema, cfg.ConnConfig.Database, cfg.ConnConfig.Host),
		maxBytes: o.MaxBytes,
		logger:   o.Logger,
		pressed:  make(chan struct{}, 1),
	}
	t.closed, t.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if err := t.check(ctx, o.Schema); err != nil && !isTemporary(err) {
		t.Close()
		return nil, t.wrap("new", err)
	}
	t.sweeper.Go(func() { t.sweepEvery(o.SweepEvery) })
	return t, nil
}

// Close ends all calls and the removal of old rows, and closes the connections.
// Calls that begin later return errors. Close may be called more than once.
func (t *Tier) Close() {
	t.cancel()
	t.sweeper.Wait()
	t.pool.Close()
}

// Name returns "table".
func (t *Tier) Name() string { return "table" }

// Get returns a value and versions from one snapshot, in one round trip. Names
// without a version cost a second one. See [querycache.Tier].
func (t *Tier) Get(ctx context.Context, key string, names []string) (v querycache.TierValue, err error) {
	err = t.call(ctx, "get", func(ctx context.Context) error {
		v, err = t.get(ctx, key, names)
		return err
	})
	if err != nil {
		return querycache.TierValue{}, err
	}
	return v, nil
}

func (t *Tier) get(ctx context.Context, key string, names []string) (v querycache.TierValue, err error) {
	var versions []int64
	var ttl int64
	if err := t.pool.QueryRow(ctx, t.sql.get, key, names).Scan(&v.Value, &ttl, &versions); err != nil {
		return v, err
	}
	if v.TTL = time.Duration(ttl) * time.Microsecond; ttl <= 0 {
		v.Value, v.TTL = nil, 0 // it expired while the server ran the statement
	}
	v.Versions = make([]uint64, len(names))
	var missing []string
	for i, version := range versions {
		if v.Versions[i] = uint64(version); version == 0 {
			missing = append(missing, names[i])
		}
	}
	if len(missing) == 0 {
		return v, nil
	}
	made, err := t.makeVersions(ctx, missing)
	for i, name := range names {
		if v.Versions[i] == 0 {
			v.Versions[i] = made[name]
		}
	}
	return v, err
}

// makeVersions gives each name without a version one, and returns the versions
// of all names. Whichever process is first determines the version.
func (t *Tier) makeVersions(ctx context.Context, names []string) (map[string]uint64, error) {
	rows, err := t.pool.Query(ctx, t.sql.makeVersions, raised(names)...)
	if err != nil {
		return nil, err
	}
	made := make(map[string]uint64, len(names))
	var name string
	var version int64
	_, err = pgx.ForEachRow(rows, []any{&name, &version}, func() error {
		made[name] = uint64(version)
		return nil
	})
	return made, err
}

// Set stores a value. It returns an error if the value is larger than
// Options.MaxBytes or 512 MB. See [querycache.Tier].
func (t *Tier) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	if value == nil {
		value = []byte{} // not NULL
	}
	err := t.call(ctx, "set", func(ctx context.Context) error {
		if limit := min(t.maxBytes, maxValue); int64(len(value)) > limit {
			return fmt.Errorf("a value of %d bytes, the limit is %d", len(value), limit)
		}
		_, err := t.pool.Exec(ctx, t.sql.set, key, value, ttl.Microseconds())
		return err
	})
	if err == nil && t.written.Add(int64(len(value))) > t.maxBytes/pressShare {
		select {
		case t.pressed <- struct{}{}:
		default:
		}
	}
	return err
}

// maxValue leaves room for the rest of a message, which has at most 1 GB.
const maxValue = 512 << 20

// Raise gives each name a new version in one round trip and one transaction.
// Without names it proves that the tables can be reached and written. See
// [querycache.Tier].
func (t *Tier) Raise(ctx context.Context, names []string) error {
	return t.call(ctx, "raise", func(ctx context.Context) error {
		_, err := t.pool.Exec(ctx, t.sql.raise, raised(names)...)
		return err
	})
}

// raised returns the arguments that give names new versions: random ones, and
// not the successors of old ones, since a crash loses these. The names are
// unique, as ON CONFLICT requires, and sorted, so that no two statements wait
// for each other.
func raised(names []string) []any {
	names = slices.Clone(names)
	slices.Sort(names)
	names = slices.Compact(names)
	versions := make([]int64, len(names))
	for i := range versions {
		for versions[i] == 0 {
			versions[i] = int64(rand.Uint64())
		}
	}
	return []any{names, versions, (versionTTL + rand.N(versionTTL/7)).Microseconds()}
}

// versionTTL is how long a version is kept after its last raise. A longer TTL of
// a result has no effect. It keeps statements that are used no more from
// filling the table.
const versionTTL = 7 * 24 * time.Hour

// call calls f with a context that also ends with the Tier. It repeats f while
// the server asks for that, which it does if the isolation level of new
// transactions is not the default one.
func (t *Tier) call(ctx context.Context, activity string, f func(ctx context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(t.closed, cancel)()
	err := f(ctx)
	for isSerializationFailure(err) && ctx.Err() == nil {
		err = f(ctx)
	}
	if err != nil && t.closed.Err() != nil {
		err = errClosed
	}
	return t.wrap(activity, err)
}
