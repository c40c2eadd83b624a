package consistency

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/headrace/headrace/integration/faultproxy"
	"github.com/headrace/headrace/migrations"
	"github.com/headrace/headrace/querycache"
)

// A tableStore is the tables of package tablecache in the database of the run,
// behind a proxy of their own.
type tableStore struct {
	w     *world
	proxy *faultproxy.Proxy
	conn  string // by way of proxy
}

func newTableStore(ctx context.Context, w *world) (*tableStore, error) {
	if err := migrations.Install(ctx, w.other.Pool()); err != nil {
		return nil, err
	}
	proxy, err := faultproxy.Start(w.server.Addr())
	if err != nil {
		return nil, err
	}
	s := &tableStore{w: w, proxy: proxy}
	s.conn, err = proxy.ConnString(w.server.ConnStringFor(w.name))
	return s, err
}

func (s *tableStore) tier(ctx context.Context) (querycache.Tier, error) {
	return s.config().open(ctx, s.w)
}

func (s *tableStore) close() { _ = s.proxy.Close() }

func (*tableStore) notifies() bool { return false }

func (*tableStore) prompt() bool { return false }

func (s *tableStore) config() tierConfig { return tierConfig{Kind: Table, Addrs: []string{s.conn}} }

func (s *tableStore) fault(ctx context.Context, r *rand.Rand, _ lossFunc) {
	some := func(most time.Duration) { sleep(ctx, time.Duration(r.Int64N(int64(most)))) }
	switch r.IntN(5) {
	case 0:
		s.proxy.CutAll()
	case 1: // in the middle of a message
		s.proxy.Fail(faultproxy.Fault{Direction: faultproxy.Direction(r.IntN(2)), Plus: r.IntN(1000), Kind: faultproxy.Cut})
	case 2:
		s.proxy.Latency(time.Duration(r.IntN(60)) * time.Millisecond)
		some(200 * time.Millisecond)
		s.proxy.Latency(0)
	case 3:
		s.proxy.Refuse(true)
		s.proxy.CutAll()
		some(50 * time.Millisecond)
		s.proxy.Refuse(false)
	case 4:
		s.proxy.Silence(faultproxy.ToClient, true)
		some(100 * time.Millisecond)
		s.proxy.Silence(faultproxy.ToClient, false)
	}
	some(400 * time.Millisecond) // connections and caches recover slowly
}
