package db

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/headrace/headrace/internal/argkey"
	"github.com/headrace/headrace/internal/catalog"
	"github.com/headrace/headrace/internal/rowscan"
	"github.com/headrace/headrace/internal/sqltext"
)

// Check checks statements against the server's current schema. It runs none of
// them. It returns all problems of all statements, joined in the order of the
// statements; each begins with the name or the text of its statement. Call it
// when a program starts, after a migration, or in a test that CI runs against a
// migrated database:
//
//	func TestStatements(t *testing.T) {
//		if err := pg.Check(t.Context(), queries.All...); err != nil {
//			t.Fatal(err)
//		}
//	}
//
// These are problems:
//
//   - The server rejects the statement, because a table, a column or a function
//     is missing, or the type of a parameter cannot be determined. errors.As
//     finds the *pgconn.PgError.
//   - The columns differ from the fields of the statement's Go type, or the
//     type of a column does not fit its field.
//   - A column may be NULL, and its field cannot hold NULL: pgx would fail at
//     the first such row.
//   - With [WithParams], the number of arguments is wrong, or the Go type of an
//     argument cannot be encoded as the parameter's type. Strings are not
//     checked: pgx sends a string for a parameter of any type.
//
// A column may be NULL if it is a column of a table, or of a view over it, that
// is declared without NOT NULL; if it belongs to the side of an outer join that
// may have no match; if it is NULL itself, an aggregate such as max over all
// rows of a table that may be empty, or an operator or function that returns
// NULL for such a column; or if it returns a parameter that was assigned to a
// column without NOT NULL (unless WithParams shows a type that is never NULL).
// It is not reported if a condition in WHERE, ON, HAVING, a CHECK or a policy
// may exclude NULL, or a foreign key guarantees the match of a join; constraints
// that are not validated or not enforced, and deferrable keys, guarantee
// nothing. Of generated columns, of other expressions, such as COALESCE, CASE,
// subscripts, NOT, AND, IN, subqueries and aggregates of groups, of MERGE, of
// old in RETURNING, and of what functions, triggers and rules return, nothing is
// known, and nothing is reported. Nor are values checked, such as numbers too
// large for their field.
//
// The columns that may be NULL are found in a transaction that is rolled back:
// the server parses each statement as the body of a temporary function, which
// is never called. That is impossible on a standby, without the right TEMP on
// the database, and where CREATE FUNCTION fires event triggers; these columns
// are then not checked, and a message at level Warn says so. Everything else is
// checked there too, also in sessions that are read-only. A server that logs
// DDL statements logs these functions.
//
// Check uses one connection, and a number of network round trips that does not
// depend on the number of statements, up to 256. Named parameters, as
// [pgx.NamedArgs] takes them, are numbered first. If the connection breaks, the
// remaining statements are not checked.
func (d *DB) Check(ctx context.Context, stmts ...Compiled) error {
	conn, _, err := d.acquire(ctx)
	if err != nil {
		return fmt.Errorf("db: check statements: %w", err)
	}
	defer release(conn)
	c := newChecking(ctx, conn.Conn(), stmts)
	if err := c.prepare(ctx); err != nil {
		return c.problems(err)
	}
	if err := c.nameTypes(ctx); err != nil {
		return c.problems(err)
	}
	for i := range c.list {
		c.describe(&c.list[i])
	}
	err = c.nulls(ctx)
	if err != nil && !c.conn.IsClosed() && ctx.Err() == nil {
		d.opts.Logger.WarnContext(ctx, "columns of statements are not checked for NULL", "reason", err)
		err = nil
	}
	return c.problems(err)
}

// checking is one call of Check.
type checking struct {
	conn *pgx.Conn
	list []checked
	// types that the connection has not registered
	names  map[uint32]string
	labels map[uint32][]string // of enums
}

// A checked is a statement that is being checked.
type checked struct {
	Compiled
	text     string
	args     []any
	declared bool // args are known
	renamed  bool // a rewriter among args made text
	found    *pgconn.StatementDescription
	problems []error
	nulls    []error // for each column: the error of a NULL, or nil
}

func newChecking(ctx context.Context, conn *pgx.Conn, stmts []Compiled) *checking {
	c := &checking{conn: conn, list: make([]checked, len(stmts))}
	for i, stmt := range stmts {
		s := checked{Compiled: stmt, text: numbered(stmt.statement())}
		s.args, s.declared = stmt.params()
		n, _ := argkey.Special(s.args)
		if rewriter := argkey.Rewriter(s.args); rewriter != nil {
			text, args, err := rewriter.RewriteQuery(ctx, conn, stmt.statement().Text, s.args[n:])
			if err != nil {
				s.problems = append(s.problems, fmt.Errorf("arguments of WithParams: %w", err))
			}
			s.text, s.args, s.renamed = text, args, true
		} else {
			s.args = s.args[n:]
		}
		c.list[i] = s
	}
	return c
}

// prepare prepares the statements. A text in which @ may be an operator is
// prepared again as it is, if the server rejects it with numbered parameters.
func (c *checking) prepare(ctx context.Context) error {
	var all, again []*checked
	for i := range c.list {
		if s := &c.list[i]; len(s.problems) == 0 {
			all = append(all, s)
		}
	}
	if err := c.describeAll(ctx, all); err != nil {
		return err
	}
	var rejected []error
	for _, s := range all {
		if s.found == nil && s.text != s.SQL() && !s.renamed {
			again, rejected = append(again, s), append(rejected, s.problems[0])
			s.text, s.problems = s.SQL(), nil
		}
	}
	err := c.describeAll(ctx, again)
	for i, s := range again {
		if s.found == nil {
			s.problems = rejected[i : i+1]
		}
	}
	return err
}

// describeAll prepares statements in one round trip. It returns errors of the
// connection; those of the server become problems of their statements.
func (c *checking) describeAll(ctx context.Context, list []*checked) error {
	if len(list) == 0 {
		return nil
	}
	p := c.conn.PgConn().StartPipeline(ctx)
	for _, s := range list {
		p.SendPrepare("", s.text, nil)
		p.SendPipelineSync()
	}
	err := p.Flush()
	for i := 0; err == nil && i < len(list); i++ {
		err = list[i].receive(c.conn, p)
	}
	if closed := p.Close(); err == nil {
		if _, ok := errors.AsType[*pgconn.PgError](closed); !ok {
			err = closed
		}
	}
	return err
}

// receive reads what the server says of a statement, up to the next statement.
func (s *checked) receive(conn *pgx.Conn, p *pgconn.Pipeline) error {
	for {
		result, err := p.GetResults()
		switch result := result.(type) {
		case *pgconn.PipelineSync:
			return nil
		case *pgconn.StatementDescription:
			s.found = result
			continue
		}
		if err == nil {
			return errors.New("the server's response is incomplete")
		}
		if _, ok := errors.AsType[*pgconn.PgError](err); !ok || conn.IsClosed() {
			return err
		}
		s.problems = append(s.problems, err)
	}
}

// nameTypes looks up the types that the connection has not registered.
func (c *checking) nameTypes(ctx context.Context) error {
	var unnamed []uint32
	note := func(oid uint32) {
		if _, ok := c.conn.TypeMap().TypeForOID(oid); !ok && !slices.Contains(unnamed, oid) {
			unnamed = append(unnamed, oid)
		}
	}
	for i := range c.list {
		if found := c.list[i].found; found != nil {
			for _, column := range found.Fields {
				note(column.DataTypeOID)
			}
			for _, oid := range found.ParamOIDs {
				note(oid)
			}
		}
	}
	if len(unnamed) == 0 {
		return nil
	}
	var err error
	c.names, c.labels, err = catalog.TypeNames(ctx, c.conn, unnamed)
	return err
}

func (c *checking) typeName(oid uint32) string {
	if t, ok := c.conn.TypeMap().TypeForOID(oid); ok {
		return t.Name
	}
	return c.names[oid]
}

// named writes the names of types into the errors of columns.
func (c *checking) named(s *checked, list []error) []error {
	for _, err := range list {
		column, ok := errors.AsType[*rowscan.ColumnError](err)
		if !ok {
			continue
		}
		for _, f := range s.found.Fields {
			if name := c.names[f.DataTypeOID]; f.Name == column.Column && name != "" {
				column.ServerType = name
			}
		}
	}
	return list
}

// describe checks the columns and arguments of a statement that the server
// accepts.
func (c *checking) describe(s *checked) {
	if s.found == nil {
		return
	}
	types, formatted := c.conn.TypeMap(), usesFormats(c.conn)
	columns := slices.Clone(s.found.Fields)
	for i := range columns {
		columns[i].Format = pgtype.TextFormatCode
		if formatted {
			columns[i].Format = types.FormatCodeForOID(columns[i].DataTypeOID)
		}
	}
	if err := s.checkColumns(columns, types, c.labels); err != nil {
		s.problems = append(s.problems, c.named(s, parts(err))...)
	} else {
		s.nulls = c.named(s, s.nullErrors(columns, types))
	}
	if s.declared {
		s.problems = append(s.problems, c.checkArgs(s, formatted)...)
	}
}

// usesFormats reports whether pgx encodes values by the types that the server
// described. In other exec modes all are text, of types that pgx guesses.
func usesFormats(conn *pgx.Conn) bool {
	mode := conn.Config().DefaultQueryExecMode
	return mode != pgx.QueryExecModeExec && mode != pgx.QueryExecModeSimpleProtocol
}

// parts returns the errors that err joins, or err itself.
func parts(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}

// nulls finds columns that may be NULL among those whose fields cannot hold it.
func (c *checking) nulls(ctx context.Context) error {
	var asked []*checked
	var queries []catalog.NullQuery
	for i := range c.list {
		s := &c.list[i]
		if !slices.ContainsFunc(s.nulls, func(err error) bool { return err != nil }) {
			continue
		}
		asked = append(asked, s)
		queries = append(queries, catalog.NullQuery{
			Statement: sqltext.Analyze(s.text), Params: s.found.ParamOIDs, Args: argNulls(c.conn.TypeMap(), s.found.ParamOIDs, s.args),
		})
	}
	if len(queries) == 0 {
		return nil
	}
	found, err := catalog.Nullable(ctx, c.conn, queries)
	if err != nil {
		return err
	}
	for i, s := range asked {
		if len(found[i]) != len(s.nulls) {
			continue // nothing is known
		}
		for column, mayBeNull := range found[i] {
			if err := s.nulls[column]; mayBeNull && err != nil {
				s.problems = append(s.problems, err)
			}
		}
	}
	return nil
}

// problems returns the problems of all statements, then err.
func (c *checking) problems(err error) error {
	var list []error
	for i := range c.list {
		s := &c.list[i]
		for _, problem := range s.problems {
			list = append(list, fmt.Errorf("db: check %s: %w", s.statement().Label(), problem))
		}
	}
	if err != nil {
		list = append(list, fmt.Errorf("db: check statements: %w", err))
	}
	return errors.Join(list...)
}
