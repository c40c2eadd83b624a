package rediscache

import (
	"context"
	"slices"
	"strings"

	"github.com/redis/rueidis"

	"github.com/headrace/headrace/querycache"
)

// A Tier is a [querycache.TierNotifier] on Redis. [New] makes one with a client
// of its own, and [Tracking.Tier] one on a client of the program. It is safe for
// concurrent use.
type Tier struct {
	*store
	raises *raises
}

var (
	_ querycache.TierNotifier = (*Tier)(nil)
	_ querycache.Tier         = (*Untracked)(nil)
)

// New returns a Tier with a client of its own, after it has read and written a
// key. It fails if the options are invalid, or if Redis refuses: for example a
// wrong password, a missing permission, a replica, or a server without client
// tracking.
//
// New does not fail if Redis cannot be reached or is not ready (starting, full,
// or a cluster without quorum), so that the program starts without it. Calls of
// the Tier then return errors until they can connect. Call Raise without names
// to find out.
func New(ctx context.Context, opts Options) (*Tier, error) {
	prefix, err := checkPrefix(opts.Prefix)
	if err == nil {
		err = checkNew(&opts.Client)
	}
	if err != nil {
		return nil, activityError("new", err)
	}
	o := opts.Client
	o.InitAddress = slices.Clone(o.InitAddress)
	defaults(&o)
	raises := &raises{}
	raises.install(&o, prefix)
	s := newStore(prefix, strings.Join(o.InitAddress, ","), newConnector(o))
	if err := s.check(ctx); err != nil {
		return nil, err
	}
	return &Tier{store: s, raises: raises}, nil
}

// Notify makes the Tier call fn with the names that other processes have
// raised, and with nil for each new connection, lost connection and FLUSHALL.
// See [querycache.TierNotifier].
func (t *Tier) Notify(fn func(names []string)) (stop func()) { return t.raises.add(fn) }

// Tracking connects the invalidations of a client of the program to a [Tier].
type Tracking struct {
	prefix string
	where  string
	raises *raises
}

// Track prepares the options of a client of the program for a [Tier], before
// the program calls [rueidis.NewClient]. It sets ClientTrackingOptions,
// DialCtxFn, OnInvalidations, SendToReplicas and NewCacheStoreFn; the program's
// own functions are still called. DoCache of this client then caches nothing,
// unless ClientTrackingOptions already has the mode BCAST. An empty prefix is
// [DefaultPrefix].
func Track(option *rueidis.ClientOption, prefix string) (*Tracking, error) {
	prefix, err := checkPrefix(prefix)
	if err == nil {
		err = checkTracked(option)
	}
	if err != nil {
		return nil, activityError("track", err)
	}
	raises := &raises{}
	raises.install(option, prefix)
	if send := option.SendToReplicas; send != nil {
		option.SendToReplicas = func(cmd rueidis.Completed) bool {
			words := cmd.Commands()
			return (len(words) < 2 || !strings.HasPrefix(words[1], prefix)) && send(cmd)
		}
	}
	return &Tracking{prefix: prefix, where: strings.Join(option.InitAddress, ","), raises: raises}, nil
}

// Tier returns a Tier on client, which must have been made of the options
// passed to [Track], and which the program closes after the Tier. It fails as
// [New] does.
func (tr *Tracking) Tier(ctx context.Context, client rueidis.Client) (*Tier, error) {
	s := newStore(tr.prefix, tr.where, sharedClient{client})
	if err := s.check(ctx); err != nil {
		return nil, err
	}
	return &Tier{store: s, raises: tr.raises}, nil
}

// An Untracked is a [querycache.Tier] on a client of the program. Unlike a
// [Tier] it does not learn of the raises of other processes: results in the
// memory of this process do not follow them, and are valid until their TTL.
type Untracked struct {
	*store
}

// NewUntracked returns a tier on client, which the program closes after the
// tier. The client must read from primaries: a SendToReplicas function must be
// false for commands that are not marked as read-only. An empty prefix is
// [DefaultPrefix]. NewUntracked fails as [New] does.
func NewUntracked(ctx context.Context, client rueidis.Client, prefix string) (*Untracked, error) {
	prefix, err := checkPrefix(prefix)
	if err != nil {
		return nil, activityError("new", err)
	}
	s := newStore(prefix, addresses(client), sharedClient{client})
	if err := s.check(ctx); err != nil {
		return nil, err
	}
	return &Untracked{s}, nil
}

func addresses(client rueidis.Client) string {
	var all []string
	for address := range client.Nodes() {
		all = append(all, address)
	}
	slices.Sort(all)
	return strings.Join(all, ",")
}
