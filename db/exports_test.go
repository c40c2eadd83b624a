package db

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
)

// exports lists the exported names of the package, each with its purpose. A name
// without a purpose of its own does not belong in the package.
var exports = map[string]string{
	"DB":                "the handle",
	"Open":              "makes a handle from a connection string",
	"OpenConfig":        "makes a handle with the program's own hooks or tracer",
	"New":               "makes a handle over an existing pool",
	"Options":           "configures a handle",
	"DB.Close":          "closes it",
	"DB.Acquire":        "pgxpool's method, so that the handle can replace a pool",
	"DB.Begin":          "likewise",
	"DB.BeginTx":        "likewise",
	"DB.CopyFrom":       "likewise",
	"DB.Exec":           "likewise",
	"DB.Ping":           "likewise",
	"DB.Query":          "likewise",
	"DB.QueryRow":       "likewise",
	"DB.SendBatch":      "likewise",
	"DB.Stat":           "likewise",
	"DB.AcquireFunc":    "likewise",
	"DB.AcquireAllIdle": "likewise",
	"DB.Reset":          "likewise",
	"DB.Config":         "likewise",
	"ApplyDefaults":     "Open's defaults for a configuration of the program",
	"DB.Pool":           "for libraries that take a pool, and for the pool's rarer methods",
	"DB.Check":          "finds at start what a migration broke",
	"DB.Stats":          "shows slow and failed statements",
	"Stats":             "the result of DB.Stats",
	"StatementStats":    "the figures of one fingerprint",
	"Waits":             "how long callers waited for a connection",

	"Histogram":             "durations, for windows and for metrics",
	"Histogram.Add":         "those of several statements",
	"Histogram.Sub":         "those of a window of time",
	"Histogram.Count":       "their number",
	"Histogram.CountUpTo":   "cumulative buckets, as Prometheus wants them",
	"Histogram.Quantile":    "percentiles of a window",
	"Histogram.Buckets":     "for charts, and for OpenTelemetry",
	"Profile":               "measures a part of a program",
	"ProfileCallSites":      "the same with the places that sent each statement",
	"Span":                  "the part that is measured",
	"Span.End":              "ends it",
	"Span.SetName":          "for middleware, which knows the route afterwards",
	"Span.Stats":            "its figures",
	"SpanStats":             "the figures of a span",
	"SpanStatement":         "the figures of a statement in a span",
	"CallSite":              "where a statement was sent",
	"Frame":                 "a place in the source",
	"Repeat":                "a statement in a loop: N+1",
	"Loop":                  "a repeat over all spans, for windows and metrics",
	"DB.Spans":              "the latest and the slowest spans",
	"Spans":                 "the result of DB.Spans",
	"DB.Held":               "finds connections that are not returned",
	"HeldConnection":        "such a connection",
	"DB.SampleAcquisitions": "finds out where they are acquired",

	"Compile":          "examines a statement once",
	"MustCompile":      "the same for package variables",
	"Compiled":         "statements of any row type, for Check and Options.Prepare",
	"WithParams":       "the types of its arguments, for Check",
	"CompileWrite":     "examines a statement that is run for its effect",
	"MustCompileWrite": "the same for package variables",
	"Write":            "such a statement",
	"Write.Exec":       "runs it",
	"Write.SQL":        "the text that is sent",
	"Write.Name":       "its name",
	"Stmt":             "the main way to write a repository",
	"Stmt.All":         "reads all rows",
	"Stmt.AppendTo":    "reads all rows into the caller's memory",
	"Stmt.One":         "reads the only row",
	"Stmt.Optional":    "reads a row that may not exist",
	"Stmt.Each":        "streams rows in bounded memory",
	"Stmt.Page":        "reads a page by keys",
	"Stmt.CheckPages":  "names the index that its pages lack",
	"Stmt.Exec":        "runs it for its effect",
	"Stmt.GatherAll":   "makes it a read for Gather",
	"Stmt.GatherOne":   "likewise for one row",
	"Stmt.SQL":         "the text that is sent, for logs and EXPLAIN",
	"Stmt.Name":        "its name in figures and policies",

	"Builder":  "statements built at run time, squirrel's among them",
	"SQL":      "a Builder for an existing text",
	"Select":   "squirrel's builder, numbered by the server's lexical rules",
	"Insert":   "likewise",
	"Update":   "likewise",
	"Delete":   "likewise",
	"AnyOf":    "a list as one parameter: one text for any length",
	"All":      "reads all rows of a built statement",
	"One":      "reads its only row",
	"Optional": "reads a row that may not exist",
	"Each":     "streams its rows",
	"Exec":     "runs it for its effect",
	"Querier":  "anything that rows can be read from",
	"Execer":   "anything that statements can run on",

	"ErrTooManyRows": "a bound on rows was exceeded: callers branch on it",
	"WithMaxRows":    "that bound for one call",

	"Paginate":         "keyset pages of a built statement",
	"Pager":            "the order of pages, and the secrets that sign cursors",
	"Order":            "one key of the order",
	"Asc":              "an ascending key",
	"Desc":             "a descending key",
	"Order.NullsFirst": "the position of NULLs",
	"Order.NullsLast":  "likewise",
	"Order.NotNull":    "states what the catalog cannot know about an expression",
	"Order.Nullable":   "likewise",
	"Page":             "the rows of a page and the cursors around it",
	"Cursor":           "a position between two rows",
	"LastPage":         "the position after the last row",
	"ErrBadCursor":     "a forged, truncated or foreign cursor: callers respond with 400",
	"PaginateOffset":   "numbered pages, for programs that must show page numbers",
	"OffsetPager":      "their bound and how to count",
	"OffsetPage":       "their rows and the count",
	"Count":            "how the rows of all pages are counted",
	"NoCount":          "not at all",
	"ExactCount":       "by counting them",
	"EstimatedCount":   "by the planner's estimate",
	"ErrPageTooDeep":   "a numbered page past the bound",

	"Gather":         "independent reads in one round trip",
	"Gatherable":     "a read that Gather takes",
	"Gathered":       "the read and its own result",
	"Gathered.Value": "the result after Gather",
	"GatherAll":      "a read of a built statement",
	"GatherOne":      "likewise for one row",
	"Batcher":        "anything that batches can be sent on",

	"Loader":           "the end of N+1: combines lookups by key",
	"NewLoader":        "one row per key",
	"NewListLoader":    "many rows per key",
	"NewLoaderFunc":    "for loads other than one statement",
	"LoaderOptions":    "window and bound",
	"Loader.Load":      "looks one key up",
	"Loader.LoadMany":  "looks several up",
	"LoadError":        "which keys have no value, and why",
	"LoadError.Error":  "for messages",
	"LoadError.Unwrap": "for errors.Is",
	"Loader.Forget":    "removes a key from the request's cache",
	"WithLoaderCache":  "one load per key for a whole request",

	"DB.InTx":   "a transaction that is retried where the server asks for it",
	"InTxValue": "a transaction that returns a value",
	"TxOptions": "the transaction's mode",
	"Copier":    "anything that CopyRaw can write to",
	"CopyRaw":   "COPY of existing bytes, announced like any write",

	"DB.OnChange":   "notifies caches of commits",
	"Change":        "what a commit changed",
	"ChangeState":   "whether the change is visible",
	"Committed":     "it is visible",
	"InDoubt":       "the response to the commit was lost",
	"Unchanged":     "the change did not happen",
	"Resolved":      "the doubt has ended",
	"Table":         "names a changed table",
	"Table.String":  "for messages",
	"ErrUnobserved": "an adopted pool reports no changes: callers fall back to a TTL",

	"CommitUnknownError":        "a transaction of unknown outcome",
	"CommitUnknownError.Error":  "names the transaction",
	"CommitUnknownError.Unwrap": "the error that lost the response",
}

// TestEveryExportHasAReason compares the list with the code.
func TestEveryExportHasAReason(t *testing.T) {
	found := exported(t)
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if exports[name] == "" {
			t.Errorf("%s is exported without a reason", name)
		}
	}
	for name := range exports {
		if !found[name] {
			t.Errorf("%s is listed and not exported", name)
		}
	}
}

// exported returns the exported names of the package, methods as "Type.Name".
func exported(t *testing.T) map[string]bool {
	t.Helper()
	notTest := func(info fs.FileInfo) bool { return !strings.HasSuffix(info.Name(), "_test.go") }
	packages, err := parser.ParseDir(token.NewFileSet(), ".", notTest, parser.SkipObjectResolution) //nolint:staticcheck // one package, no build tags
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]bool)
	for _, file := range packages["db"].Files {
		for _, decl := range file.Decls {
			for _, name := range declared(decl) {
				typ, method, isMethod := strings.Cut(name, ".")
				if ast.IsExported(typ) && (!isMethod || ast.IsExported(method)) {
					found[name] = true
				}
			}
		}
	}
	return found
}

func declared(decl ast.Decl) []string {
	switch decl := decl.(type) {
	case *ast.FuncDecl:
		if decl.Recv == nil {
			return []string{decl.Name.Name}
		}
		return []string{receiver(decl.Recv.List[0].Type) + "." + decl.Name.Name}
	case *ast.GenDecl:
		var names []string
		for _, spec := range decl.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				names = append(names, spec.Name.Name)
			case *ast.ValueSpec:
				for _, name := range spec.Names {
					names = append(names, name.Name)
				}
			}
		}
		return names
	}
	return nil
}

func receiver(expr ast.Expr) string {
	switch expr := expr.(type) {
	case *ast.StarExpr:
		return receiver(expr.X)
	case *ast.IndexExpr:
		return receiver(expr.X)
	case *ast.IndexListExpr:
		return receiver(expr.X)
	case *ast.Ident:
		return expr.Name
	}
	return ""
}
