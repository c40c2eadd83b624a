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
	featureNotSupported = "0A000" // what a standby says to READ WRITE
)

// savepoint is where the transaction goes back to after each statement that
// the server parsed, be it right or not: that takes the function away that
// held it, and the locks on its relations.
const savepoint = "headrace_examined"

// A transaction is one in which statements are examined. It is rolled back.
type transaction struct {
	conn   *pgconn.PgConn
	path   string // the session's search path, as functions find it
	narrow bool   // the search path is that of the queries here
	*facts
}

// settingsQuery takes the snapshot, before anything of the examined statements
// is looked at: a change of the schema in between is then not in Version, and
// noticed with the next comparison.
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

// begin starts the transaction, and sends the units with it that make returns.
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

// lockTimeout keeps all that may wait from waiting much longer than one does.
func lockTimeout(waits int) string {
	return strconv.Itoa(max(5, 100/max(waits, 1))) + "ms"
}

// send sends units, those that may fail or lock something by themselves.
func (t *transaction) send(ctx context.Context, units ...*unit) error {
	return exchange(ctx, t.conn, units...)
}

// isolated sends units each of which may fail without harm to the others, and
// leaves nothing behind.
func isolated(units []*unit) []*unit {
	list := make([]*unit, 0, 2*len(units))
	for _, u := range units {
		list = append(list, u, newUnit(&request{sql: "ROLLBACK TO " + savepoint}))
	}
	return list
}

// narrowPath has the names in all that follows in the transaction mean the
// server's own objects, also after going back to the savepoint.
func (t *transaction) narrowPath() []*unit {
	if t.narrow {
		return nil
	}
	t.narrow = true
	return []*unit{newUnit(&request{sql: "SET LOCAL search_path = pg_catalog, pg_temp"}, &request{sql: "SAVEPOINT " + savepoint})}
}

// rollback ends the transaction, also when ctx has ended.
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
