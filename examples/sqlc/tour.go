package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/examples/shared/program"
	"github.com/headrace/headrace/examples/sqlc/store"
	"github.com/headrace/headrace/querycache"
)

// A tour uses the shop, and records the outcomes of cache lookups.
type tour struct {
	*program.Report
	*Shop
	last querycache.Reason // of the last read through the cached handle
}

// lookedUp is called on the goroutine of the read, which is always the same
// here.
func (t *tour) lookedUp(_ context.Context, l querycache.Lookup) { t.last = l.Reason }

func (t *tour) take(ctx context.Context) error {
	for _, step := range []struct {
		title string
		do    func(context.Context) error
	}{
		{"Generated code on the handle", t.onHandle},
		{"Generated code on the cached handle", t.cached},
		{"Own writes", t.ownWrites},
		{"Within a transaction", t.withinTx},
		{"A transaction that fails", t.rollBack},
	} {
		t.Step(step.title)
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.title, err)
		}
	}
	return nil
}

// onHandle fills the shop by COPY (:copyfrom of sqlc).
func (t *tour) onHandle(ctx context.Context) error {
	n, err := t.truth.AddProducts(ctx, []store.AddProductsParams{
		{Name: "kettle", PriceCents: 3990, Stock: 10},
		{Name: "teapot", PriceCents: 2450, Stock: 3},
		{Name: "cup", PriceCents: 690, Stock: 48},
	})
	if err != nil {
		return err
	}
	kettle, err := t.truth.ProductByName(ctx, "kettle")
	t.Claim(err == nil && n == 3 && kettle.Stock == 10, "%d products were copied, among them %d kettles", n, kettle.Stock)
	return err
}

func (t *tour) cached(ctx context.Context) error {
	first, err := t.product(ctx, "kettle")
	if err != nil {
		return err
	}
	t.Claim(t.last != querycache.Hit, "the first read goes to the server")
	second, err := t.untilHit(ctx, "kettle")
	t.Claim(err == nil && first == second, "a later read returns the same product, from memory")
	return err
}

// untilHit reads a product until it is a hit. After the first write of a kind
// nothing is stored for some milliseconds, until the server has reported its
// effects.
func (t *tour) untilHit(ctx context.Context, name string) (store.Product, error) {
	for range 1000 {
		if product, err := t.product(ctx, name); err != nil || t.last == querycache.Hit {
			return product, err
		}
		time.Sleep(5 * time.Millisecond)
	}
	return store.Product{}, fmt.Errorf("product %s is not cached: %s", name, t.last)
}

// ownWrites orders twice, which invalidates the entries of products and sales.
func (t *tour) ownWrites(ctx context.Context) error {
	kettle, err := t.product(ctx, "kettle")
	if err != nil {
		return err
	}
	for _, sold := range []int64{2, 4} {
		if err := t.Order(ctx, store.AddOrderParams{ProductID: kettle.ID, Quantity: 2}); err != nil {
			return err
		}
		sales, err := t.reads.Sales(ctx)
		if err != nil {
			return err
		}
		t.Say("%-14s Sales: %s, sold %d", t.last, sales[0].Name, sales[0].Sold)
		t.Claim(sales[0].Sold == sold, "the next read of the join sees the order: %d are sold", sold)
	}
	t.Claim(t.last != querycache.Hit, "it went to the server, because the order changed its tables")
	now, err := t.product(ctx, "kettle")
	t.Claim(err == nil && now.Stock == kettle.Stock-4, "the product reflects both orders: %d are left", now.Stock)
	return err
}

// withinTx reads in a transaction and outside it.
func (t *tour) withinTx(ctx context.Context) error {
	before, err := t.product(ctx, "cup")
	if err != nil {
		return err
	}
	six := []store.AddOrderParams{{ProductID: before.ID, Quantity: 6}}
	var inside, beside store.Product
	err = t.pg.InTx(ctx, db.TxOptions{}, func(tx pgx.Tx) error {
		q := t.truth.WithTx(tx)
		if err := order(ctx, q, six); err != nil {
			return err
		}
		if inside, err = q.ProductByName(ctx, "cup"); err != nil {
			return err
		}
		beside, err = t.product(ctx, "cup")
		return err
	})
	if err != nil {
		return err
	}
	t.Claim(inside.Stock == before.Stock-6, "the transaction sees its own writes: %d cups", inside.Stock)
	t.Claim(beside == before, "other reads do not, before it commits: %d cups", beside.Stock)
	after, err := t.product(ctx, "cup")
	t.Claim(err == nil && after == inside, "all reads see them afterwards")
	return err
}

// rollBack orders cups, which are in stock, and teapots, which are not.
func (t *tour) rollBack(ctx context.Context) error {
	cup, err := t.untilHit(ctx, "cup")
	if err != nil {
		return err
	}
	teapot, err := t.product(ctx, "teapot")
	if err != nil {
		return err
	}
	err = t.Order(ctx, store.AddOrderParams{ProductID: cup.ID, Quantity: 1}, store.AddOrderParams{ProductID: teapot.ID, Quantity: 4})
	t.Claim(errors.Is(err, ErrOutOfStock), "the order fails: %v", err)
	now, err := t.product(ctx, "cup")
	t.Claim(err == nil && now == cup && t.last == querycache.Hit, "the cups are unchanged, and their entry is still valid")
	return err
}

// product reads a product through the cached handle and prints the outcome of
// the lookup.
func (t *tour) product(ctx context.Context, name string) (store.Product, error) {
	p, err := t.reads.ProductByName(ctx, name)
	if err == nil {
		t.Say("%-14s ProductByName: %s, stock %d", t.last, p.Name, p.Stock)
	}
	return p, err
}
