package reads

import (
	"context"
	"database/sql"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"github.com/headrace/headrace/integration/benchmarks/internal/entgen"
	"github.com/headrace/headrace/integration/benchmarks/internal/entgen/order"
	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
)

// overEnt is a reader on ent. It cannot stream, and its generated code reads
// orders only, not products.
func overEnt(read func(context.Context, *entgen.Client) (measure.Seen, error)) reader {
	return overSQL("ent", func(conn *sql.DB) (measure.Op, error) {
		client := entgen.NewClient(entgen.Driver(entsql.OpenDB(dialect.Postgres, conn)))
		return func(ctx context.Context) (measure.Seen, error) { return read(ctx, client) }, nil
	})
}

func entMany(rows int) reader {
	return overEnt(func(ctx context.Context, client *entgen.Client) (measure.Seen, error) {
		all, err := client.Order.Query().Order(order.ByID()).Limit(rows).All(ctx)
		return sawOrders(all), err
	})
}

// entTen leaves two of its fields empty.
func entTen(rows int) reader {
	ten := order.Columns[1:10] // ent adds the key itself
	return overEnt(func(ctx context.Context, client *entgen.Client) (measure.Seen, error) {
		query := client.Order.Query().Order(order.ByID()).Limit(rows)
		all, err := query.Select(ten...).All(ctx)
		return sawOrders(all), err
	})
}

func entOne() reader {
	return overEnt(func(ctx context.Context, client *entgen.Client) (measure.Seen, error) {
		row, err := client.Order.Get(ctx, oneID)
		if err != nil {
			return measure.Seen{}, err
		}
		return measure.Seen{Rows: 1, Last: row.ID}, nil
	})
}

func sawOrders(all []*entgen.Order) measure.Seen {
	if len(all) == 0 {
		return measure.Seen{}
	}
	return measure.Seen{Rows: len(all), Last: all[len(all)-1].ID}
}
