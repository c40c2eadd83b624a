package reads

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
	"github.com/headrace/headrace/integration/benchmarks/internal/shop"
)

// pageRow is a row of the pages: orders with the column that may be NULL.
type pageRow struct {
	shop.Order12
	ShippedAt *time.Time `db:"shipped_at"`
}

// PageSize is the number of rows of a page.
const PageSize = 50

// pageOrder is an order of pages, for the pager and in SQL.
type pageOrder struct {
	name  string
	pager db.Pager
	sql   string
}

// paged is a table whose rows are read page by page. They have a key id.
type paged[T any] struct {
	table, sql string
	orders     []pageOrder
	id         func(*T) int64
}

var orders = paged[pageRow]{
	table: "orders",
	sql:   "SELECT " + columns10 + ", note, reference, shipped_at FROM orders",
	id:    func(row *pageRow) int64 { return row.ID },
	orders: []pageOrder{
		{"unique", db.Pager{Keys: []db.Order{db.Asc("id")}}, "id"},
		{"nullable", db.Pager{Keys: []db.Order{db.Asc("shipped_at"), db.Asc("id")}}, "shipped_at, id"},
		{"mixed", db.Pager{Keys: []db.Order{db.Desc("price").NotNull(), db.Asc("id")}}, "price DESC, id"},
	},
}

// Pages returns the works that read one page of orders, the first and the one
// of the given number, by keyset and by OFFSET. They also report how many
// buffers the server touched.
func Pages(ctx context.Context, t Target, number int) ([]measure.Work, error) {
	return orders.works(ctx, t, number)
}

// names are those of the works, in their order.
func (p paged[T]) names(deep int) (names []string) {
	for _, o := range p.orders {
		names = append(names, o.workName(1), o.workName(deep))
	}
	return names
}

func (o pageOrder) workName(number int) string { return fmt.Sprintf("page/%d/%s", number, o.name) }

func (p paged[T]) works(ctx context.Context, t Target, deep int) ([]measure.Work, error) {
	conn, err := pgx.ConnectConfig(ctx, t.config.ConnConfig.Copy())
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	var works []measure.Work
	for _, o := range p.orders {
		for _, number := range []int{1, deep} {
			w := measure.Work{Name: o.workName(number)}
			w.Expect.Rows = PageSize
			last := fmt.Sprintf("SELECT id FROM %s ORDER BY %s LIMIT 1 OFFSET %d", p.table, o.sql, number*PageSize-1)
			if err := conn.QueryRow(ctx, last).Scan(&w.Expect.Last); err != nil {
				return nil, fmt.Errorf("%s: %w", w.Name, err)
			}
			w.Subjects = []measure.Subject{p.keyset(t, o, number), p.offset(t, o, number)}
			works = append(works, w)
		}
	}
	return works, nil
}

func (p paged[T]) keyset(t Target, o pageOrder, number int) measure.Subject {
	stmt := db.MustCompile[T](p.sql)
	read := func(ctx context.Context, pg *db.DB, at db.Cursor) (measure.Seen, error) {
		page, err := stmt.Page(ctx, pg, o.pager, at, PageSize)
		return p.saw(page.Items), err
	}
	open := func(ctx context.Context, config *pgxpool.Config) (*db.DB, db.Cursor, error) {
		pg, err := db.OpenConfig(ctx, config, nil)
		if err != nil {
			return nil, "", err
		}
		at, err := cursorBefore(ctx, pg, stmt, o, number)
		if err != nil {
			pg.Close()
		}
		return pg, at, err
	}
	return measure.Subject{
		Name: "headrace",
		Open: func(ctx context.Context) (measure.Op, func(), error) {
			pg, at, err := open(ctx, t.config.Copy())
			if err != nil {
				return nil, nil, err
			}
			return func(ctx context.Context) (measure.Seen, error) { return read(ctx, pg, at) }, pg.Close, nil
		},
		Extra: func(ctx context.Context) (map[string]float64, error) {
			config := t.config.Copy()
			var sent lastQuery
			config.ConnConfig.Tracer = &sent
			pg, at, err := open(ctx, config)
			if err != nil {
				return nil, err
			}
			defer pg.Close()
			if _, err := read(ctx, pg, at); err != nil {
				return nil, err
			}
			return buffers(ctx, pg, sent.sql, sent.args)
		},
	}
}

// cursorBefore returns the cursor of a page, from one large page before it.
func cursorBefore[T any](ctx context.Context, pg *db.DB, stmt *db.Stmt[T], o pageOrder, number int) (db.Cursor, error) {
	if number == 1 {
		return "", nil
	}
	page, err := stmt.Page(ctx, pg, o.pager, "", (number-1)*PageSize)
	return page.Next, err
}

func (p paged[T]) offset(t Target, o pageOrder, number int) measure.Subject {
	sql := p.sql + " ORDER BY " + o.sql + " LIMIT $1 OFFSET $2"
	args := []any{PageSize, (number - 1) * PageSize}
	r := overPool("offset", func(ctx context.Context, pool *pgxpool.Pool) (measure.Seen, error) {
		rows, err := pool.Query(ctx, sql, args...)
		if err != nil {
			return measure.Seen{}, err
		}
		all, err := pgx.CollectRows(rows, pgx.RowToStructByName[T])
		return p.saw(all), err
	})
	return measure.Subject{
		Name: r.name,
		Open: func(ctx context.Context) (measure.Op, func(), error) { return r.open(ctx, t) },
		Extra: func(ctx context.Context) (map[string]float64, error) {
			pool, err := pgxpool.NewWithConfig(ctx, t.config.Copy())
			if err != nil {
				return nil, err
			}
			defer pool.Close()
			return buffers(ctx, pool, sql, args)
		},
	}
}

func (p paged[T]) saw(rows []T) measure.Seen {
	if len(rows) == 0 {
		return measure.Seen{}
	}
	return measure.Seen{Rows: len(rows), Last: p.id(&rows[len(rows)-1])}
}

// lastQuery records the last statement that was sent.
type lastQuery struct {
	sql  string
	args []any
}

func (q *lastQuery) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	q.sql, q.args = data.SQL, data.Args
	return ctx
}

func (q *lastQuery) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// buffers asks the server how many shared buffers a statement touches.
func buffers(ctx context.Context, q interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}, sql string, args []any) (map[string]float64, error) {
	var text []byte
	if err := q.QueryRow(ctx, "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) "+sql, args...).Scan(&text); err != nil {
		return nil, fmt.Errorf("explain: %w", err)
	}
	var plans []struct {
		Plan struct {
			Hit  float64 `json:"Shared Hit Blocks"`
			Read float64 `json:"Shared Read Blocks"`
		}
	}
	if err := json.Unmarshal(text, &plans); err != nil || len(plans) != 1 {
		return nil, fmt.Errorf("read plan %s: %w", text, err)
	}
	return map[string]float64{"buffers": plans[0].Plan.Hit + plans[0].Plan.Read}, nil
}
