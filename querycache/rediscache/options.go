package rediscache

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/redis/rueidis"
)

// DefaultPrefix is the prefix of all keys if none is given.
const DefaultPrefix = "headrace:"

// Options configures [New].
type Options struct {
	// Client has the addresses of Redis, the user, TLS, Sentinel and timeouts.
	// Retries are always disabled. By default, each node has one connection,
	// which is given up if Redis is silent for two seconds (Dialer.KeepAlive
	// and ConnWriteTimeout).
	Client rueidis.ClientOption

	// Prefix begins the name of each key. Programs with different prefixes
	// share nothing. Default: [DefaultPrefix].
	Prefix string
}

const maxPrefix = 128

func checkPrefix(prefix string) (string, error) {
	if prefix == "" {
		return DefaultPrefix, nil
	}
	odd := func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }
	switch {
	case len(prefix) > maxPrefix:
		return "", fmt.Errorf("prefix of %d bytes, the limit is %d", len(prefix), maxPrefix)
	case !utf8.ValidString(prefix):
		return "", fmt.Errorf("prefix %q is not valid UTF-8", prefix)
	case strings.ContainsFunc(prefix, odd):
		return "", fmt.Errorf("prefix %q contains spaces or control characters", prefix)
	}
	return prefix, nil
}

// defaults completes the options of a client of the package's own.
func defaults(o *rueidis.ClientOption) {
	o.DisableRetry = true
	if o.PipelineMultiplex == 0 {
		o.PipelineMultiplex = -1 // one connection for each node
	}
	if o.BlockingPipeline == 0 {
		o.BlockingPipeline = -1 // long pipelines use the same connection, too
	}
	if o.Dialer.KeepAlive == 0 && o.ConnWriteTimeout == 0 { // of pings, and of their replies
		o.Dialer.KeepAlive, o.ConnWriteTimeout = time.Second/2, 3*time.Second/2
	}
	if o.ClusterOption.MaxMovedRedirections == 0 {
		o.ClusterOption.MaxMovedRedirections = 16
	}
	if o.Sentinel.MasterSet != "" && o.Sentinel.TopologyRefreshInterval == 0 {
		o.Sentinel.TopologyRefreshInterval = 5 * time.Second
	}
}

func checkNew(o *rueidis.ClientOption) error {
	if o.SendToReplicas != nil {
		return errors.New("the client's option SendToReplicas is set: a tier needs the primary")
	}
	return checkTracked(o)
}

// checkTracked rejects options with which a connection gets no invalidations,
// or reads go elsewhere than to the primary.
func checkTracked(o *rueidis.ClientOption) error {
	switch {
	case len(o.InitAddress) == 0:
		return errors.New("the client's option InitAddress has no address")
	case o.ReplicaOnly:
		return errors.New("the client's option ReplicaOnly is set: a tier needs the primary")
	case o.AlwaysRESP2, o.DisableCache, o.DisableAutoPipelining:
		return errors.New("the client's options AlwaysRESP2, DisableCache and DisableAutoPipelining" +
			" disable the tracking of raises: clear them, or use NewUntracked")
	case o.ClientTrackingOptions != nil && !hasWord(o.ClientTrackingOptions, "BCAST"):
		return fmt.Errorf("the client's option ClientTrackingOptions is %q: a tier needs the mode BCAST; leave the option empty,"+
			" or use a client of the tier's own", o.ClientTrackingOptions)
	}
	return nil
}

func hasWord(words []string, word string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return strings.EqualFold(w, word) })
}

// trackVersions adds the broadcasting of the version keys to the tracking.
func trackVersions(o *rueidis.ClientOption, prefix string) {
	if o.ClientTrackingOptions == nil {
		o.ClientTrackingOptions = []string{"BCAST", "NOLOOP", "PREFIX", prefix + versionPart}
		// The client's own cache would get no invalidations for other keys.
		o.NewCacheStoreFn = func(rueidis.CacheStoreOption) rueidis.CacheStore { return noCacheStore{} }
		return
	}
	if hasWord(o.ClientTrackingOptions, "PREFIX") { // else they are for all keys
		o.ClientTrackingOptions = append(slices.Clone(o.ClientTrackingOptions), "PREFIX", prefix+versionPart)
	}
}

// noCacheStore keeps nothing.
type noCacheStore struct{}

func (noCacheStore) Flight(string, string, time.Duration, time.Time) (v rueidis.RedisMessage, e rueidis.CacheEntry) {
	return v, nil
}
func (noCacheStore) Update(_, _ string, v rueidis.RedisMessage) int64 { return v.CachePXAT() }
func (noCacheStore) Cancel(string, string, error)                     {}
func (noCacheStore) Delete([]rueidis.RedisMessage)                    {}
func (noCacheStore) Close(error)                                      {}
