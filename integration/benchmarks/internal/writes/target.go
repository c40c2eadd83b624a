package writes

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
)

// Target is a database to write to, with one connection a subject.
type Target struct {
	config     *pgxpool.Config
	connString string
	files      bool // the server reads files of its own
}

// HasFloor says whether works of COPY have the subject floor.
func (t Target) HasFloor() bool { return t.files }

// NewTarget connects without TLS, whose work would be measured too.
func NewTarget(ctx context.Context, connString string) (Target, error) {
	config, err := pgxpool.ParseConfig(connString)
	if err != nil {
		return Target{}, fmt.Errorf("parse connection string: %w", err)
	}
	config.MaxConns = 1
	config.ConnConfig.TLSConfig = nil
	config.ConnConfig.Fallbacks = nil
	files, err := mayReadFiles(ctx, config)
	return Target{config, connString, files}, err
}

// job is what all subjects of one work have in common: each writes the rows to
// a table of its own.
type job[T any] struct {
	kind    kind[T]
	name    string // of the work
	rows    []T
	indexes []string // on the table, as "PRIMARY KEY (id)" or "INDEX (customer_id)"
	keep    bool     // rows of earlier operations stay
	before  string   // SQL after each reset; %s is the table
	prepare string   // SQL before the table is made
}

// seen is what each operation has written.
func (j job[T]) seen() measure.Seen { return measure.Seen{Rows: len(j.rows)} }

func wrote(n int64) measure.Seen { return measure.Seen{Rows: int(n)} }

// table is a subject's own.
func (j job[T]) table(subject string) string {
	return strings.NewReplacer("/", "_", "-", "_").Replace(j.name + "_" + subject)
}

// work makes one of its subjects.
func (j job[T]) work(subjects ...measure.Subject) measure.Work {
	return measure.Work{Name: j.name, Expect: j.seen(), Writes: true, Subjects: subjects}
}

func (j job[T]) create(ctx context.Context, conn *pgx.Conn, table string) error {
	var script strings.Builder
	script.WriteString(j.prepare + "DROP TABLE IF EXISTS " + table + "; CREATE TABLE " + table + " (" + j.kind.columns + ");")
	for _, index := range j.indexes {
		if key, ok := strings.CutPrefix(index, "INDEX "); ok {
			script.WriteString("CREATE INDEX ON " + table + " " + key + ";")
		} else {
			script.WriteString("ALTER TABLE " + table + " ADD " + index + ";")
		}
	}
	_, err := conn.Exec(ctx, script.String())
	return err
}

func (j job[T]) reset(ctx context.Context, conn *pgx.Conn, table string) error {
	script := "TRUNCATE " + table + ";"
	if j.before != "" {
		script += fmt.Sprintf(j.before, table)
	}
	_, err := conn.Exec(ctx, script)
	return err
}

// subject makes one that opens what it writes through by open.
func subject[T, C any](t Target, j job[T], name string,
	open func(context.Context, Target) (C, func(), error),
	write func(ctx context.Context, to C, table string) (measure.Seen, error),
) measure.Subject {
	table := j.table(name)
	var conn *pgx.Conn // for what is not measured
	s := measure.Subject{Name: name, Open: func(ctx context.Context) (measure.Op, func(), error) {
		var err error
		if conn, err = pgx.ConnectConfig(ctx, t.config.ConnConfig.Copy()); err != nil {
			return nil, nil, err
		}
		closeConn := func() { _ = conn.Close(context.WithoutCancel(ctx)) }
		if err := j.create(ctx, conn, table); err != nil {
			closeConn()
			return nil, nil, err
		}
		to, closeTo, err := open(ctx, t)
		if err != nil {
			closeConn()
			return nil, nil, err
		}
		return func(ctx context.Context) (measure.Seen, error) { return write(ctx, to, table) },
			func() { closeTo(); closeConn() }, nil
	}}
	if !j.keep {
		s.Reset = func(ctx context.Context) error { return j.reset(ctx, conn, table) }
	}
	return s
}

func openDB(ctx context.Context, t Target) (*db.DB, func(), error) {
	pg, err := db.OpenConfig(ctx, t.config.Copy(), nil)
	if err != nil {
		return nil, nil, err
	}
	return pg, pg.Close, nil
}

func openPool(ctx context.Context, t Target) (*pgxpool.Pool, func(), error) {
	pool, err := pgxpool.NewWithConfig(ctx, t.config.Copy())
	if err != nil {
		return nil, nil, err
	}
	return pool, pool.Close, nil
}

func openSQL(_ context.Context, t Target) (*sql.DB, func(), error) {
	conn := stdlib.OpenDB(*t.config.ConnConfig.Copy())
	conn.SetMaxOpenConns(1)
	conn.SetMaxIdleConns(1)
	return conn, func() { _ = conn.Close() }, nil
}
