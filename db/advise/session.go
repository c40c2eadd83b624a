package advise

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// A session asks the server. Its statements go through pgconn, so that neither
// the statistics of the handle nor the program's tracers see them.
type session struct {
	pgx     *pgx.Conn
	conn    *pgconn.PgConn
	opts    Options
	version int // server_version_num / 10000
	costs   costSettings
}

// ownMark is the prefix of this package's statements, for operators who look at
// the server.
const ownMark = "/* headrace */ "

func newSession(ctx context.Context, conn *pgx.Conn, opts Options) (*session, error) {
	s := &session{pgx: conn, conn: conn.PgConn(), opts: opts}
	var server struct {
		Version int
		costSettings
	}
	err := s.inTx(ctx, func() error { return s.readJSON(ctx, serverQuery, &server) })
	if err != nil {
		return nil, err
	}
	s.version, s.costs = server.Version/10000, server.costSettings
	return s, nil
}

const serverQuery = `SELECT json_build_object(
	'Version', current_setting('server_version_num')::int,
	'SeqPage', current_setting('seq_page_cost')::float8,
	'RandomPage', current_setting('random_page_cost')::float8,
	'Tuple', current_setting('cpu_tuple_cost')::float8,
	'IndexTuple', current_setting('cpu_index_tuple_cost')::float8,
	'Operator', current_setting('cpu_operator_cost')::float8)`

// inTx calls fn in a READ ONLY transaction with time limits, which it rolls
// back.
func (s *session) inTx(ctx context.Context, fn func() error) error {
	begin := fmt.Sprintf("%sBEGIN READ ONLY; SET LOCAL statement_timeout = %d; SET LOCAL lock_timeout = %d",
		ownMark, max(s.opts.Timeout.Milliseconds(), 1), lockTimeout.Milliseconds())
	if err := s.exec(ctx, begin); err != nil {
		return err
	}
	err := fn()
	if s.conn.IsClosed() {
		return err
	}
	// A done ctx would leave the transaction open.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
	defer cancel()
	return errors.Join(err, s.exec(ctx, ownMark+"ROLLBACK"))
}

const rollbackTimeout = 5 * time.Second

// exec runs statements of this package, several in one text.
func (s *session) exec(ctx context.Context, sql string) error {
	_, err := s.conn.Exec(ctx, sql).ReadAll()
	return err
}

// inCatalog is inTx for queries of the catalogs, whose names need no schema.
func (s *session) inCatalog(ctx context.Context, query string, dst any, args ...string) error {
	return s.inTx(ctx, func() error {
		if err := s.exec(ctx, ownMark+"SET LOCAL search_path = pg_catalog"); err != nil {
			return err
		}
		return s.readJSON(ctx, query, dst, args...)
	})
}

// readJSON runs one query that returns one JSON value. No row, and NULL, leave
// dst unchanged.
func (s *session) readJSON(ctx context.Context, query string, dst any, args ...string) error {
	values := make([][]byte, len(args))
	for i, arg := range args {
		values[i] = []byte(arg)
	}
	result := s.conn.ExecParams(ctx, ownMark+query, values, nil, nil, nil).Read()
	if result.Err != nil {
		return result.Err
	}
	if len(result.Rows) == 0 || result.Rows[0][0] == nil {
		return nil
	}
	return json.Unmarshal(result.Rows[0][0], dst)
}

// explainHead returns the beginning of an EXPLAIN.
func explainHead(options string) string {
	return ownMark + "EXPLAIN (VERBOSE, FORMAT JSON" + options + ") "
}

const analyzeOptions = ", ANALYZE, BUFFERS"

// custom returns the plan of sql for the given arguments. It must be called
// within inTx.
func (s *session) custom(ctx context.Context, sql string, args []any, options string) (*plan, error) {
	sd, err := s.conn.Prepare(ctx, "", explainHead(options)+sql, nil)
	if err != nil {
		return nil, err
	}
	var params pgx.ExtendedQueryBuilder
	if err := params.Build(s.pgx.TypeMap(), sd, args); err != nil {
		return nil, errArguments // err may contain a value
	}
	return readPlan(s.conn.ExecPrepared(ctx, "", params.ParamValues, params.ParamFormats, nil).Read())
}

// generic returns the plan of sql for unknown arguments. sql has parameters up
// to the given number. It must be called within inTx.
func (s *session) generic(ctx context.Context, sql string, params int) (*plan, error) {
	const genericPlans = 16 // the first version with EXPLAIN (GENERIC_PLAN)
	switch {
	case params == 0:
		return readPlan(s.conn.ExecParams(ctx, explainHead("")+sql, nil, nil, nil, nil).Read())
	case s.version >= genericPlans:
		return s.explainGeneric(ctx, sql)
	}
	nulls := strings.TrimSuffix(strings.Repeat("NULL, ", params), ", ")
	return s.genericWith(ctx, sql, nulls, "")
}

// explainGeneric uses the simple protocol: the extended one would have the
// server plan for the values that it binds. The text is one statement, which
// the caller has checked by the rules of standard_conforming_strings.
func (s *session) explainGeneric(ctx context.Context, sql string) (*plan, error) {
	if err := s.exec(ctx, ownMark+"SET LOCAL standard_conforming_strings = on"); err != nil {
		return nil, err
	}
	results, err := s.conn.Exec(ctx, explainHead(", GENERIC_PLAN")+sql).ReadAll()
	if err != nil {
		return nil, err
	}
	if len(results) != 1 {
		return nil, errors.New("read a plan: the text is not one statement")
	}
	return readPlan(results[0])
}

// genericWith returns the generic plan of sql by preparing it, with values as
// the arguments of EXECUTE. It must be called within inTx.
func (s *session) genericWith(ctx context.Context, sql, values, options string) (found *plan, err error) {
	const name = "headrace_advise"
	result := s.conn.ExecParams(ctx, ownMark+"PREPARE "+name+" AS "+sql, nil, nil, nil, nil).Read()
	if result.Err != nil {
		return nil, result.Err
	}
	// The prepared statement outlives the transaction: after an error, the
	// savepoint makes the transaction usable again to deallocate it.
	if err := s.exec(ctx, ownMark+"SAVEPOINT headrace_advise; SET LOCAL plan_cache_mode = force_generic_plan"); err != nil {
		return nil, err
	}
	if values != "" {
		values = "(" + values + ")"
	}
	found, err = readPlan(s.conn.ExecParams(ctx, explainHead(options)+"EXECUTE "+name+values, nil, nil, nil, nil).Read())
	if s.conn.IsClosed() {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
	defer cancel()
	return found, errors.Join(err, s.exec(ctx, ownMark+"ROLLBACK TO headrace_advise; DEALLOCATE "+name))
}

// readPlan decodes the result of an EXPLAIN.
func readPlan(result *pgconn.Result) (*plan, error) {
	if result.Err != nil {
		return nil, result.Err
	}
	var text bytes.Buffer
	for _, row := range result.Rows {
		text.Write(row[0])
	}
	return decodePlan(text.Bytes())
}

var errArguments = errors.New("the arguments do not fit the parameters of the statement")

// problemOf returns an error of the server as a problem of a report. The
// server's message may contain constants and is left out. ok is false for
// other errors: the connection failed, or ctx is done.
func problemOf(err error) (problem string, ok bool) {
	if errors.Is(err, errArguments) {
		return errArguments.Error(), true
	}
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || pgErr.SeverityUnlocalized != "ERROR" && pgErr.Severity != "ERROR" {
		return "", false
	}
	reason := reasons[pgErr.Code]
	if reason == "" {
		reason = "the server reported an error"
	}
	return reason + " (SQLSTATE " + pgErr.Code + ")", true
}

// reasons describes the errors that EXPLAIN may meet.
var reasons = map[string]string{
	"0A000": "the server does not support this",
	"22P02": "a constant or argument is not a value of its type",
	"25006": "the statement may not run in a READ ONLY transaction",
	"42501": "the role lacks a right that the statement needs",
	"42601": "the text is not a statement that can be explained",
	"42703": "a column does not exist",
	"42883": "a function or operator does not exist",
	"42P01": "a table does not exist",
	"42P02": "a parameter is not known",
	"42P18": "the type of a parameter is not known",
	"55P03": "a lock was not available in time",
	"57014": "the server took longer than the timeout",
}

// plainArgs applies the leading options that pgx accepts among arguments, such
// as pgx.NamedArgs.
func (s *session) plainArgs(ctx context.Context, sql string, args []any) (string, []any, error) {
	for len(args) > 0 {
		switch first := args[0].(type) {
		case pgx.QueryExecMode, pgx.QueryResultFormats, pgx.QueryResultFormatsByOID:
			args = args[1:]
		case pgx.QueryRewriter:
			var err error
			if sql, args, err = first.RewriteQuery(ctx, s.pgx, sql, args[1:]); err != nil {
				return "", nil, errRewrite // err may contain a value
			}
		default:
			return sql, args, nil
		}
	}
	return sql, args, nil
}

var errRewrite = errors.New("the query rewriter among the arguments failed")

// literals returns the arguments as constants, in the order of EXECUTE. ok is
// false if one has no text form.
func (s *session) literals(ctx context.Context, sql string, args []any) (list string, ok bool) {
	sd, err := s.conn.Prepare(ctx, "", sql, nil)
	if err != nil || len(sd.ParamOIDs) != len(args) {
		return "", false
	}
	var out strings.Builder
	for i, arg := range args {
		if i > 0 {
			out.WriteString(", ")
		}
		value, err := s.pgx.TypeMap().Encode(sd.ParamOIDs[i], pgx.TextFormatCode, arg, nil)
		switch {
		case err != nil:
			return "", false
		case value == nil:
			out.WriteString("NULL")
		default:
			out.WriteString(quoteLiteral(string(value)))
		}
	}
	return out.String(), true
}

// quoteLiteral returns a string constant, whatever standard_conforming_strings
// is.
func quoteLiteral(value string) string {
	return "E'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value) + "'"
}

// number formats a number of rows, pages or a cost.
func number(n float64) string {
	if n < 10 {
		return strconv.FormatFloat(n, 'g', 2, 64)
	}
	return strconv.FormatFloat(n, 'f', 0, 64)
}
