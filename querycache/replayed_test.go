package querycache

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/internal/cacheapi"
	"github.com/headrace/headrace/internal/rowscan/replay"
)

// replayed is a cached handle whose loads read a recording.
type replayed struct {
	*ReadThrough
	rec *replay.Recording
}

func (r replayed) Load(ctx context.Context, read *cacheapi.Read, load func(context.Context, cacheapi.Querier) (any, int64, error)) (any, bool, error) {
	return r.ReadThrough.Load(ctx, read, func(ctx context.Context, q cacheapi.Querier) (any, int64, error) {
		return load(ctx, player{rec: r.rec})
	})
}

// player returns a recording for every query.
type player struct {
	db.Querier
	rec *replay.Recording
}

func (p player) Query(context.Context, string, ...any) (pgx.Rows, error) { return p.rec.Rows(nil), nil }

// offlineHandle returns a handle of c whose database is never asked.
func offlineHandle(t *testing.T, c *Cache) *ReadThrough {
	o := newOffline(t, nil, Policy{TTL: time.Hour, Shared: true})
	h, err := c.ReadThrough(o.reads.pg, o.reads.choose)
	if err != nil {
		t.Fatal(err)
	}
	h.source.effects, h.source.identify, h.source.current = o.reads.source.effects, o.reads.source.identify, o.reads.source.current
	return h
}
