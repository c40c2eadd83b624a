package db

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/headrace/headrace/internal/connecterror"
	"github.com/headrace/headrace/internal/keyset"
	"github.com/headrace/headrace/internal/sqltext"
)

// What an error of a page is due to: the statement, a key, or the cursor.

// changing are the server's functions whose value changes between two calls of
// a page, without anything in the database having changed.
var changing = []string{
	"clock_timestamp", "current_date", "current_time", "current_timestamp", "gen_random_uuid", "localtime", "localtimestamp",
	"nextval", "now", "pg_current_xact_id", "random", "random_normal", "statement_timestamp", "timeofday", "transaction_timestamp",
	"txid_current", "uuid_generate_v1", "uuid_generate_v1mc", "uuid_generate_v4", "uuidv4", "uuidv7",
}

// checkLasting refuses keys that the statement's select list makes from
// functions whose value changes: their rows would be on no page, or on several.
func checkLasting(text *sqltext.Statement, keys []keyset.Key) error {
	if !slices.ContainsFunc(text.Calls, isChanging) {
		return nil
	}
	shape, err := sqltext.Outline(text.Normalized)
	if err != nil {
		return err
	}
	for _, output := range sqltext.Outputs(shape.List.Of(text.Normalized)) {
		at := slices.IndexFunc(output.Calls, isChanging)
		if at < 0 || !slices.ContainsFunc(keys, func(k keyset.Key) bool { return k.Column == output.Name }) {
			continue
		}
		return fmt.Errorf("key %q calls %s, whose value changes from page to page: order by what stays", output.Name, output.Calls[at].Name)
	}
	return nil
}

func isChanging(f sqltext.Function) bool {
	return slices.Contains(changing, f.Name) && (f.Schema == "" || f.Schema == "pg_catalog" || strings.HasPrefix(f.Name, "uuid_"))
}

// blame says what a page's error err is due to. sql is the text that was sent.
func (c pageCall) blame(ctx context.Context, q Querier, from *keyset.Position, sql string, args []any, err error) error {
	pgErr, ok := connecterror.Server(err)
	if !ok {
		return err
	}
	if pgErr.Code == codeUndefinedColumn {
		if key := c.keyAt(sql, int(pgErr.Position)); key != "" {
			return fmt.Errorf("key %q is no column of the result (case counts): %w", key, err)
		}
	}
	if from == nil || len(from.Values) == 0 {
		return err
	}
	if n := paramIn(pgErr.Where); n > c.stmt.Params || n == 0 && c.outdated(ctx, q, from, args, pgErr.Code) {
		return ErrBadCursor
	}
	return err
}

// keyAt returns the key whose name is at a place of a page's query, counted in
// characters from 1, or "".
func (c pageCall) keyAt(sql string, place int) string {
	if place < 1 {
		return ""
	}
	for i := range sql {
		if place--; place == 0 {
			sql = sql[i:]
			break
		}
	}
	for _, key := range c.keys {
		if strings.HasPrefix(sql, keyset.Quote(key.Column)) {
			return key.Column
		}
	}
	return ""
}

var paramPattern = regexp.MustCompile(`\$([0-9]+)`)

// paramIn returns the number of the parameter whose value the server could not
// read, as the context of its error names it, or 0. Source: bind_param_error_callback
// in src/backend/tcop/postgres.c, which puts the number before the value.
func paramIn(where string) int {
	match := paramPattern.FindStringSubmatch(where)
	if match == nil {
		return 0
	}
	n, err := strconv.Atoi(match[1])
	if err != nil {
		return 0
	}
	return n
}

// outdated reports whether a page failed with the given code because of the
// values in its cursor: the type of a key was changed since, so that the server
// has no operator for them, or it no longer takes them, as with an enum's value
// that was renamed. It costs two questions, after such an error only; in a
// transaction, which has failed, it finds out nothing.
func (c pageCall) outdated(ctx context.Context, q Querier, from *keyset.Position, args []any, code string) bool {
	if code != codeUndefinedFunction && !strings.HasPrefix(code, classDataException) {
		return false
	}
	begin := (*keyset.Position)(nil)
	rows, err := q.Query(ctx, c.sql(begin.Shape(1)), args...)
	if err != nil {
		return false
	}
	r := newPageRows(rows, c, from)
	r.Next()
	rows.Close()
	if errors.Is(r.failed, ErrBadCursor) {
		return true
	}
	none := func(at *keyset.Position) error { // the server reads the values, and no row
		rows, err := q.Query(ctx, c.sql(at.Shape(0)), at.AppendArgs(slices.Clip(args))...)
		if err != nil {
			return err
		}
		rows.Close()
		return rows.Err()
	}
	_, unreadable := connecterror.Server(none(from))
	return unreadable && none(begin) == nil
}

const (
	codeUndefinedFunction = "42883"
	codeUndefinedColumn   = "42703"
	classDataException    = "22"
)
