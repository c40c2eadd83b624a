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

// The numbers of rows from which on rows go by COPY: to a temporary table first,
// or, of Insert, to the table itself. Below, arrays save making that table and
// asking for the columns. Measured with rows of four numbers, two thirds of them
// there, in ms by arrays and by COPY:
//
//	rows        1,000        3,000        5,000       20,000       50,000
//	Upsert    3.5   6.5     13   18      19   21    106   101    281   299
//	Update    6.3   6.3     29   18      29   25   1258   129   4549   198
//	Delete    5.7   6.0     29    9.9    26   15   1341    73   4066   137
//	Insert    2.3   4.1                  10   8.3    42    24
//
// An update or delete joins the rows it is given, and where they are arrays the
// server plans that for few.
const (
	minStagedUpsert = 5000
	minStagedChange = 1000
	minCopiedInsert = 5000
)

// maxStatementBytes is what the arrays of a statement hold at most, unless one row
// holds more: the server takes no more than a gigabyte in one message.
const maxStatementBytes = 16 << 20

// errTooLarge says that rows are too much for one statement.
var errTooLarge = errors.New("rows take more than one statement")

// fewerThan reports whether rows are known to be few.
func (s Source[T]) fewerThan(n int) bool { return s.seq == nil && len(s.rows) < n }

// arraysOf makes rows the arguments of a statement, or returns
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

// stageRows sends rows to a temporary table, for the statements to come. DropStage
// has to follow them.
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

// withRelation gives rows, by arrays or staged for the statements to come, to fn, in tx.
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
