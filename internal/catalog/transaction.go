package catalog

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	lockNotAvailable    = "55P03"
	featureNotSupported = "0A000" // a standby's error for READ WRITE
)

// savepoint is the savepoint to which the transaction rolls back after each
// statement that the server parsed, successfully or not. This removes the
// function that held it, and its locks on relations.
const savepoint = "headrace_examined"

// A transaction examines statements and is rolled back.
type transaction struct {
	conn   *pgconn.PgConn
	path   string // the session's search path, as functions find it
	narrow bool   // the search path is set for the queries of this package
	*facts
}

// settingsQuery takes the snapshot before anything about the examined
// statements is read: a schema change in between is then missing in Version,
// and the next comparison notices it.
//
// lock_timeout keeps an examined statement from waiting for the very
// transaction on whose behalf it is examined.
const settingsQuery = `
SELECT pg_catalog.current_setting('search_path'),
	ARRAY(SELECT t.evtfoid::pg_catalog.oid FROM pg_catalog.pg_event_trigger t
		WHERE t.evtenabled OPERATOR(pg_catalog.<>) 'D' AND t.evtevent OPERATOR(pg_catalog.<>) 'login'),
	pg_catalog.set_config('lock_timeout', $1, true), pg_catalog.set_config('check_function_bodies', 'off', true),
	pg_catalog.set_config('jit', 'off', true),
	(SELECT pg_catalog.string_agg(pg_catalog.quote_ident(s), ',') FROM pg_catalog.unnest(pg_catalog.current_schemas(true)) s),
	pg_catalog.has_database_privilege(pg_catalog.current_database(), 'TEMP')`

// begin starts the transaction, and sends the units that the function returns
// in the same round trip.
func (t *transaction) begin(ctx context.Context, waits int, units func() []*unit) error {
	mode := "READ WRITE"
	if t.conn.ParameterStatus("in_hot_standby") == "on" {
		mode = "READ ONLY"
	}
	err := t.tryBegin(ctx, mode, waits, units)
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok && pgErr.Code == featureNotSupported && mode != "READ ONLY" {
		if err := t.rollback(ctx); err != nil {
			return err
		}
		err = t.tryBegin(ctx, "READ ONLY", waits, units)
	}
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	return nil
}

func (t *transaction) tryBegin(ctx context.Context, mode string, waits int, units func() []*unit) error {
	settings := &request{sql: settingsQuery, args: []string{lockTimeout(waits)}}
	first := newUnit(
		&request{sql: "BEGIN ISOLATION LEVEL REPEATABLE READ, " + mode},
		settings,
		&request{sql: "SAVEPOINT " + savepoint})
	if err := t.send(ctx, append([]*unit{first}, units()...)...); err != nil {
		return err
	}
	if first.err != nil {
		return first.err
	}
	t.path = string(settings.rows[0][0])
	for _, oid := range strings.FieldsFunc(string(settings.rows[0][1]), func(r rune) bool { return r < '0' || r > '9' }) {
		t.eventTriggers = append(t.eventTriggers, value{word: oid}.oid())
	}
	t.schemas = schemasOf(string(settings.rows[0][5]))
	t.hasTemp = string(settings.rows[0][6]) == "t"
	t.inUTF8 = t.conn.ParameterStatus("server_encoding") == "UTF8"
	return nil
}

// lockTimeout bounds the total wait of several statements to little more than
// the wait of one.
func lockTimeout(waits int) string {
	return strconv.Itoa(max(5, 100/max(waits, 1))) + "ms"
}

// send sends units.
func (t *transaction) send(ctx context.Context, units ...*unit) error {
	return exchange(ctx, t.conn, units...)
}

// isolated returns units with a rollback to the savepoint after each, so that a
// unit may fail without affecting the others, and leaves nothing behind.
func isolated(units []*unit) []*unit {
	list := make([]*unit, 0, 2*len(units))
	for _, u := range units {
		list = append(list, u, newUnit(&request{sql: "ROLLBACK TO " + savepoint}))
	}
	return list
}

// narrowPath makes names refer to the server's own objects for the rest of the
// transaction, even after a rollback to the savepoint.
func (t *transaction) narrowPath() []*unit {
	if t.narrow {
		return nil
	}
	t.narrow = true
	return []*unit{newUnit(&request{sql: "SET LOCAL search_path = pg_catalog, pg_temp"}, &request{sql: "SAVEPOINT " + savepoint})}
}

// rollback ends the transaction, even if ctx has ended.
func (t *transaction) rollback(ctx context.Context) error {
	if t.conn.IsClosed() || t.conn.TxStatus() == 'I' {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if _, err := t.conn.Exec(ctx, "ROLLBACK").ReadAll(); err != nil {
		return fmt.Errorf("roll back: %w", err)
	}
	return nil
}
