package tablecache

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/querycache"
)

// Options configures a Tier. The zero value, and a nil *Options, mean the
// defaults.
type Options struct {
	// MaxBytes bounds the stored values of all processes together. Processes
	// should agree on it: the smallest one counts. Default 1 GiB.
	MaxBytes int64

	// MaxConns is the number of connections of the Tier. Default 4.
	MaxConns int32
}

const (
	defaultMaxBytes = 1 << 30
	defaultMaxConns = 4
)

// A Tier is a [querycache.Tier] in two tables. It is safe for concurrent use.
type Tier struct {
	pool     *pgxpool.Pool
	maxBytes int64

	cancel  context.CancelFunc // ends the removal
	running sync.WaitGroup
	once    sync.Once
}

// New returns a Tier in the database that connString leads to. It fails if the
// options are invalid, or if the server refuses the use of the tables: they are
// missing (see migrations.Install), the role lacks a right, or the server is a
// standby, whose tables cannot be written.
//
// New does not fail if the server cannot be reached, so that the program starts
// without it. Calls of the Tier then return errors until they can connect.
func New(ctx context.Context, connString string, opts *Options) (*Tier, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	switch {
	case o.MaxBytes < 0:
		return nil, fmt.Errorf("tablecache: Options.MaxBytes: %d is negative", o.MaxBytes)
	case o.MaxConns < 0:
		return nil, fmt.Errorf("tablecache: Options.MaxConns: %d is negative", o.MaxConns)
	case o.MaxBytes == 0:
		o.MaxBytes = defaultMaxBytes
	}
	cfg, err := pgxpool.ParseConfig(connString)
	if err != nil {
		return nil, fmt.Errorf("tablecache: %w", err)
	}
	cfg.MaxConns = defaultMaxConns
	if o.MaxConns > 0 {
		cfg.MaxConns = o.MaxConns
	}
	cfg.MinConns, cfg.MinIdleConns = 0, 0
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("tablecache: %w", err)
	}
	t := &Tier{pool: pool, maxBytes: o.MaxBytes}
	if err := t.check(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("tablecache: %w", err)
	}
	var removing context.Context
	removing, t.cancel = context.WithCancel(context.Background())
	t.running.Go(func() { t.remove(removing) })
	return t, nil
}

// check returns an error if the server refuses the use of the tables.
func (t *Tier) check(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := t.Raise(ctx, []string{"s/headrace.proof"})
	if err == nil {
		_, err = t.Get(ctx, "", nil)
	}
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Code[:2] != "57" && refused.Code[:2] != "53" { // starting, out of connections
		return err
	}
	return nil
}

// Close ends the removal of results and closes the connections. Calls that begin
// later return errors. Close may be called more than once.
func (t *Tier) Close() {
	t.once.Do(func() {
		t.cancel()
		t.running.Wait()
		t.pool.Close()
	})
}

// Name returns "table".
func (*Tier) Name() string { return "table" }

const getQuery = `
SELECT e.value, COALESCE(EXTRACT(EPOCH FROM e.expires - clock_timestamp()), 0)::float8,
	ARRAY(SELECT COALESCE(v.version, 0) FROM unnest($2::text[]) WITH ORDINALITY n (name, i)
		LEFT JOIN headrace.cache_versions v ON v.name = n.name ORDER BY n.i)
FROM (VALUES (1)) one LEFT JOIN headrace.cache_entries e ON e.key = $1 AND e.expires > clock_timestamp()`

// Get implements [querycache.Tier]. It takes one round trip, and two more if a
// name has no version yet.
func (t *Tier) Get(ctx context.Context, key string, names []string) (querycache.TierValue, error) {
	const attempts = 3 // other processes may remove the versions meanwhile
	for range attempts {
		v, missing, err := t.get(ctx, key, names)
		if err != nil {
			return querycache.TierValue{}, explain("get", err)
		}
		if len(missing) == 0 {
			return v, nil
		}
		if err := t.raise(ctx, missing, "NOTHING"); err != nil {
			return querycache.TierValue{}, explain("get", err)
		}
	}
	return querycache.TierValue{}, errors.New("tablecache: get: versions are removed as soon as they are made")
}

// get returns the value and the versions, with the names that have none.
func (t *Tier) get(ctx context.Context, key string, names []string) (v querycache.TierValue, missing []string, err error) {
	if names == nil {
		names = []string{}
	}
	var seconds float64
	var versions []int64
	if err := t.pool.QueryRow(ctx, getQuery, key, names).Scan(&v.Value, &seconds, &versions); err != nil {
		return v, nil, err
	}
	for i, version := range versions {
		if version == 0 {
			missing = append(missing, names[i])
		}
		v.Versions = append(v.Versions, uint64(version))
	}
	if v.Value != nil {
		v.TTL = time.Duration(seconds * float64(time.Second))
	}
	return v, missing, nil
}

const setQuery = `
INSERT INTO headrace.cache_entries (key, value, expires) VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3))
ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires = excluded.expires`

// Set implements [querycache.Tier].
func (t *Tier) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	if value == nil {
		value = []byte{}
	}
	_, err := t.pool.Exec(ctx, setQuery, key, value, ttl.Seconds())
	return explain("set", err)
}

// Raise implements [querycache.Tier]. Without names it proves that the server
// can be reached.
func (t *Tier) Raise(ctx context.Context, names []string) error {
	if len(names) == 0 {
		return explain("raise", t.pool.Ping(ctx))
	}
	return explain("raise", t.raise(ctx, names, "UPDATE SET version = excluded.version, raised = excluded.raised"))
}

// raise inserts versions for names, and does what follows ON CONFLICT DO for
// those that have one. All calls lock rows in the order of names, so that none
// waits for another in a circle.
func (t *Tier) raise(ctx context.Context, names []string, conflict string) error {
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	versions := make([]int64, len(names))
	for i := range versions {
		for versions[i] == 0 {
			versions[i] = int64(rand.Uint64())
		}
	}
	query := `INSERT INTO headrace.cache_versions (name, version, raised)
SELECT name, version, clock_timestamp() FROM unnest($1::text[], $2::bigint[]) n (name, version)
ON CONFLICT (name) DO ` + conflict
	_, err := t.pool.Exec(ctx, query, names, versions)
	return err
}

// explain adds the call to an error, and what to do about it.
func explain(call string, err error) error {
	if err == nil {
		return nil
	}
	advice := ""
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch refused.Code {
		case "42P01", "3F000", "42703": // no table, schema or column
			advice = ": the tables are missing in this database, or are those of an older version: call migrations.Install"
		case "42501":
			advice = ": the role needs SELECT, INSERT, UPDATE and DELETE on headrace.cache_entries and headrace.cache_versions"
		case "25006", "0A000", "55000": // read-only; unlogged tables during recovery
			advice = ": the server is a standby, or read-only"
		}
	}
	return fmt.Errorf("tablecache: %s%s: %w", call, advice, err)
}

var _ querycache.Tier = (*Tier)(nil)
