package batchinsert

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/headrace/headrace/internal/pgcopy"
)

// A schema is what the server says about a table.
type schema struct {
	oid     uint32
	relname string // without schema, as it appears in the CONTEXT of a COPY's error
	kind    byte   // pg_class.relkind
	// beforeTrigger: a BEFORE INSERT trigger may fill NULLs in, and drop rows.
	beforeTrigger bool
	suppresses    bool // something in it may keep rows from being inserted or updated: triggers, rules
	insertOnly    bool // it has what COPY does not go by: rules, row-level security, or a view's query
	rules         bool // ON INSERT
	mergeable     bool // MERGE writes to it: it may have no rules at all
	rowSecurity   bool // policies apply to the role
	insteadOf     bool // an INSTEAD OF INSERT trigger writes for a view
	columns       []tableColumn
	unique        atomic.Pointer[[]uniqueIndex] // nil: not asked for yet
}

type tableColumn struct {
	name       string
	oid        uint32 // for a domain, of its base type
	arrayOID   uint32 // of the array type over oid; 0 without one
	typeName   string // of oid, in SQL, without a length
	fullType   string // of oid, in SQL, with the column's length
	kind       byte   // pg_type.typtype: e is an enum
	category   byte   // pg_type.typcategory: A is an array
	notNull    bool
	hasDefault bool
	generated  bool
	identity   bool
	collation  string // in SQL; empty where it is the type's own
	labels     []string
}

// schemaQuery asks for a table's columns. Types without a length (typmod -1),
// because a cast to varchar(3) cuts silently where an assignment complains.
const schemaQuery = `
SELECT c.oid, c.relname::text, c.relkind::text,
       EXISTS (SELECT FROM pg_catalog.pg_trigger g
               WHERE g.tgrelid IN (SELECT c.oid UNION SELECT relid FROM pg_catalog.pg_partition_tree(c.oid))
                 AND g.tgtype & 7 = 7 AND g.tgenabled <> 'D') OR c.relkind = 'v',
       EXISTS (SELECT FROM pg_catalog.pg_trigger g
               WHERE g.tgrelid IN (SELECT c.oid UNION SELECT relid FROM pg_catalog.pg_partition_tree(c.oid))
                 AND g.tgtype & 3 = 3 AND g.tgtype & 20 <> 0 AND g.tgenabled <> 'D') -- BEFORE, FOR EACH ROW, INSERT or UPDATE
           OR c.relkind NOT IN ('r', 'p') OR c.relhasrules OR c.relkind = 'r' AND c.relhassubclass,
       c.relkind NOT IN ('r', 'p') OR c.relhasrules OR pg_catalog.row_security_active(c.oid),
       EXISTS (SELECT FROM pg_catalog.pg_rewrite r WHERE r.ev_class = c.oid AND r.ev_type = '3'),
       c.relkind IN ('r', 'p') AND NOT c.relhasrules, pg_catalog.row_security_active(c.oid),
       EXISTS (SELECT FROM pg_catalog.pg_trigger g WHERE g.tgrelid = c.oid AND g.tgtype & 69 = 69 AND g.tgenabled <> 'D'),
       a.attname::text, t.oid, t.typarray, pg_catalog.format_type(t.oid, -1), pg_catalog.format_type(t.oid, b.typmod),
       t.typtype::text, t.typcategory::text,
       a.attnotnull, a.atthasdef, a.attgenerated <> '', a.attidentity <> '',
       coalesce((SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(l.collname)
                 FROM pg_catalog.pg_collation l JOIN pg_catalog.pg_namespace n ON n.oid = l.collnamespace
                 WHERE l.oid = a.attcollation AND l.oid <> t.typcollation), ''),
       ARRAY(SELECT e.enumlabel::text FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder)
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN LATERAL (
    WITH RECURSIVE base AS (
        SELECT d.oid, d.typtype, d.typbasetype, d.typtypmod, a.atttypmod AS typmod
        FROM pg_catalog.pg_type d WHERE d.oid = a.atttypid
        UNION ALL
        SELECT d.oid, d.typtype, d.typbasetype, d.typtypmod, base.typtypmod
        FROM pg_catalog.pg_type d JOIN base ON d.oid = base.typbasetype
    )
    SELECT oid, typmod FROM base WHERE typtype <> 'd'
) b ON true
JOIN pg_catalog.pg_type t ON t.oid = b.oid
WHERE c.oid = $1::text::regclass
ORDER BY a.attnum`

// querier is what transactions and connections have in common.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// readSchema asks the server about the table. quoted is a quoted name.
func readSchema(ctx context.Context, q querier, quoted string) (*schema, error) {
	rows, err := q.Query(ctx, schemaQuery, quoted)
	if err != nil {
		return nil, fmt.Errorf("ask for the columns: %w", err)
	}
	defer rows.Close()
	s := new(schema)
	for rows.Next() {
		var c tableColumn
		var relkind, kind, category string
		err := rows.Scan(&s.oid, &s.relname, &relkind, &s.beforeTrigger, &s.suppresses, &s.insertOnly, &s.rules, &s.mergeable, &s.rowSecurity, &s.insteadOf,
			&c.name, &c.oid, &c.arrayOID, &c.typeName, &c.fullType, &kind, &category,
			&c.notNull, &c.hasDefault, &c.generated, &c.identity, &c.collation, &c.labels)
		if err != nil {
			return nil, fmt.Errorf("ask for the columns: %w", err)
		}
		s.kind, c.kind, c.category = relkind[0], kind[0], category[0]
		s.columns = append(s.columns, c)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("ask for the columns: %w", err)
	}
	if len(s.columns) == 0 {
		return nil, fmt.Errorf("table %s has no columns", quoted)
	}
	return s, nil
}

// lock keeps the table's definition as it is until the transaction ends: it
// has the server analyse, and not run, an INSERT, which takes the lock that a
// COPY takes, without any privilege. It calls checkEncoding.
func lock(ctx context.Context, tx pgx.Tx, quoted string) error {
	if err := checkEncoding(tx.Conn()); err != nil {
		return err
	}
	_, err := tx.Conn().PgConn().Prepare(ctx, "", "INSERT INTO "+quoted+" DEFAULT VALUES", nil)
	return err
}

// checkEncoding refuses a session in which the server would take our text for that
// of another encoding, and store it garbled.
func checkEncoding(conn *pgx.Conn) error {
	if encoding := conn.PgConn().ParameterStatus("client_encoding"); encoding != "UTF8" && encoding != "" {
		return fmt.Errorf("the session's client_encoding is %s; rows are sent as UTF8", encoding)
	}
	return nil
}

// checkCopy refuses a table that COPY FROM does not write to. The server says so
// as well, once the source has been read for a while.
func (s *schema) checkCopy() error {
	switch {
	case s.rowSecurity:
		return fmt.Errorf("row-level security of %q applies to this role, and COPY does not support it; Insert and Upsert do", s.relname)
	case s.kind == 'v' && !s.insteadOf:
		return fmt.Errorf("cannot copy to view %q, which has no INSTEAD OF INSERT trigger; Insert can write to views", s.relname)
	case s.kind == 'm':
		return fmt.Errorf("cannot copy to materialized view %q", s.relname)
	}
	return nil
}

// column returns the column of this name, or nil.
func (s *schema) column(name string) *tableColumn {
	i := slices.IndexFunc(s.columns, func(c tableColumn) bool { return c.name == name })
	if i < 0 {
		return nil
	}
	return &s.columns[i]
}

// names lists the columns for an error.
func (s *schema) names() string {
	var names []string
	for _, c := range s.columns {
		names = append(names, c.name)
	}
	return strings.Join(names, ", ")
}

// target describes c to the encoder.
func (s *schema) target(c *tableColumn) pgcopy.Column {
	out := pgcopy.Column{Name: c.name, OID: c.oid, Type: c.typeName, NotNull: c.notNull && !s.beforeTrigger}
	if c.kind == 'e' {
		out.Labels = c.labels
	}
	return out
}

// inArrays is target for a column of unnest. Text stands in for what unnest
// would flatten and for what the connection has no array type for.
func (s *schema) inArrays(c *tableColumn, f pgcopy.Field, m *pgtype.Map) pgcopy.Column {
	out := s.staged(c, f, m)
	if _, known := m.TypeForOID(c.arrayOID); out.Labels == nil && (!known || c.category == 'A') {
		out.Text = true
	}
	return out
}

// staged is target for a column of a temporary table, which is one of text where
// the values have no binary form here.
func (s *schema) staged(c *tableColumn, f pgcopy.Field, m *pgtype.Map) pgcopy.Column {
	out := s.target(c)
	out.Text = pgcopy.NeedsText(m, f.Type, out)
	return out
}

// statements is what transactions and connections have in common.
type statements interface {
	querier
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}
