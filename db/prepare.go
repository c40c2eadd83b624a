package db

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/internal/changes"
	"github.com/headrace/headrace/internal/connecterror"
	"github.com/headrace/headrace/internal/sqltext"
)

// The statements of Options.Prepare are prepared when a connection opens. pgx
// finds a statement that was prepared with its own text as the name, and never
// discards it. So once a migration has invalidated one of them (0A000, see
// retry.go), all of them are deallocated before the connection is used again;
// from then on they are treated like all other statements.

// prepareHooks makes each new connection prepare the statements of
// Options.Prepare, after the hook AfterConnect.
func (d *DB) prepareHooks(cfg *pgxpool.Config) {
	if len(d.opts.Prepare) == 0 || !cachesStatements(cfg.ConnConfig) {
		return
	}
	connected := cfg.AfterConnect
	cfg.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		if connected != nil {
			if err := connected(ctx, conn); err != nil {
				return err
			}
		}
		return connecterror.Setup(conn, "Options.Prepare", d.prepareAll(ctx, conn))
	}
	prepare := cfg.PrepareConn
	if old := cfg.BeforeAcquire; prepare == nil && old != nil { //nolint:staticcheck // programs still use it
		prepare = func(ctx context.Context, conn *pgx.Conn) (bool, error) { return old(ctx, conn), nil } //nolint:unparam // the hook's type
	}
	cfg.PrepareConn = func(ctx context.Context, conn *pgx.Conn) (bool, error) {
		if err := d.deallocateStale(ctx, conn); err != nil {
			return false, nil //nolint:nilerr // the pool takes another connection
		}
		if prepare == nil {
			return true, nil
		}
		return prepare(ctx, conn)
	}
}

// cachesStatements reports whether statements may have names on the server: not
// behind a pooler, if the connection string sets another exec mode.
func cachesStatements(cfg *pgx.ConnConfig) bool {
	return cfg.DefaultQueryExecMode == pgx.QueryExecModeCacheStatement
}

// prepareAll prepares the statements on a new connection. Where a pooler shares
// one session between clients it stops at the first name that another client
// has prepared; the statements are then treated like all others.
func (d *DB) prepareAll(ctx context.Context, conn *pgx.Conn) error {
	for _, stmt := range d.opts.Prepare {
		_, err := conn.Prepare(ctx, numbered(stmt.statement()), numbered(stmt.statement()))
		switch {
		case connecterror.LostStatementName(err):
			d.tracker.CountUnknownName(changes.Of(conn))
			return nil
		case err != nil:
			return fmt.Errorf("prepare %s: %w", stmt.statement().Label(), err)
		}
	}
	return nil
}

// deallocateStale deallocates the statements that were prepared at connect, if
// the server has reported one of them as invalid. Called outside of
// transactions. A nil handle has prepared none.
func (d *DB) deallocateStale(ctx context.Context, conn *pgx.Conn) error {
	s := stateOf(conn)
	if d == nil || s == nil || !s.tracked.Stale() {
		return nil
	}
	for _, stmt := range d.opts.Prepare {
		if err := conn.Deallocate(ctx, numbered(stmt.statement())); err != nil {
			return err
		}
	}
	s.tracked.Renewed()
	return nil
}

// numbered returns the text that is sent after pgx.NamedArgs has numbered the
// parameters, or the normalized text if there are no named parameters.
func numbered(st *sqltext.Statement) string {
	if st.MaxParam > 0 || !strings.Contains(st.Text, "@") {
		return st.Normalized
	}
	sql, args, err := pgx.NamedArgs{}.RewriteQuery(context.Background(), nil, st.Text, nil)
	if err != nil || len(args) == 0 {
		return st.Normalized
	}
	return sql
}
