package paging

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/argkey"
	"github.com/headrace/headrace/internal/sqltext"
)

// ApplyRewriter applies the pgx.QueryRewriter among the leading arguments, which
// would else be given the page's query in place of the statement. The other
// special arguments are kept in front. It is false where there is none.
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

// WithColumn returns arguments for a query that has a column behind
// the statement's: it gets a format where the caller gave each column its own.
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

// ForOtherColumns returns arguments for a query whose columns are not the
// statement's, without the formats that the caller gave these.
func ForOtherColumns(args []any) []any {
	n, _ := argkey.Special(args)
	special := slices.DeleteFunc(slices.Clone(args[:n]), func(arg any) bool {
		_, ok := arg.(pgx.QueryResultFormats)
		return ok
	})
	return append(special, args[n:]...)
}
