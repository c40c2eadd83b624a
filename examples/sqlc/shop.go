package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/examples/sqlc/store"
	"github.com/headrace/headrace/querycache"
)

// A Shop is a repository on code that sqlc generated. The code runs unchanged
// on the handle and on the cached handle, because both implement its interface
// DBTX.
type Shop struct {
	pg    *db.DB
	truth *store.Queries // on pg: the current state
	reads *store.Queries // on a cached handle: results may be as old as their policies allow
}

// policies refer to the names in queries.sql, which sqlc leaves in the texts.
// Other statements are not cached.
var policies = querycache.ByName{
	"ProductByName": {TTL: time.Minute},
	"Sales":         {TTL: time.Minute},
}

// NewShop returns a repository on a database and a cache that follows it.
func NewShop(pg *db.DB, cache *querycache.Cache) (*Shop, error) {
	reads, err := cache.ReadThrough(pg, policies)
	if err != nil {
		return nil, err
	}
	return &Shop{pg: pg, truth: store.New(pg), reads: store.New(reads)}, nil
}

// ErrOutOfStock is returned for an order that exceeds the stock.
var ErrOutOfStock = errors.New("out of stock")

// Order orders all of the items or none.
func (s *Shop) Order(ctx context.Context, items ...store.AddOrderParams) error {
	return s.pg.InTx(ctx, db.TxOptions{}, func(tx pgx.Tx) error {
		return order(ctx, s.truth.WithTx(tx), items)
	})
}

// order is Order in the transaction of q.
func order(ctx context.Context, q *store.Queries, items []store.AddOrderParams) error {
	for _, item := range items {
		taken, err := q.TakeFromStock(ctx, store.TakeFromStockParams{ProductID: item.ProductID, Quantity: item.Quantity})
		if err != nil {
			return err
		}
		if taken == 0 {
			return fmt.Errorf("%d of product %d: %w", item.Quantity, item.ProductID, ErrOutOfStock)
		}
		if _, err := q.AddOrder(ctx, item); err != nil {
			return err
		}
	}
	return nil
}
