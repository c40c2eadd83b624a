package rediscache

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/redis/rueidis"
)

// versionTTL is how long a version is kept after its last raise. Reading does
// not extend it: each change of a version key, also of its TTL, is broadcast to
// all processes, as a raise is.
const versionTTL = 7 * 24 * time.Hour

// newVersion returns a random version that is not 0. It is random, and not the
// successor of another one, since Redis may have lost that.
func newVersion() uint64 {
	for {
		if v := rand.Uint64(); v != 0 {
			return v
		}
	}
}

// Versions are stored as 16 hexadecimal digits, for people with redis-cli.
func formatVersion(v uint64) string { return fmt.Sprintf("%016x", v) }

// parseVersion returns 0 for what formatVersion has not written.
func parseVersion(text string) uint64 {
	v, err := strconv.ParseUint(text, 16, 64)
	if err != nil || formatVersion(v) != text {
		return 0
	}
	return v
}

// newVersionTTL spreads the ends of versions that are made at once.
func newVersionTTL() time.Duration {
	return versionTTL + rand.N(versionTTL/7)
}

func raise(ctx context.Context, client rueidis.Client, keys []string) error {
	commands := make([]rueidis.Completed, len(keys))
	for i, key := range keys {
		commands[i] = setCommand(client, key, formatVersion(newVersion()), newVersionTTL())
	}
	for i, result := range client.DoMulti(ctx, commands...) {
		if err := result.Error(); err != nil {
			return keyError(keys[i], err)
		}
	}
	return nil
}

// versionsOf returns the versions of keys from the results of reading them. Keys
// without a version get one.
func versionsOf(ctx context.Context, client rueidis.Client, keys []string, results []rueidis.RedisResult) ([]uint64, error) {
	versions := make([]uint64, len(keys))
	var missing []string
	var damaged []string
	for i := range results {
		text, err := results[i].ToString()
		switch versions[i] = parseVersion(text); {
		case rueidis.IsRedisNil(err):
			missing = append(missing, keys[i])
		case err != nil:
			return nil, keyError(keys[i], err)
		case versions[i] == 0:
			damaged = append(damaged, keys[i])
		}
	}
	if len(missing)+len(damaged) == 0 {
		return versions, nil
	}
	// A damaged version is replaced, which is a raise.
	if len(damaged) > 0 {
		if err := raise(ctx, client, damaged); err != nil {
			return nil, err
		}
	}
	made, err := makeVersions(ctx, client, append(missing, damaged...))
	for i, key := range keys {
		if versions[i] == 0 {
			versions[i] = made[key]
		}
	}
	return versions, err
}

// makeVersions gives each key without a version one, and returns the versions of
// all keys. Whichever process is first determines the version.
func makeVersions(ctx context.Context, client rueidis.Client, keys []string) (map[string]uint64, error) {
	commands := make([]rueidis.Completed, 0, 2*len(keys))
	for _, key := range keys {
		ms := strconv.FormatInt(newVersionTTL().Milliseconds(), 10)
		add := client.B().Arbitrary("SET").Keys(key).Args(formatVersion(newVersion()), "NX", "PX", ms).Build()
		commands = append(commands, add, read(client, "GET", key))
	}
	results := client.DoMulti(ctx, commands...)
	versions := make(map[string]uint64, len(keys))
	for i, key := range keys {
		if err := results[2*i].Error(); err != nil && !rueidis.IsRedisNil(err) {
			return nil, keyError(key, err)
		}
		text, err := results[2*i+1].ToString()
		if rueidis.IsRedisNil(err) {
			err = errEvicted
		}
		if err != nil {
			return nil, keyError(key, err)
		}
		if versions[key] = parseVersion(text); versions[key] == 0 {
			return nil, keyError(key, errDamaged)
		}
	}
	return versions, nil
}

var (
	errEvicted = errors.New("a new version was gone at once: give Redis more memory (maxmemory)")
	errDamaged = errors.New("a new version was overwritten with something else: another program uses the same prefix")
)
