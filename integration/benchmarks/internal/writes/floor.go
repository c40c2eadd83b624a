package writes

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
)

// floorCopy lets the server read the same rows from a file on its disk: the
// cost of COPY without a client. It needs a superuser.
func floorCopy[T any](t Target, j job[T]) measure.Subject {
	var path string
	open := func(ctx context.Context, t Target) (*pgxpool.Pool, func(), error) {
		pool, closePool, err := openPool(ctx, t)
		if err != nil {
			return nil, nil, err
		}
		if path, err = writeServerFile(ctx, pool, j); err != nil {
			closePool()
			return nil, nil, err
		}
		return pool, func() {
			_, _ = pool.Exec(context.WithoutCancel(ctx), "COPY (SELECT) TO PROGRAM "+literal("cat >/dev/null; rm -f '"+path+"'"))
			closePool()
		}, nil
	}
	return subject(t, j, "floor", open, func(ctx context.Context, pool *pgxpool.Pool, table string) (measure.Seen, error) {
		tag, err := pool.Exec(ctx, "COPY "+table+" "+j.kind.list()+" FROM "+literal(path)+" BINARY")
		return wrote(tag.RowsAffected()), err
	})
}

// writeServerFile lets the server write the rows to a file in its data
// directory.
func writeServerFile[T any](ctx context.Context, pool *pgxpool.Pool, j job[T]) (path string, err error) {
	table := j.table("floor")
	if err := pool.QueryRow(ctx, "SELECT current_setting('data_directory') || '/' || current_database() || '_' || $1::text", table).Scan(&path); err != nil {
		return "", err
	}
	stream, err := encodeStream(j)
	if err != nil {
		return "", err
	}
	if _, err := copyBytes(ctx, pool, "COPY "+table+" "+j.kind.list()+" FROM STDIN BINARY", stream); err != nil {
		return "", err
	}
	_, err = pool.Exec(ctx, "COPY "+table+" "+j.kind.list()+" TO "+literal(path)+" BINARY")
	return path, err
}

func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// mayReadFiles reports whether the role may read files of the server.
func mayReadFiles(ctx context.Context, config *pgxpool.Config) (may bool, err error) {
	conn, err := pgx.ConnectConfig(ctx, config.ConnConfig.Copy())
	if err != nil {
		return false, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if err := conn.QueryRow(ctx, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user").Scan(&may); err != nil {
		return false, fmt.Errorf("ask for the role's rights: %w", err)
	}
	return may, nil
}
