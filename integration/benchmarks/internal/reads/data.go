package reads

import (
	"context"
	_ "embed"
	"fmt"

	"github.com/jackc/pgx/v5"
)

//go:embed schema.sql
var schemaSQL string

//go:embed fill_orders.sql
var fillOrdersSQL string

//go:embed fill_products.sql
var fillProductsSQL string

// Fill creates the tables in an empty database: orders with so many rows, and
// 1,000 products. Values are computed from row numbers, so that all runs read
// the same rows.
func Fill(ctx context.Context, connString string, orders int) error {
	conn, err := pgx.Connect(ctx, connString)
	if err != nil {
		return fmt.Errorf("fill tables: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, schemaSQL); err != nil {
		return fmt.Errorf("create tables: %w", err)
	}
	if _, err := conn.Exec(ctx, fillOrdersSQL, orders); err != nil {
		return fmt.Errorf("fill orders: %w", err)
	}
	if _, err := conn.Exec(ctx, fillProductsSQL); err != nil {
		return fmt.Errorf("fill products: %w", err)
	}
	const finish = `
		CREATE INDEX orders_shipped ON orders (shipped_at, id);
		CREATE INDEX orders_mixed ON orders (price DESC, id);`
	if _, err := conn.Exec(ctx, finish); err != nil {
		return fmt.Errorf("index orders: %w", err)
	}
	if _, err := conn.Exec(ctx, `VACUUM ANALYZE orders, products`); err != nil {
		return fmt.Errorf("vacuum tables: %w", err)
	}
	return nil
}
