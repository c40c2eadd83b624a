package target

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

// A Schema is a table as the server describes it.
type Schema struct {
	OID     uint32
	RelName string // without schema, as it appears in the CONTEXT of a COPY's error
	Kind    byte   // pg_class.relkind
	// BeforeTrigger reports whether a BEFORE INSERT trigger may replace NULLs
	// and suppress rows.
	BeforeTrigger bool
	MaySuppress   bool // triggers or rules may keep rows from being inserted or updated
	InsertOnly    bool // it has rules, row-level security or is a view, which COPY bypasses
	Rules         bool // ON INSERT
	Mergeable     bool // MERGE can write to it: it has no rules
	rowSecurity   bool // row-level security applies to the role
	insteadOf     bool // a view with an INSTEAD OF INSERT trigger
	Columns       []Column
	unique        atomic.Pointer[[]uniqueIndex] // nil until it is read
}

// A Column is a column of the table, as the catalogs describe it.
type Column struct {
	Name       string
	OID        uint32 // for a domain, of its base type
	arrayOID   uint32 // of the array type over oid; 0 without one
	TypeName   string // of oid, in SQL, without a length
	FullType   string // of oid, in SQL, with the column's length
	Kind       byte   // pg_type.typtype: e is an enum
	Category   byte   // pg_type.typcategory: A is an array
	NotNull    bool
	hasDefault bool
	Generated  bool
	Identity   bool
	Collation  string // in SQL; empty where it is the type's own
	labels     []string
}

// schemaQuery reads a table's columns. TypeName has no length (typmod -1): a
// cast to varchar(3) truncates silently, an assignment fails.
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

// querier is implemented by transactions and connections.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// ReadSchema reads the schema of a table. quoted is its quoted name.
func ReadSchema(ctx context.Context, q querier, quoted string) (*Schema, error) {
	rows, err := q.Query(ctx, schemaQuery, quoted)
	if err != nil {
		return nil, fmt.Errorf("ask for the columns: %w", err)
	}
	defer rows.Close()
	s := new(Schema)
	for rows.Next() {
		var c Column
		var relkind, kind, category string
		err := rows.Scan(&s.OID, &s.RelName, &relkind, &s.BeforeTrigger, &s.MaySuppress, &s.InsertOnly, &s.Rules, &s.Mergeable, &s.rowSecurity, &s.insteadOf,
			&c.Name, &c.OID, &c.arrayOID, &c.TypeName, &c.FullType, &kind, &category,
			&c.NotNull, &c.hasDefault, &c.Generated, &c.Identity, &c.Collation, &c.labels)
		if err != nil {
			return nil, fmt.Errorf("ask for the columns: %w", err)
		}
		s.Kind, c.Kind, c.Category = relkind[0], kind[0], category[0]
		s.Columns = append(s.Columns, c)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("ask for the columns: %w", err)
	}
	if len(s.Columns) == 0 {
		return nil, fmt.Errorf("table %s has no columns", quoted)
	}
	return s, nil
}

// Lock prevents changes of the table's definition until the transaction ends. It
// prepares an INSERT without running it, which takes the lock of a COPY and
// needs no privilege. It calls CheckEncoding.
func Lock(ctx context.Context, tx pgx.Tx, quoted string) error {
	if err := CheckEncoding(tx.Conn()); err != nil {
		return err
	}
	_, err := tx.Conn().PgConn().Prepare(ctx, "", "INSERT INTO "+quoted+" DEFAULT VALUES", nil)
	return err
}

// CheckEncoding returns an error if the session's client_encoding is not UTF8:
// the server would store text garbled.
func CheckEncoding(conn *pgx.Conn) error {
	if encoding := conn.PgConn().ParameterStatus("client_encoding"); encoding != "UTF8" && encoding != "" {
		return fmt.Errorf("the session's client_encoding is %s, and rows are sent as UTF8: set client_encoding=UTF8 in the connection string", encoding)
	}
	return nil
}

// CheckCopy returns an error if COPY FROM cannot write to the table. The server
// reports that only after it has received rows.
func (s *Schema) CheckCopy() error {
	switch {
	case s.rowSecurity:
		return fmt.Errorf("row-level security of %q applies to this role, and COPY does not support it; Insert and Upsert do", s.RelName)
	case s.Kind == 'v' && !s.insteadOf:
		return fmt.Errorf("cannot copy to view %q, which has no INSTEAD OF INSERT trigger; Insert can write to views", s.RelName)
	case s.Kind == 'm':
		return fmt.Errorf("cannot copy to materialized view %q", s.RelName)
	}
	return nil
}

// Column returns the column of this name, or nil.
func (s *Schema) Column(name string) *Column {
	i := slices.IndexFunc(s.Columns, func(c Column) bool { return c.Name == name })
	if i < 0 {
		return nil
	}
	return &s.Columns[i]
}

// Names returns the names of all columns, for errors.
func (s *Schema) Names() string {
	var names []string
	for _, c := range s.Columns {
		names = append(names, c.Name)
	}
	return strings.Join(names, ", ")
}

// target returns c as the encoder takes it.
func (s *Schema) target(c *Column) pgcopy.Column {
	out := pgcopy.Column{Name: c.Name, OID: c.OID, Type: c.TypeName, NotNull: c.NotNull && !s.BeforeTrigger}
	if c.Kind == 'e' {
		out.Labels = c.labels
	}
	return out
}

// InArrays is target for a column of unnest. Arrays, which unnest would flatten,
// and types without an array type known to the connection are sent as text.
func (s *Schema) InArrays(c *Column, f pgcopy.Field, m *pgtype.Map) pgcopy.Column {
	out := s.Staged(c, f, m)
	if _, known := m.TypeForOID(c.arrayOID); out.Labels == nil && (!known || c.Category == 'A') {
		out.Text = true
	}
	return out
}

// Staged is target for a column of a temporary table, which has the type text
// where the connection has no binary form for the values.
func (s *Schema) Staged(c *Column, f pgcopy.Field, m *pgtype.Map) pgcopy.Column {
	out := s.target(c)
	out.Text = pgcopy.NeedsText(m, f.Type, out)
	return out
}

// Statements is implemented by transactions and connections.
type Statements interface {
	querier
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}
