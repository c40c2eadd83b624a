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

// A tour uses the shop, and looks at where its answers come from.
type tour struct {
	*program.Account
	*Shop
	last querycache.Reason // of the last read through the cached handle
}

// lookedUp runs on the goroutine that reads, which here is always the same.
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

// onHandle fills the shop, by COPY: sqlc's :copyfrom.
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
	t.Claim(t.last != querycache.Hit, "the first answer comes from the server")
	second, err := t.kept(ctx, "kettle")
	t.Claim(err == nil && first == second, "a later one is the same, from memory")
	return err
}

// kept reads a product until the answer comes from memory. After a program's first
// write of a kind that takes some milliseconds: nothing is kept until the server
// has told which tables it changes.
func (t *tour) kept(ctx context.Context, name string) (store.Product, error) {
	for range 1000 {
		if product, err := t.product(ctx, name); err != nil || t.last == querycache.Hit {
			return product, err
		}
		time.Sleep(5 * time.Millisecond)
	}
	return store.Product{}, fmt.Errorf("product %s is not kept: %s", name, t.last)
}

// ownWrites orders twice: what was kept of products and sales is not handed out
// any more.
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
		t.Claim(sales[0].Sold == sold, "the next answer of the join has the order: %d are sold", sold)
	}
	t.Claim(t.last != querycache.Hit, "it was asked for again, because the order had changed its tables")
	now, err := t.product(ctx, "kettle")
	t.Claim(err == nil && now.Stock == kettle.Stock-4, "the product has both orders: %d are left", now.Stock)
	return err
}

// withinTx reads in a transaction and beside it.
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
	t.Claim(inside.Stock == before.Stock-6, "the transaction sees what it has done: %d cups", inside.Stock)
	t.Claim(beside == before, "nobody else does, before it commits: %d cups", beside.Stock)
	after, err := t.product(ctx, "cup")
	t.Claim(err == nil && after == inside, "everybody does afterwards")
	return err
}

// rollBack orders cups that are there, and teapots that are not.
func (t *tour) rollBack(ctx context.Context) error {
	cup, err := t.kept(ctx, "cup")
	if err != nil {
		return err
	}
	teapot, err := t.product(ctx, "teapot")
	if err != nil {
		return err
	}
	err = t.Order(ctx, store.AddOrderParams{ProductID: cup.ID, Quantity: 1}, store.AddOrderParams{ProductID: teapot.ID, Quantity: 4})
	t.Claim(errors.Is(err, ErrOutOfStock), "the order says: %v", err)
	now, err := t.product(ctx, "cup")
	t.Claim(err == nil && now == cup && t.last == querycache.Hit, "the cups are there, and what was kept of them is still good")
	return err
}

// product reads a product through the cached handle, and tells where the answer
// came from.
func (t *tour) product(ctx context.Context, name string) (store.Product, error) {
	p, err := t.reads.ProductByName(ctx, name)
	if err == nil {
		t.Say("%-14s ProductByName: %s, stock %d", t.last, p.Name, p.Stock)
	}
	return p, err
}
