package cached

import (
	"context"

	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
	"github.com/headrace/headrace/integration/redisserver"
	"github.com/headrace/headrace/querycache"
)

// deadWork returns the work of reading the values of q from the server, without
// a tier and with a tier whose Redis is dead.
func (q tierQuery[V]) deadWork(d Database) measure.Work {
	stop := func(s *redisserver.Server) error { s.Stop(); return nil }
	return measure.Work{
		Name: "tier/dead-" + q.name, Expect: measure.Seen{Rows: q.rows}, Baseline: noTier.subject, Rounds: 30,
		Subjects: []measure.Subject{
			q.past(d.ConnString, noTier, func() error { return nil }),
			q.pastRedis(d.ConnString, "headrace-stopped", stop),
			q.pastRedis(d.ConnString, "headrace-paused", (*redisserver.Server).Pause),
		},
	}
}

// pastRedis reads through a cache whose Redis dies after the first read.
func (q tierQuery[V]) pastRedis(connString, subject string, die func(*redisserver.Server) error) measure.Subject {
	var server *redisserver.Server
	t := tier{subject, func(ctx context.Context) (querycache.Tier, func(), error) {
		var err error
		if server, err = redisserver.Start(ctx, nil); err != nil {
			return nil, nil, err
		}
		closeServer := func() { _ = server.Close() } // it leaves a directory at worst
		store, closeTier, err := redisTier(subject, server.Addr()).open(ctx)
		if err != nil {
			closeServer()
			return nil, nil, err
		}
		return store, func() { closeServer(); closeTier() }, nil
	}}
	return q.past(connString, t, func() error { return die(server) })
}

// past reads through a cache whose memory is too little, after the tier has
// died.
func (q tierQuery[V]) past(connString string, t tier, die func() error) measure.Subject {
	return measure.Subject{Name: t.subject, Open: func(ctx context.Context) (measure.Op, func(), error) {
		h, err := openTiered(ctx, connString, t, littleMemory, 0)
		if err != nil {
			return nil, nil, err
		}
		if _, err = q.read(ctx, h.reads, 0); err == nil {
			err = die()
		}
		if err != nil {
			h.close()
			return nil, nil, err
		}
		return q.op(func(ctx context.Context, n int) (V, error) { return q.read(ctx, h.reads, n) }), h.close, nil
	}}
}
