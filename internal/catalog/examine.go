package catalog

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/internal/sqltext"
)

// ErrLocked says that a relation of the statement was locked by somebody, as
// ALTER TABLE and TRUNCATE do. Examine does not wait for it: the lock may be
// held by the transaction that waits for Examine.
var ErrLocked = errors.New("a relation is locked")

// Examine tells what a statement does, as the server behind conn understands
// it under conn's role and search path. Nothing of the statement is run.
//
// conn is used exclusively for the time of the call and must not be in a
// transaction. All is done in one transaction that is rolled back, below pgx's
// tracers; with an error conn may be closed.
//
// The role needs the right TEMP on the database, and the server must not be a
// standby: without, what a statement reads is unknown, with [Unexamined] as the
// reason, and what it writes is known only where the text tells it. An error
// means that the statement could not be examined now (it has a mistake, a
// relation does not exist or is locked, the connection broke) and says nothing
// of later: [ErrLocked] and *pgconn.PgError can be told by errors.
//
// It takes some milliseconds and is meant to be asked once for each text, role
// and search path. A server that logs DDL statements logs the statement.
func Examine(ctx context.Context, conn *pgx.Conn, st *sqltext.Statement) (Effects, error) {
	pc := conn.PgConn()
	if pc.TxStatus() != 'I' {
		return Effects{}, errors.New("examine statement: the connection is in a transaction")
	}
	e, err := examine(ctx, pc, st)
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok && pgErr.Code == lockNotAvailable {
		return Effects{}, fmt.Errorf("examine statement: %w: %w", ErrLocked, err)
	}
	if err != nil {
		return Effects{}, fmt.Errorf("examine statement: %w", err)
	}
	return e, nil
}

func examine(ctx context.Context, conn *pgconn.PgConn, st *sqltext.Statement) (e Effects, err error) {
	if conn.ParameterStatus("standard_conforming_strings") == "off" {
		return unknownEffects(Unexamined, "standard_conforming_strings is off"), nil
	}
	switch st.Kind {
	case sqltext.Select, sqltext.Values, sqltext.TableQuery,
		sqltext.Insert, sqltext.Update, sqltext.Delete, sqltext.Merge:
	default:
		return examineUtility(ctx, conn, st)
	}
	err = inTransaction(ctx, conn, func(path string) error {
		e, err = examineQuery(ctx, conn, st, path)
		return err
	})
	return e, err
}

// unknownEffects are those of a statement of which nothing is known.
func unknownEffects(reason Reason, object string) Effects {
	return Effects{Refusals: []Refusal{{reason, object}}}
}

// examineQuery examines a statement that the server plans.
func examineQuery(ctx context.Context, conn *pgconn.PgConn, st *sqltext.Statement, path string) (Effects, error) {
	params, err := describe(ctx, conn, st.Text)
	if err != nil {
		return Effects{}, err
	}
	e := Effects{ReadsKnown: true, WritesKnown: true, ReadOnly: true, ParamTypes: params}
	w := newWalk(conn, path, &e)
	tree, err := probe(ctx, conn, st.Text, params)
	if refused, ok := errors.AsType[*refusedError](err); ok {
		return e, w.followText(ctx, st, refused)
	}
	if err != nil {
		return Effects{}, err
	}
	return e, w.followTree(ctx, st, tree)
}

// followTree follows the statement as the server parsed it.
func (w *walk) followTree(ctx context.Context, st *sqltext.Statement, tree string) error {
	parsed, err := parseTree(tree)
	if err != nil {
		return err
	}
	w.text = st.Text
	w.add(collect(parsed))
	if err := narrowPath(ctx, w.conn); err != nil {
		return err
	}
	return w.run(ctx)
}
