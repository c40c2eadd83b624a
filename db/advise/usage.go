package advise

import (
	"context"
	"fmt"
	"reflect"
	"strings"

	"github.com/headrace/headrace/internal/sqltext"
)

// Thresholds of the advice that rests on Stats.
const (
	minCalls       = 10   // calls before rows per call count
	manyRows       = 1000 // rows of a call
	manyInserts    = 1000 // calls that insert one row
	maxRowsPerCall = 1.1  // of an INSERT of single rows
	minSkipped     = 1000 // rows that an OFFSET skips
	minSkipShare   = 0.5  // of the cost of the plan
)

// statsAdvice returns what the figures of the statement's calls show.
func statsAdvice(st subject) []Advice {
	if st.stats == nil || st.stats.Calls == 0 {
		return nil
	}
	perCall := float64(st.stats.Rows) / float64(st.stats.Calls)
	switch {
	case st.text.Kind == sqltext.Insert && len(st.text.Reads) == 0 && st.stats.Calls >= manyInserts && perCall > 0 && perCall <= maxRowsPerCall:
		return []Advice{{
			Kind: InsertLoop, Table: tableOf(st.text.Writes), Title: "Rows are inserted one by one",
			Evidence: fmt.Sprintf("%d calls inserted %d rows, and took %v in total: %v a row.",
				st.stats.Calls, st.stats.Rows, st.stats.Total, st.stats.Total/max(1, timeOf(st.stats.Rows))),
			Do: "Where the calls come from a loop, insert the rows together: by package batchinsert, by INSERT ... SELECT FROM unnest($1::int[], ...), or by COPY.",
		}}
	case st.text.Kind == sqltext.Select && st.stats.Calls >= minCalls && perCall >= manyRows && !isLimited(st.text.Text):
		return []Advice{{
			Kind: MissingLimit, Title: "The result is large and has no LIMIT",
			Evidence: fmt.Sprintf("%d calls returned %d rows: %s a call on average.", st.stats.Calls, st.stats.Rows, number(perCall)),
			Do:       "Read pages (Stmt.Page, db.Paginate), or stream the rows (Stmt.Each). Options.MaxRows bounds results that should never be large.",
		}}
	}
	return nil
}

// isLimited reports whether the text bounds its rows, or may do so.
func isLimited(text string) bool {
	parts, err := sqltext.Outline(text)
	return err != nil || parts.Limit
}

func tableOf(tables []sqltext.Table) string {
	if len(tables) != 1 {
		return ""
	}
	if tables[0].Schema == "" {
		return quoted(tables[0].Name)
	}
	return qualified(tables[0].Schema, tables[0].Name)
}

// offset reports an OFFSET that reads many rows to skip them.
func (q *inquiry) offset(_ context.Context, st subject) error {
	parts, err := sqltext.Outline(st.text.Text)
	if err != nil || !parts.Offset || q.root.NodeType != "Limit" || len(q.root.Plans) == 0 {
		return nil
	}
	input := q.root.Plans[0]
	perRow := (input.TotalCost - input.StartupCost) / max(input.Rows, 1)
	if perRow <= 0 {
		return nil
	}
	skipped := (q.root.StartupCost - input.StartupCost) / perRow
	share := (q.root.StartupCost - input.StartupCost) / q.root.TotalCost
	if input.NodeType == "Sort" || input.NodeType == "Gather Merge" {
		share = skipped / (skipped + q.root.Rows) // rows are sorted only to be skipped
	}
	if skipped < minSkipped || share < minSkipShare {
		return nil
	}
	q.advice = append(q.advice, Advice{
		Kind: OffsetPages, Title: "OFFSET reads rows only to skip them",
		Evidence: fmt.Sprintf("The plan skips an estimated %s rows to return %s: %.0f %% of the work. Each further page skips more.",
			number(skipped), number(q.root.Rows), 100*share),
		Do: "Read keyset pages (Stmt.Page, db.Paginate): they continue after the last row that was seen, by an index on the order.",
	})
	return nil
}

// unread reports columns that the struct has no field for.
func (q *inquiry) unread(ctx context.Context, st subject) error {
	if q.opts.Type == nil {
		return nil
	}
	sd, err := q.conn.Prepare(ctx, "", st.text.Text, nil)
	if err != nil {
		return refusalsOnly(err)
	}
	fields := fieldsOf(structOf(q.opts.Type))
	var unread []string
	width, all := 0.0, 0.0
	for _, f := range sd.Fields {
		bytes := q.widthOf(int64(f.TableOID), f.Name)
		all += bytes
		if !fields.has(f.Name) {
			unread, width = append(unread, f.Name), width+bytes
		}
	}
	if len(unread) == 0 {
		return nil
	}
	a := Advice{Kind: UnreadColumns, Title: fmt.Sprintf("%d of %d columns have no field in the struct", len(unread), len(sd.Fields))}
	a.Evidence = "Columns without a field: " + quotedAll(unread) + "."
	if all > 0 {
		a.Evidence += fmt.Sprintf(" They make up %s of %s bytes of an average row.", number(width), number(all))
	}
	a.Do = "Name the columns that are needed in the select list."
	if parts, err := sqltext.Outline(st.text.Text); err == nil && strings.Contains(parts.List.Of(st.text.Text), "*") {
		a.Do = "Replace * by the columns that are needed: an index may then answer the statement by itself, and large values are not read."
	}
	q.advice = append(q.advice, a)
	return nil
}

// widthOf returns the average width of a column of the plan's tables, 0 if
// unknown.
func (q *inquiry) widthOf(oid int64, name string) float64 {
	for _, t := range q.tables {
		if column := t.column(name); t.OID == oid && column != nil {
			return column.Width
		}
	}
	return 0
}

// fieldNames are the columns that a struct reads, as pgx.RowToStructByName
// matches them.
type fieldNames struct{ tagged, plain map[string]bool }

func (f fieldNames) has(column string) bool {
	column = strings.ToLower(column)
	return f.tagged[column] || f.plain[strings.ReplaceAll(column, "_", "")]
}

func fieldsOf(t reflect.Type) fieldNames {
	out := fieldNames{make(map[string]bool), make(map[string]bool)}
	for _, field := range reflect.VisibleFields(t) {
		tag, isTagged := field.Tag.Lookup("db")
		tag, _, _ = strings.Cut(tag, ",")
		switch {
		case !field.IsExported() || tag == "-" || field.Anonymous && !isTagged:
		case isTagged && tag != "":
			out.tagged[strings.ToLower(tag)] = true
		default:
			out.plain[strings.ToLower(strings.ReplaceAll(field.Name, "_", ""))] = true
		}
	}
	return out
}

// structOf returns the struct type that t is or points to, or nil.
func structOf(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	return t
}
