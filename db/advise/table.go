package advise

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// A table is what the catalogs say about a table, a partition or a materialized
// view.
type table struct {
	OID     int64    `json:"oid"`
	Schema  string   `json:"schema"`
	Name    string   `json:"name"`
	Root    string   `json:"root"`   // the partitioned table that it is a partition of, quoted, or ""
	Tuples  float64  `json:"tuples"` // as of the last ANALYZE or VACUUM; negative if unknown
	Pages   float64  `json:"pages"`
	Visible float64  `json:"visible"` // the share of pages that an index-only scan need not read
	Changed int64    `json:"changed"` // rows changed since the last ANALYZE
	Columns []column `json:"columns"`
	Indexes []index  `json:"indexes"`

	ForeignKeys []foreignKey `json:"foreign_keys"` // those of the table itself
}

type column struct {
	Name      string   `json:"name"`
	Type      string   `json:"type"`
	Width     float64  `json:"width"`     // average; 0 if unknown
	Distinct  float64  `json:"distinct"`  // as in pg_stats: negative for a share of the rows; 0 if unknown
	Collated  bool     `json:"collated"`  // compared by a collation other than C
	Coercible []string `json:"coercible"` // types that a cast to which changes nothing
}

type index struct {
	Name       string     `json:"name"`
	Method     string     `json:"method"`
	Unique     bool       `json:"is_unique"`
	Primary    bool       `json:"is_primary"`
	Constraint bool       `json:"is_constraint"` // of a constraint
	Valid      bool       `json:"is_valid"`
	Predicate  string     `json:"predicate"`
	Keys       []indexKey `json:"keys"`
	Include    []string   `json:"include"`
	Scans      int64      `json:"scans"`
	Bytes      int64      `json:"bytes"`
}

type indexKey struct {
	Column     string `json:"column"`     // or ""
	Expression string `json:"expression"` // or ""
	Class      string `json:"class"`      // operator class
	Default    bool   `json:"is_default"` // Class is the default of the type
	Collation  int64  `json:"collation"`
	Descending bool   `json:"descending"`
	NullsFirst bool   `json:"nulls_first"`
}

type foreignKey struct {
	Name       string   `json:"name"`
	Columns    []string `json:"columns"`
	Referenced string   `json:"referenced"` // schema.table, quoted
}

// minPages is the smallest size of a table for which advice is given. Smaller
// tables are read in well under a millisecond.
const minPages = 100

// tablesQuery reads tables; see table. Its condition is appended by its users.
const tablesQuery = `
SELECT json_agg(row_to_json(t)) FROM (
SELECT c.oid::int8 AS oid, n.nspname AS schema, c.relname AS name,
	CASE WHEN c.relispartition THEN pg_partition_root(c.oid)::regclass::text ELSE '' END AS root,
	pg_relation_size(c.oid) / current_setting('block_size')::int8 AS pages,
	c.reltuples AS tuples,
	CASE WHEN c.relpages > 0 THEN c.relallvisible / c.relpages::float8 ELSE 0 END AS visible,
	coalesce(pg_stat_get_mod_since_analyze(c.oid), 0) AS changed,
	(SELECT coalesce(json_agg(json_build_object(
		'name', a.attname, 'type', format_type(a.atttypid, NULL),
		'width', coalesce(s.avg_width, 0), 'distinct', coalesce(s.n_distinct, 0),
		'collated', a.attcollation <> 0 AND NOT coalesce((
			SELECT CASE WHEN l.collprovider = 'd' THEN d.datlocprovider = 'c' AND d.datcollate IN ('C', 'POSIX')
				ELSE l.collcollate IN ('C', 'POSIX') END
			FROM pg_collation l, pg_database d WHERE l.oid = a.attcollation AND d.datname = current_database()), false),
		'coercible', ARRAY(SELECT format_type(k.casttarget, NULL) FROM pg_cast k
			WHERE k.castsource = a.atttypid AND k.castmethod = 'b')) ORDER BY a.attnum), '[]')
	FROM pg_attribute a
	LEFT JOIN pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = a.attname AND NOT s.inherited
	WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
	(SELECT coalesce(json_agg(json_build_object(
		'name', x.relname, 'method', m.amname, 'is_unique', i.indisunique, 'is_primary', i.indisprimary,
		'is_valid', i.indisvalid, 'predicate', coalesce(pg_get_expr(i.indpred, i.indrelid), ''),
		'is_constraint', EXISTS (SELECT FROM pg_constraint o WHERE o.conindid = x.oid AND o.contype IN ('p', 'u', 'x')),
		'scans', coalesce(pg_stat_get_numscans(x.oid), 0), 'bytes', pg_relation_size(x.oid),
		'keys', (SELECT json_agg(json_build_object(
				'column', coalesce(a.attname, ''),
				'expression', CASE WHEN i.indkey[k - 1] = 0 THEN pg_get_indexdef(x.oid, k, false) ELSE '' END,
				'class', p.opcname, 'is_default', p.opcdefault, 'collation', i.indcollation[k - 1]::int8,
				'descending', i.indoption[k - 1] & 1 = 1, 'nulls_first', i.indoption[k - 1] & 2 = 2) ORDER BY k)
			FROM generate_series(1, i.indnkeyatts) k
			JOIN pg_opclass p ON p.oid = i.indclass[k - 1]
			LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[k - 1] AND a.attnum <> 0),
		'include', ARRAY(SELECT a.attname FROM generate_series(i.indnkeyatts + 1, i.indnatts) k
			JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[k - 1]))), '[]')
	FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam
	WHERE i.indrelid = c.oid) AS indexes,
	(SELECT coalesce(json_agg(json_build_object(
		'name', f.conname, 'referenced', f.confrelid::regclass::text,
		'columns', ARRAY(SELECT a.attname FROM unnest(f.conkey) WITH ORDINALITY u (attnum, place)
			JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.attnum ORDER BY u.place))), '[]')
	FROM pg_constraint f WHERE f.conrelid = c.oid AND f.contype = 'f') AS foreign_keys
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm') AND `

// tables reads the tables with the given schemas and names.
func (s *session) tables(ctx context.Context, names [][2]string) (map[[2]string]*table, error) {
	if len(names) == 0 {
		return nil, nil
	}
	list, err := json.Marshal(names)
	if err != nil {
		return nil, err
	}
	const named = `(n.nspname, c.relname) IN (SELECT r ->> 0, r ->> 1 FROM json_array_elements($1::json) r)) t`
	var found []*table
	if err := s.inCatalog(ctx, tablesQuery+named, &found, string(list)); err != nil {
		return nil, fmt.Errorf("read the catalogs: %w", err)
	}
	out := make(map[[2]string]*table, len(found))
	for _, t := range found {
		out[[2]string{t.Schema, t.Name}] = t
	}
	return out, nil
}

// label returns the name of the table, or of the partitioned table that it
// belongs to, for people and for SQL.
func (t *table) label() string {
	if t.Root != "" {
		return t.Root
	}
	return qualified(t.Schema, t.Name)
}

func (t *table) column(name string) *column {
	for i := range t.Columns {
		if t.Columns[i].Name == name {
			return &t.Columns[i]
		}
	}
	return nil
}

// castIsFree reports whether an index on the column serves the column cast to
// the type.
func (c *column) castIsFree(to string) bool {
	return to == "" || to == c.Type || slices.Contains(c.Coercible, to)
}

// distinctOf returns the estimated number of distinct values among n rows, 0 if
// unknown.
func (c *column) distinctOf(n float64) float64 {
	if c.Distinct < 0 {
		return -c.Distinct * n
	}
	return c.Distinct
}

// isUsable reports whether the index is a B-tree that lookups by its keys can
// use.
func (x *index) isUsable() bool { return x.Valid && x.Method == "btree" }

// leads reports whether the index begins with the column.
func (x *index) leads(column string) bool {
	return x.isUsable() && len(x.Keys) > 0 && x.Keys[0].Column == column
}

// leading returns an index without predicate that begins with the column, nil
// if there is none.
func (t *table) leading(column string) *index {
	for i := range t.Indexes {
		if x := &t.Indexes[i]; x.leads(column) && x.Predicate == "" {
			return x
		}
	}
	return nil
}

// isCovered reports whether an index of the table serves a lookup by the
// columns, in any order.
func (t *table) isCovered(columns []string) bool {
	return slices.ContainsFunc(t.Indexes, func(x index) bool {
		if !x.isUsable() || x.Predicate != "" || len(x.Keys) < len(columns) {
			return false
		}
		for _, key := range x.Keys[:len(columns)] {
			if key.Column == "" || !slices.Contains(columns, key.Column) {
				return false
			}
		}
		return true
	})
}

// qualified returns schema.name as it is written in SQL.
func qualified(schema, name string) string { return quoted(schema) + "." + quoted(name) }

// quoted returns an identifier, in quotes where it needs them.
func quoted(name string) string {
	for i, r := range name {
		if r >= 'a' && r <= 'z' || r == '_' || i > 0 && r >= '0' && r <= '9' {
			continue
		}
		return pgx.Identifier{name}.Sanitize()
	}
	if name == "" || isReserved[name] {
		return pgx.Identifier{name}.Sanitize()
	}
	return name
}

func quotedAll(names []string) string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = quoted(name)
	}
	return strings.Join(out, ", ")
}

// isReserved holds the words that PostgreSQL accepts as names only in quotes.
var isReserved = func() map[string]bool {
	const words = `all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate
		collation column concurrently constraint create cross current_catalog current_date current_role current_schema
		current_time current_timestamp current_user default deferrable desc distinct do else end except false fetch for
		foreign freeze from full grant group having ilike in initially inner intersect into is isnull join lateral
		leading left like limit localtime localtimestamp natural not notnull null offset on only or order outer overlaps
		placing primary references returning right select session_user similar some symmetric system_user table
		tablesample then to trailing true union unique user using variadic verbose when where window with`
	out := make(map[string]bool)
	for _, word := range strings.Fields(words) {
		out[word] = true
	}
	return out
}()
