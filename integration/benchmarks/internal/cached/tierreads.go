package cached

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/redis/go-redis/v9"
	"github.com/redis/rueidis"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
)

// work returns the work of reading the values of q, which tiers have.
func (q tierQuery[V]) work(d Database) measure.Work {
	w := measure.Work{Name: "tier/" + q.name, Expect: measure.Seen{Rows: q.rows}}
	if !q.slow {
		w.Baseline, w.Rounds = "headrace", 21
	}
	if d.Redis != "" {
		w.Subjects = append(w.Subjects, q.fromTier(d.ConnString, redisTier("headrace", d.Redis)))
	}
	w.Subjects = append(w.Subjects, q.fromTier(d.ConnString, tableTier("headrace-table", d.ConnString)), q.fromServer(d.ConnString))
	if d.Redis != "" {
		w.Subjects = append(w.Subjects,
			q.fromStore(d, "redis-json", openGoRedis, json.Marshal, json.Unmarshal),
			q.fromStore(d, "rueidis-json", openRueidis, json.Marshal, json.Unmarshal),
			q.fromStore(d, "redis-msgpack", openGoRedis, msgpack.Marshal, msgpack.Unmarshal))
	}
	return w
}

// fromTier reads through a cache whose memory is too little, from a tier that
// has everything.
func (q tierQuery[V]) fromTier(connString string, t tier) measure.Subject {
	var h *tiered
	return measure.Subject{
		Name: t.subject,
		Open: func(ctx context.Context) (_ measure.Op, _ func(), err error) {
			if h, err = openTiered(ctx, connString, t, littleMemory, patient); err != nil {
				return nil, nil, err
			}
			for n := range q.values {
				if _, err = q.read(ctx, h.reads, n); err != nil {
					break
				}
			}
			if err == nil {
				err = h.awaitSets(ctx, q.values)
			}
			if err != nil {
				h.close()
				return nil, nil, err
			}
			return q.op(func(ctx context.Context, n int) (V, error) { return q.read(ctx, h.reads, n) }), h.close, nil
		},
		Extra: func(context.Context) (map[string]float64, error) { return nil, h.proveTierHits(q.values) },
	}
}

// fromServer reads without a cache.
func (q tierQuery[V]) fromServer(connString string) measure.Subject {
	return measure.Subject{Name: "server", Open: func(ctx context.Context) (measure.Op, func(), error) {
		pg, err := openDB(ctx, connString)
		if err != nil {
			return nil, nil, err
		}
		return q.op(func(ctx context.Context, n int) (V, error) { return q.read(ctx, pg, n) }), pg.Close, nil
	}}
}

// A bytesStore is a client of Redis, as programs use it.
type bytesStore struct {
	get   func(ctx context.Context, key string) ([]byte, error)
	set   func(ctx context.Context, key string, value []byte) error
	close func()
}

func openGoRedis(address string) (bytesStore, error) {
	client := redis.NewClient(&redis.Options{Addr: address})
	return bytesStore{
		func(ctx context.Context, key string) ([]byte, error) { return client.Get(ctx, key).Bytes() },
		func(ctx context.Context, key string, value []byte) error {
			return client.Set(ctx, key, value, ttl).Err()
		},
		func() { _ = client.Close() },
	}, nil
}

func openRueidis(address string) (bytesStore, error) {
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{address}, DisableCache: true})
	if err != nil {
		return bytesStore{}, err
	}
	return bytesStore{
		func(ctx context.Context, key string) ([]byte, error) {
			return client.Do(ctx, client.B().Get().Key(key).Build()).AsBytes()
		},
		func(ctx context.Context, key string, value []byte) error {
			return client.Do(ctx, client.B().Set().Key(key).Value(rueidis.BinaryString(value)).Ex(ttl).Build()).Error()
		},
		client.Close,
	}, nil
}

// fromStore reads encoded values from Redis.
func (q tierQuery[V]) fromStore(d Database, subject string, open func(address string) (bytesStore, error),
	encode func(any) ([]byte, error), decode func([]byte, any) error,
) measure.Subject {
	key := func(n int) string { return subject + ":" + q.name + ":" + strconv.Itoa(n) }
	return measure.Subject{Name: subject, Open: func(ctx context.Context) (measure.Op, func(), error) {
		store, err := open(d.Redis)
		if err != nil {
			return nil, nil, err
		}
		err = q.each(ctx, d.ConnString, func(n int, value V) error {
			data, err := encode(value)
			if err != nil {
				return err
			}
			return store.set(ctx, key(n), data)
		})
		if err != nil {
			store.close()
			return nil, nil, err
		}
		return q.op(func(ctx context.Context, n int) (value V, err error) {
			data, err := store.get(ctx, key(n))
			if err == nil {
				err = decode(data, &value)
			}
			return value, err
		}), store.close, nil
	}}
}
