package querycache

import (
	"context"
	"time"
)

// A Tier stores results outside of the process, behind the memory of a [Cache]:
// in Redis (package rediscache) or in a table (package tablecache). All
// processes that have a Tier on the same store share its results.
//
// A Tier stores bytes, and the Cache decides which of them are valid. For this
// purpose a Tier also holds a version for each name, where a name stands for a
// table or a statement. A stored value includes the versions of its names from
// before its load. It is valid while these are the current versions.
//
// Keys and names have at most 512 bytes, are valid UTF-8, and contain neither
// spaces nor control characters. The methods are safe for concurrent use, and
// return when ctx ends. The Cache passes a context with a deadline
// (Options.TierTimeout), and stops calling a Tier after an error of Get or
// Raise until a call of Raise in the background succeeds. A panic counts as an
// error, and so does a call of Get that ends late.
type Tier interface {
	// Name names the kind of store in statistics, such as "redis": 1 to 64 bytes
	// of UTF-8.
	Name() string

	// Get returns the value of key, or a nil Value if there is none, and the
	// current versions of names in their order. It gives each name without a
	// version a new one. Versions must be at least as recent as the last Raise
	// that ended before the call.
	Get(ctx context.Context, key string, names []string) (TierValue, error)

	// Set stores a value until ttl has passed, by the clock of the store. ttl is
	// positive. The Tier may drop the value earlier. Set does not retain value.
	Set(ctx context.Context, key string, value []byte, ttl time.Duration) error

	// Raise gives each name a new version, which it has never had before. After
	// an error any of them may have its old one.
	Raise(ctx context.Context, names []string) error
}

// A TierValue is the result of [Tier.Get].
type TierValue struct {
	// Value is the stored value, which the caller may keep but not modify; nil
	// if there is none.
	Value []byte

	// TTL is the time until the value expires, by the clock of the store.
	TTL time.Duration

	// Versions are the versions of the names passed to Get. A version is not 0,
	// and differs from all versions that the name has had, also those that the
	// store has lost.
	Versions []uint64
}

// A TierNotifier is a [Tier] that learns of the raises of other processes. The
// memory of the Cache then follows them, too.
type TierNotifier interface {
	Tier

	// Notify makes the Tier call fn with the names that other processes have
	// raised, and with nil after it may have missed raises: the connection was
	// lost, or the store may have lost versions or gone back to earlier ones.
	// fn(nil) must be called before the next call of Get returns anything that
	// was read after the loss. fn returns quickly and may be called for raises
	// of this process. Each call of Notify adds a function, until stop is
	// called.
	Notify(fn func(names []string)) (stop func())
}
