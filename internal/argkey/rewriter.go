package argkey

import "github.com/jackc/pgx/v5"

// Rewriter returns the query rewriter among the leading arguments, where pgx
// looks for it, or nil.
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

// Special returns the number of leading arguments that are for pgx and not for
// the statement, and the index of the effective rewriter, or -1.
func Special(args []any) (n, rewriter int) {
	rewriter = -1
	for i, arg := range args {
		switch arg.(type) {
		case pgx.QueryResultFormats, pgx.QueryResultFormatsByOID, pgx.QueryExecMode:
		case pgx.QueryRewriter:
			rewriter = i
		default:
			return i, rewriter
		}
	}
	return len(args), rewriter
}
