package paging

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/headrace/headrace/internal/keyset"
	"github.com/headrace/headrace/internal/sqltext"
)

// changing are the built-in functions whose value may change between two pages
// although nothing in the database has changed.
var changing = []string{
	"clock_timestamp", "current_date", "current_time", "current_timestamp", "gen_random_uuid", "localtime", "localtimestamp",
	"nextval", "now", "pg_current_xact_id", "random", "random_normal", "statement_timestamp", "timeofday", "transaction_timestamp",
	"txid_current", "uuid_generate_v1", "uuid_generate_v1mc", "uuid_generate_v4", "uuidv4", "uuidv7",
}

// checkStable rejects keys that the statement's select list computes with such
// functions: their rows would appear on no page, or on several.
func checkStable(text *sqltext.Statement, keys []keyset.Key) error {
	if !slices.ContainsFunc(text.Calls, isChanging) {
		return nil
	}
	parts, err := sqltext.Outline(text.Normalized)
	if err != nil {
		return err
	}
	for _, output := range sqltext.Outputs(parts.List.Of(text.Normalized)) {
		at := slices.IndexFunc(output.Calls, isChanging)
		if at < 0 || !slices.ContainsFunc(keys, func(k keyset.Key) bool { return k.Column == output.Name }) {
			continue
		}
		return fmt.Errorf("key %q calls %s, whose value changes from page to page: order by a stable column", output.Name, output.Calls[at].Name)
	}
	return nil
}

func isChanging(f sqltext.Function) bool {
	return slices.Contains(changing, f.Name) && (f.Schema == "" || f.Schema == "pg_catalog" || strings.HasPrefix(f.Name, "uuid_"))
}

// KeyAt returns the key whose name is at a position of a page's query, counted
// in characters from 1, or "".
func (p *Statement) KeyAt(sql string, place int) string {
	if place < 1 {
		return ""
	}
	for i := range sql {
		if place--; place == 0 {
			sql = sql[i:]
			break
		}
	}
	for _, key := range p.Keys {
		if strings.HasPrefix(sql, keyset.Quote(key.Column)) {
			return key.Column
		}
	}
	return ""
}

var paramPattern = regexp.MustCompile(`\$([0-9]+)`)

// ParamIn returns the number of the parameter whose value the server could not
// read, according to the context of its error, or 0. Source:
// bind_param_error_callback in src/backend/tcop/postgres.c, which writes the
// number before the value.
func ParamIn(where string) int {
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
