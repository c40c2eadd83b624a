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

const (
	pageSize = 50
	pageSQL  = "SELECT " + columns10 + ", note, reference, shipped_at FROM orders"
)

// pageOrder is an order to go through pages by, in both languages.
type pageOrder struct {
	name  string
	pager db.Pager
	sql   string
}

var pageOrders = []pageOrder{
	{"unique", db.Pager{Keys: []db.Order{db.Asc("id")}}, "id"},
	{"nullable", db.Pager{Keys: []db.Order{db.Asc("shipped_at"), db.Asc("id")}}, "shipped_at, id"},
	{"mixed", db.Pager{Keys: []db.Order{db.Desc("price").NotNull(), db.Asc("id")}}, "price DESC, id"},
}

var pageStmt = db.MustCompile[pageRow](pageSQL)

// Pages are the works that read one page, the first and one in the middle of
// orders, by keyset and by OFFSET. They say as well how many buffers the server
// looked at.
func Pages(ctx context.Context, t Target, orders int) ([]measure.Work, error) {
	conn, err := pgx.ConnectConfig(ctx, t.config.ConnConfig.Copy())
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	var works []measure.Work
	for _, o := range pageOrders {
		for _, number := range []int{1, orders / 2 / pageSize} {
			w := measure.Work{Name: fmt.Sprintf("page/%d/%s", number, o.name)}
			w.Expect.Rows = pageSize
			last := fmt.Sprintf("SELECT id FROM orders ORDER BY %s LIMIT 1 OFFSET %d", o.sql, number*pageSize-1)
			if err := conn.QueryRow(ctx, last).Scan(&w.Expect.Last); err != nil {
				return nil, fmt.Errorf("%s: %w", w.Name, err)
			}
			w.Subjects = []measure.Subject{keysetPage(t, o, number), offsetPage(t, o, number)}
			works = append(works, w)
		}
	}
	return works, nil
}

func keysetPage(t Target, o pageOrder, number int) measure.Subject {
	read := func(ctx context.Context, pg *db.DB, at db.Cursor) (measure.Seen, error) {
		page, err := pageStmt.Page(ctx, pg, o.pager, at, pageSize)
		return sawPage(page.Items), err
	}
	open := func(ctx context.Context, config *pgxpool.Config) (*db.DB, db.Cursor, error) {
		pg, err := db.OpenConfig(ctx, config, nil)
		if err != nil {
			return nil, "", err
		}
		at, err := cursorBefore(ctx, pg, o, number)
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

// cursorBefore leads to a page by one large page in front of it.
func cursorBefore(ctx context.Context, pg *db.DB, o pageOrder, number int) (db.Cursor, error) {
	if number == 1 {
		return "", nil
	}
	page, err := pageStmt.Page(ctx, pg, o.pager, "", (number-1)*pageSize)
	return page.Next, err
}

func offsetPage(t Target, o pageOrder, number int) measure.Subject {
	sql := pageSQL + " ORDER BY " + o.sql + " LIMIT $1 OFFSET $2"
	args := []any{pageSize, (number - 1) * pageSize}
	r := overPool("offset", func(ctx context.Context, pool *pgxpool.Pool) (measure.Seen, error) {
		rows, err := pool.Query(ctx, sql, args...)
		if err != nil {
			return measure.Seen{}, err
		}
		all, err := pgx.CollectRows(rows, pgx.RowToStructByName[pageRow])
		return sawPage(all), err
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

func sawPage(rows []pageRow) measure.Seen {
	if len(rows) == 0 {
		return measure.Seen{}
	}
	return measure.Seen{Rows: len(rows), Last: rows[len(rows)-1].ID}
}

// lastQuery remembers what was sent last.
type lastQuery struct {
	sql  string
	args []any
}

func (q *lastQuery) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	q.sql, q.args = data.SQL, data.Args
	return ctx
}

func (q *lastQuery) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// buffers asks the server how many shared buffers a statement looks at.
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
