package batchinsert

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/headrace/headrace/internal/pgcopy"
	"github.com/headrace/headrace/internal/progress"
	"github.com/headrace/headrace/internal/target"
)

// The numbers of rows from which on rows are written by COPY, to a temporary
// table or, by Insert, to the table itself. With fewer rows, arrays save
// creating that table and reading the columns. Measured with rows of four
// numbers, two thirds of which exist, in ms by arrays and by COPY:
//
//	rows        1,000        3,000        5,000       20,000       50,000
//	Upsert    3.5   6.5     13   18      19   21    106   101    281   299
//	Update    6.3   6.3     29   18      29   25   1258   129   4549   198
//	Delete    5.7   6.0     29    9.9    26   15   1341    73   4066   137
//	Insert    2.3   4.1                  10   8.3    42    24
//
// An update or delete joins the given rows, and the server plans the join with
// arrays for few rows.
const (
	minStagedUpsert = 5000
	minStagedChange = 1000
	minCopiedInsert = 5000
)

// maxStatementBytes bounds the arrays of a statement, unless one row is larger:
// the server accepts at most a gigabyte in one message.
const maxStatementBytes = 16 << 20

// errTooLarge is the error for rows that are too large for one statement.
var errTooLarge = errors.New("rows take more than one statement")

// fewerThan reports whether there are certainly fewer than n rows.
func (s Source[T]) fewerThan(n int) bool { return s.seq == nil && len(s.rows) < n }

// arraysOf returns the relation of rows as arguments of a statement, or
// errTooLarge.
func arraysOf[T any](conn *pgx.Conn, m *target.Match, rows []T) (*target.Relation, error) {
	plan, err := newArrayPlan[T](conn.TypeMap(), m)
	if err != nil {
		return nil, err
	}
	if err := target.CheckEncoding(conn); err != nil {
		return nil, err
	}
	arrays, err := collect(plan.encoder, conn.TypeMap(), rows)
	if err != nil {
		return nil, err
	}
	return &target.Relation{
		Match: m, From: plan.from, Exprs: plan.exprs, Order: "s.ord",
		Args: sessionOf(conn).withMode(arrays.Args()), Count: int64(len(rows)),
	}, nil
}

func collect[T any](encoder *pgcopy.Encoder[T], types *pgtype.Map, rows []T) (*pgcopy.Arrays[T], error) {
	pgcopy.Accept(types)
	arrays := pgcopy.NewArrays(encoder)
	for i := range rows {
		if err := arrays.Add(&rows[i]); err != nil {
			return nil, asRowError(err, int64(i)+1)
		}
		if i > 0 && arrays.Size() > maxStatementBytes {
			return nil, errTooLarge
		}
	}
	return arrays, nil
}

// stageRows sends rows to a temporary table, after it has checked the statements
// that toCome returns for it. The caller must call DropStage after them.
func (t *Table[T]) stageRows(ctx context.Context, tx pgx.Tx, m *target.Match, rows Source[T], toCome func(*target.Relation) []string) (*target.Relation, error) {
	texts := m.Texts(tx.Conn().TypeMap())
	if err := target.CreateStage(ctx, tx, t.quoted, m, texts); err != nil {
		return nil, err
	}
	if err := target.CheckStatements(ctx, tx, toCome(target.Staged(m, texts, 0))...); err != nil {
		return nil, err
	}
	n, err := t.copyTo(ctx, tx, m, target.Stage, target.StageName, rows)
	if err != nil {
		return nil, err
	}
	return target.Staged(m, texts, n), nil
}

// withRelation calls fn with the relation of rows, as arrays or staged for the
// statements of toCome.
func (t *Table[T]) withRelation(ctx context.Context, tx pgx.Tx, m *target.Match, rows Source[T], toCome func(*target.Relation) []string, fn func(*target.Relation) error) error {
	if rows.fewerThan(minStagedChange) {
		g, err := arraysOf(tx.Conn(), m, rows.rows)
		if err == nil {
			t.meter.At(progress.State{Rows: g.Count})
			return fn(g)
		}
		if !errors.Is(err, errTooLarge) {
			return err
		}
	}
	g, err := t.stageRows(ctx, tx, m, rows, toCome)
	if err != nil {
		return err
	}
	if err := fn(g); err != nil {
		return err
	}
	return target.DropStage(ctx, tx)
}
