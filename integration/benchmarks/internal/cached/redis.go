package cached

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
	"github.com/headrace/headrace/integration/benchmarks/internal/shop"
)

// redisJSON reads rows as JSON from a Redis on the same machine, as many
// programs do. fill stores them.
func redisJSON(connString, address string, fill func(ctx context.Context, pg *db.DB, put func(key string, v any) error) error,
	op func(ctx context.Context, get func(ctx context.Context, key string, v any) error) (measure.Seen, error),
) measure.Subject {
	return measure.Subject{Name: "redis-json", Open: func(ctx context.Context) (measure.Op, func(), error) {
		pg, err := openDB(ctx, connString)
		if err != nil {
			return nil, nil, err
		}
		defer pg.Close()
		client := redis.NewClient(&redis.Options{Addr: address})
		closeFn := func() { _ = client.Close() }
		err = fill(ctx, pg, func(key string, v any) error {
			text, err := json.Marshal(v)
			if err != nil {
				return err
			}
			return client.Set(ctx, key, text, ttl).Err()
		})
		if err != nil {
			closeFn()
			return nil, nil, err
		}
		get := func(ctx context.Context, key string, v any) error {
			text, err := client.Get(ctx, key).Bytes()
			if err != nil {
				return err
			}
			return json.Unmarshal(text, v)
		}
		return func(ctx context.Context) (measure.Seen, error) { return op(ctx, get) }, closeFn, nil
	}}
}

func redisByKey(connString, address string, keys int) measure.Subject {
	name := func(id int64) string { return "order:" + strconv.FormatInt(id, 10) }
	id := int64(0)
	return redisJSON(connString, address, func(ctx context.Context, pg *db.DB, put func(string, any) error) error {
		for id := range int64(keys) {
			row, err := orderByID.One(ctx, pg, id+1)
			if err != nil {
				return err
			}
			if err := put(name(id+1), row); err != nil {
				return err
			}
		}
		return nil
	}, func(ctx context.Context, get func(context.Context, string, any) error) (measure.Seen, error) {
		id = id%int64(keys) + 1
		var row shop.Order12
		err := get(ctx, name(id), &row)
		if err == nil && row.ID != id {
			err = fmt.Errorf("asked for order %d, got %d", id, row.ID)
		}
		return measure.Seen{Rows: 1}, err
	})
}

func redisPage50(connString, address string) measure.Subject {
	const name = "orders:first50"
	return redisJSON(connString, address, func(ctx context.Context, pg *db.DB, put func(string, any) error) error {
		page, err := orderPages.Page(ctx, pg, byID, "", 50)
		if err != nil {
			return err
		}
		return put(name, page.Items)
	}, func(ctx context.Context, get func(context.Context, string, any) error) (measure.Seen, error) {
		var rows []shop.Order12
		if err := get(ctx, name, &rows); err != nil || len(rows) == 0 {
			return measure.Seen{}, err
		}
		return measure.Seen{Rows: len(rows), Last: rows[len(rows)-1].ID}, nil
	})
}
