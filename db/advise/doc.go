// Package advise reports what would make statements faster.
//
// [Statement] examines one statement with its arguments, [Top] the statements
// that took the most time since the handle was opened, and [Schema] the indexes
// and foreign keys of the database. They ask the server for plans and catalogs,
// and combine these with the figures in Stats. Nothing is changed: every
// request runs in a READ ONLY transaction that is rolled back, and SQL is
// proposed but never run.
//
//	report, err := advise.Statement(ctx, pg, "SELECT * FROM orders WHERE customer_id = $1", []any{42}, nil)
//	for _, a := range report.Advice {
//		fmt.Println(a.Title, a.Evidence, a.Do, a.SQL)
//	}
//
// A report contains no argument and no constant of a statement's text:
// conditions of a plan are shown as fingerprints show them. Names of tables,
// columns and indexes are shown.
//
// # Kinds of advice
//
// [MissingIndex]: a scan reads many more rows than the conditions select.
// The planner's row estimates for each condition choose the columns: those
// compared for equality first, then one range, as long as each halves the rows.
// Create the index.
//
// [MissingSortIndex]: rows are sorted, or the least or greatest one is
// searched, and an index could return them in order. Measured like
// MissingIndex, with the rows that a LIMIT reads. Create the index.
//
// [MissingJoinIndex]: a join reads a whole table for few rows of the other
// side. The rows per lookup are the planner's estimate for the compared
// columns. Create the index.
//
// [ForeignKeyIndex]: deleting a row reads a whole table to look for references.
// The plan does not show this work; the catalogs show the key. Create the index.
//
// [WrappedColumn]: a condition compares an expression around a column, such as
// lower(email). The planner's estimate says how many rows it selects.
// Compare the column itself, or create an index on the expression.
//
// [ImplicitCast]: a condition casts the column, often because of the type of a
// parameter: int8 = numeric. The plan shows the cast. Pass the parameter as the
// column's type.
//
// [LeadingWildcard]: LIKE with a pattern that begins with a wildcard, or ILIKE.
// The plan shows the pattern if it is known. Create a trigram index.
//
// [RowEstimate]: the planner's estimate of a scan's rows is wrong by a factor
// of 10. Measured by running the statement, so it needs Options.Analyze. Run
// ANALYZE, or create extended statistics.
//
// [GenericPlan]: the plan for unknown arguments is far worse than the plan for
// these. Costs of both plans are compared, or the pages that both read, with
// Options.Analyze. Set plan_cache_mode.
//
// [UnreadColumns]: the result has columns that the struct has no field for. The
// server describes the result; Options.Type gives the struct.
// Name the columns that are needed.
//
// [MissingLimit]: calls return 1,000 rows or more on average, and the text has
// no LIMIT. Measured by Stats. Read pages, or stream the rows.
//
// [OffsetPages]: OFFSET skips 1,000 rows or more, at least half of the work.
// The plan shows the cost before the first row. Read keyset pages.
//
// [InsertLoop]: 1,000 calls or more inserted one row each. Measured by Stats.
// Insert rows together.
//
// [Caching]: a cache would answer most calls. Calls and writes come from Stats,
// the number of different arguments from the planner's statistics or from
// Options.Keys. Read through package querycache.
//
// [UnusedIndex]: no scan has used an index since the statistics began. Measured
// by the server, without its replicas. Drop it if that time covers all work.
//
// [DuplicateIndex]: another index serves everything that an index serves.
// The catalogs show it. Drop it.
//
// # How gains are estimated
//
// Costs are in the planner's unit. The cost of a proposed index is computed as
// the planner computes it, from its own row estimates and cost settings, for
// rows that are spread evenly over the table. Indexes are proposed for tables
// of 100 pages or more, if together they halve the cost of the statement. They
// are marked as not tried. With Options.Hypothetical the planner itself gives
// the cost. No index is proposed whose columns an existing index begins with.
//
// A predicate of a proposed partial index is always a test for NULL or of a
// boolean column: other predicates would show constants of the statement.
//
// The prediction for [Caching] assumes that calls and writes come in random
// order, that all arguments are equally frequent, and that each write
// invalidates all results. A call is then answered by the cache if the event
// before it, among the calls with its arguments and all writes, is a call.
// Calls that prefer some arguments hit more often than predicted; the tests
// replay traces and allow 5 percentage points. Writes of other programs are
// unknown.
//
// # Limits
//
//   - Conditions combined by OR, orders over columns of two tables, and
//     GROUP BY are not examined. Of index methods only B-trees are proposed,
//     apart from trigram indexes.
//   - Indexes that help only together, as along a chain of three joined tables,
//     are not found. A foreign key is not reported for an UPDATE of the key.
//   - Estimates of rows may show the value of a LIMIT or OFFSET.
//   - A statement with parameters and no arguments gets the plan for unknown
//     arguments, in which ranges select a third of the rows.
//   - Stats keeps texts up to a size. Of longer ones [Top] explains the
//     fingerprint's text, with a parameter for each constant; Report.Rebuilt
//     says so.
//   - Options.Analyze runs queries that call no volatile function. An operator
//     or a view may still call one; what it changes is rolled back.
//   - The planner runs immutable functions of a statement while it plans.
//
// # Design notes
//
// Requests go through pgconn on a connection of the pool: hooks of the program
// have set its role and search_path, and neither statistics nor tracers see
// them.
//
// The plan for unknown arguments comes from EXPLAIN (GENERIC_PLAN) on
// PostgreSQL 16 and later, in the simple protocol, since the server would plan
// for values that are bound. Before 16 it comes from PREPARE under
// plan_cache_mode = force_generic_plan, and EXPLAIN EXECUTE with NULLs.
//
// The selectivity of a condition is asked for by EXPLAIN of a SELECT with this
// condition only: some requests of a fraction of a millisecond each, in place
// of a second implementation of the planner's statistics.
package advise
