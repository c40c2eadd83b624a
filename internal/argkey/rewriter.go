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

// Special counts the leading arguments that are pgx's and not the
// statement's, and finds the one that counts as rewriter, or -1.
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
