package paging

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/argkey"
	"github.com/headrace/headrace/internal/sqltext"
)

// ApplyRewriter applies the pgx.QueryRewriter among the leading arguments,
// which would otherwise rewrite the page's query instead of the statement. It
// keeps the other special arguments in front. It reports false if there is no
// rewriter.
func ApplyRewriter(ctx context.Context, text *sqltext.Statement, args []any) (*sqltext.Statement, []any, bool, error) {
	n, at := argkey.Special(args)
	if at < 0 {
		return nil, nil, false, nil
	}
	copies := argkey.Clone(args) // so that other calls keep their arguments on the stack
	sql, rest, err := copies[at].(pgx.QueryRewriter).RewriteQuery(ctx, nil, text.Text, copies[n:])
	if err != nil {
		return nil, nil, false, fmt.Errorf("rewrite the statement: %w", err)
	}
	kept := make([]any, 0, n+len(rest))
	for i, arg := range copies[:n] {
		if i != at {
			kept = append(kept, arg)
		}
	}
	return sqltext.Analyze(sql), append(kept, rest...), true, nil
}

// WithColumn returns arguments for a query with a further column after the
// statement's. If the caller set a format for each column, the further column
// gets one too.
func WithColumn(args []any) []any {
	n, _ := argkey.Special(args)
	for i, arg := range args[:n] {
		if formats, ok := arg.(pgx.QueryResultFormats); ok && len(formats) > 1 {
			args = slices.Clone(args)
			args[i] = append(slices.Clip(formats), pgx.BinaryFormatCode)
		}
	}
	return args
}

// ForOtherColumns returns arguments for a query with other columns, without the
// formats that the caller set for the statement's columns.
func ForOtherColumns(args []any) []any {
	n, _ := argkey.Special(args)
	special := slices.DeleteFunc(slices.Clone(args[:n]), func(arg any) bool {
		_, ok := arg.(pgx.QueryResultFormats)
		return ok
	})
	return append(special, args[n:]...)
}
