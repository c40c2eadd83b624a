package rediscache

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"github.com/headrace/headrace/querycache"
)

// The parts of keys after the prefix.
const (
	entryPart   = "e:"
	versionPart = "v:"
)

// probe is the key and the name with which a store is tried. It is none that a
// Cache may pass.
const probe = "headrace probe"

// maxValue is the limit of Redis.
const maxValue = 512 << 20

// A store implements [querycache.Tier].
type store struct {
	prefix string
	where  string // the addresses, for errors
	source clientSource
	calls  calls
}

func newStore(prefix, where string, source clientSource) *store {
	s := &store{prefix: prefix, where: where, source: source}
	s.calls.closed, s.calls.cancel = context.WithCancel(context.Background())
	return s
}

// Name returns "redis".
func (*store) Name() string { return "redis" }

// Get returns the value of key and the versions of names with one pipeline, and
// with a second one if a name has no version yet. In a cluster the nodes are
// asked at the same time.
func (s *store) Get(ctx context.Context, key string, names []string) (querycache.TierValue, error) {
	entry, keys := s.prefix+entryPart+key, s.versionKeys(names)
	v, err := within(ctx, &s.calls, func(ctx context.Context) (v querycache.TierValue, err error) {
		client, err := s.source.client()
		if err != nil {
			return v, err
		}
		return get(ctx, client, entry, keys)
	})
	return v, s.wrap("get", err)
}

// Set stores value for ttl, but no longer than versions are kept (a week).
func (s *store) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	if len(value) > maxValue {
		return s.wrap("set", errTooBig(len(value)))
	}
	entry, text := s.prefix+entryPart+key, string(value) // a copy, which outlives the call
	ttl = min(max(ttl, time.Millisecond), versionTTL)
	return s.wrap("set", s.do(ctx, func(ctx context.Context, client rueidis.Client) error {
		return keyError(entry, client.Do(ctx, setCommand(client, entry, text, ttl)).Error())
	}))
}

// Raise gives each name a new version with one pipeline. Without names it
// proves that Redis can be reached and written.
func (s *store) Raise(ctx context.Context, names []string) error {
	if len(names) == 0 {
		names = []string{probe}
	}
	keys := s.versionKeys(names)
	return s.wrap("raise", s.do(ctx, func(ctx context.Context, client rueidis.Client) error {
		return raise(ctx, client, keys)
	}))
}

// Close ends all calls and releases the connections of a client of the Tier's
// own. Calls that begin later return errors. Close may be called more than
// once.
func (s *store) Close() {
	s.calls.end()
	s.source.close()
	s.calls.running.Wait()
}

func (s *store) do(ctx context.Context, f func(ctx context.Context, client rueidis.Client) error) error {
	_, err := within(ctx, &s.calls, func(ctx context.Context) (struct{}, error) {
		client, err := s.source.client()
		if err != nil {
			return struct{}{}, err
		}
		return struct{}{}, f(ctx, client)
	})
	return err
}

// check tries the store. It closes the store and returns the error if it is one
// that waiting does not cure.
func (s *store) check(ctx context.Context) error {
	entry, keys := s.prefix+entryPart+probe, s.versionKeys([]string{probe})
	err := s.do(ctx, func(ctx context.Context, client rueidis.Client) error {
		if err := client.Do(ctx, setCommand(client, entry, "", time.Minute)).Error(); err != nil {
			return keyError(entry, err)
		}
		if err := raise(ctx, client, keys); err != nil {
			return err
		}
		_, err := get(ctx, client, entry, keys)
		return err
	})
	if err == nil || isTemporary(err) && !errors.Is(err, context.Canceled) {
		return nil
	}
	s.Close()
	return s.wrap("new", err)
}

func (s *store) versionKeys(names []string) []string {
	keys := make([]string, len(names))
	for i, name := range names {
		keys[i] = s.prefix + versionPart + name
	}
	return keys
}

// get asks for the TTL before and after the value. Another process may replace
// the value in between, and its TTL is at least the lesser of the two.
func get(ctx context.Context, client rueidis.Client, entry string, versionKeys []string) (v querycache.TierValue, err error) {
	commands := make([]rueidis.Completed, 0, 3+len(versionKeys))
	commands = append(commands, read(client, "PTTL", entry), read(client, "GET", entry), read(client, "PTTL", entry))
	for _, key := range versionKeys {
		commands = append(commands, read(client, "GET", key))
	}
	results := client.DoMulti(ctx, commands...)
	if v.Value, v.TTL, err = valueOf(results[:3]); err != nil {
		return v, keyError(entry, err)
	}
	v.Versions, err = versionsOf(ctx, client, versionKeys, results[3:])
	return v, err
}

func valueOf(results []rueidis.RedisResult) ([]byte, time.Duration, error) {
	before, err1 := results[0].AsInt64()
	value, err2 := results[1].AsBytes()
	after, err3 := results[2].AsInt64()
	if rueidis.IsRedisNil(err2) {
		err2 = nil
	}
	if err := firstError(err1, err2, err3); err != nil {
		return nil, 0, err
	}
	ttl := min(before, after)
	if ttl <= 0 { // no value, one that just expired, or one that this package has not set
		return nil, 0, nil
	}
	if value == nil {
		value = []byte{}
	}
	return value, time.Duration(ttl) * time.Millisecond, nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// read builds a command that reads a key. It is not marked as read-only, so
// that a client of the program neither retries it nor sends it to a replica.
func read(client rueidis.Client, command, key string) rueidis.Completed {
	return client.B().Arbitrary(command).Keys(key).Build()
}

// setCommand builds a command that stores a value. It is pinned: Redis may
// reject a big value before the client has written all of it, and the client
// would already reuse the memory of the command.
func setCommand(client rueidis.Client, key, value string, ttl time.Duration) rueidis.Completed {
	ms := strconv.FormatInt(ttl.Milliseconds(), 10)
	return client.B().Arbitrary("SET").Keys(key).Args(value, "PX", ms).Build().Pin()
}
