package argkey

import "github.com/jackc/pgx/v5"

// Rewriter returns the query rewriter among the leading arguments, where pgx
// looks for it; nil if there is none.
func Rewriter(args []any) pgx.QueryRewriter {
	for _, arg := range args {
		switch arg := arg.(type) {
		case pgx.QueryExecMode, pgx.QueryResultFormats, pgx.QueryResultFormatsByOID:
		case pgx.QueryRewriter:
			return arg
		default:
			return nil
		}
	}
	return nil
}
