package load

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/internal/target"
)

// checkTarget returns an error if the load cannot write to the table, before any
// of the input is read. The server reports that only when it receives rows, or
// never for a dry run.
func (s *sender) checkTarget(ctx context.Context) error {
	names := make([]string, len(s.match.Columns))
	for i, c := range s.match.Columns {
		names[i] = c.Name
	}
	var byTrigger, policies, arrayNulls bool
	var denied *string
	err := s.tx.QueryRow(ctx, `
SELECT EXISTS (SELECT FROM pg_catalog.pg_trigger g
               WHERE g.tgrelid = $1::oid AND g.tgtype & 68 = 68 AND g.tgenabled <> 'D'), -- INSTEAD OF INSERT
       pg_catalog.row_security_active($1::oid), pg_catalog.current_setting('array_nulls')::bool,
       (SELECT min(a.attname::text) FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = $1::oid AND a.attname::text = ANY($2::text[]) AND NOT pg_catalog.has_column_privilege($1::oid, a.attnum, 'INSERT'))`,
		s.match.Schema.OID, names).Scan(&byTrigger, &policies, &arrayNulls, &denied)
	array := slices.IndexFunc(s.match.Columns, func(c *target.Column) bool { return c.Category == 'A' })
	copies := s.load.opts.OnConflict == nil
	switch table := s.load.table; {
	case err != nil:
		return fmt.Errorf("ask for the table's properties: %w", err)
	case s.match.Schema.Kind == 'm':
		return fmt.Errorf("%s is a materialized view, which only REFRESH writes to", table)
	case s.match.Schema.Kind == 'v' && copies && !byTrigger:
		return fmt.Errorf("%s is a view, which COPY writes to by an INSTEAD OF INSERT trigger only: load the table that it shows", table)
	case copies && policies:
		return fmt.Errorf("row-level security applies to %s for this role, and COPY does not obey its policies: load as the owner, or with LoadOptions.OnConflict", table)
	case !arrayNulls && array >= 0:
		return fmt.Errorf("array_nulls is off in this session, which makes text of a NULL in the arrays of column %q: set it to on", names[array])
	case denied != nil:
		return fmt.Errorf("permission denied: this role may not INSERT into column %q of %s", *denied, table)
	}
	return nil
}

// hideStage replaces the temporary table's name in an error of the server by the
// target's.
func (s *sender) hideStage(err error) {
	var pgErr *pgconn.PgError
	if s.relname != target.StageName || !errors.As(err, &pgErr) {
		return
	}
	name := s.match.Schema.RelName
	pgErr.Message = strings.ReplaceAll(pgErr.Message, `"`+target.StageName+`"`, `"`+name+`"`)
	if pgErr.TableName == target.StageName {
		pgErr.TableName = name
	}
}
