package migrations

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
)

// A Pool is a [*pgxpool.Pool], or a handle of package db, whose pool is used.
type Pool interface {
	Acquire(ctx context.Context) (*pgxpool.Conn, error)
}

// poolOf returns the pool that p is or has.
func poolOf(p Pool) (*pgxpool.Pool, error) {
	switch p := p.(type) {
	case *pgxpool.Pool:
		return p, nil
	case interface{ Pool() *pgxpool.Pool }:
		return p.Pool(), nil
	}
	return nil, fmt.Errorf("migrations: a %T is neither a *pgxpool.Pool nor a handle of package db", p)
}
