package db_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"sync"

	"github.com/headrace/headrace/db"
)

// VALUES replace a table, so that the examples need none.
const rivers = `SELECT * FROM (VALUES (1, 'Elbe', 1094), (2, 'Rhine', 1233), (3, 'Lost', NULL), (4, 'Loire', 1006),
	(5, 'Danube', 2850)) AS rivers(id, name, km)`

type River struct {
	ID   int
	Name string
	KM   *int
}

func openExample() *db.DB {
	pg, err := db.Open(context.Background(), os.Getenv("DATABASE_URL"), nil)
	if err != nil {
		log.Fatal(err)
	}
	return pg
}

// The longest rivers come first, those of unknown length last. In a web
// service, links carry the cursors.
func ExampleStmt_Page() {
	pg := openExample()
	defer pg.Close()
	all := db.MustCompile[River](rivers)
	longest := db.Pager{
		Keys: []db.Order{db.Desc("km").NullsLast(), db.Asc("id")},
		Sign: [][]byte{[]byte("a secret of the service")},
	}
	var at db.Cursor
	for {
		page, err := all.Page(context.Background(), pg, longest, at, 2)
		if err != nil {
			log.Fatal(err)
		}
		for _, river := range page.Items {
			fmt.Print(river.Name, " ")
		}
		fmt.Println("| previous page:", page.Prev != "", "| next page:", page.Next != "")
		if at = page.Next; at == "" {
			break
		}
	}
	// Output:
	// Danube Rhine | previous page: false | next page: true
	// Elbe Loire | previous page: true | next page: true
	// Lost | previous page: true | next page: false
}

// A page as the response to a request: the request has the limit and the
// cursor, and a cursor for another statement is the client's mistake.
func ExamplePage_http() {
	pg := openExample()
	defer pg.Close()
	all, byID := db.MustCompile[River](rivers), db.Pager{Keys: []db.Order{db.Asc("id")}}
	handler := func(w http.ResponseWriter, r *http.Request) {
		limit := 20
		if given := r.FormValue("limit"); given != "" {
			n, err := strconv.Atoi(given)
			if err != nil || n < 1 || n > 100 {
				http.Error(w, "limit is not a number from 1 to 100", http.StatusBadRequest)
				return
			}
			limit = n
		}
		page, err := all.Page(r.Context(), pg, byID, db.Cursor(r.FormValue("cursor")), limit)
		switch {
		case errors.Is(err, db.ErrBadCursor):
			http.Error(w, "bad cursor", http.StatusBadRequest)
		case err != nil:
			http.Error(w, "internal error", http.StatusInternalServerError)
		default:
			_ = json.NewEncoder(w).Encode(page) // {"items": [...], "next": "...", "prev": "..."}
		}
	}
	for _, query := range []string{"limit=2", "limit=all", "cursor=forged"} {
		answer := httptest.NewRecorder()
		handler(answer, httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/rivers?"+query, http.NoBody))
		fmt.Println(query, answer.Code)
	}
	// Output:
	// limit=2 200
	// limit=all 400
	// cursor=forged 400
}

func ExamplePaginateOffset() {
	pg := openExample()
	defer pg.Close()
	pager := db.OffsetPager{Keys: []db.Order{db.Asc("name")}, Size: 2, Count: db.ExactCount}
	page, err := db.PaginateOffset[River](context.Background(), pg, db.SQL(rivers), pager, 2)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(page.Items[0].Name, page.Items[1].Name, "of", page.Total, "more:", page.More)
	// Output: Loire Lost of 5 more: true
}

// Two reads in one round trip, each with its own result.
func ExampleGather() {
	pg := openExample()
	defer pg.Close()
	river := db.GatherOne[River](db.SQL(rivers + " WHERE id = 2"))
	names := db.GatherAll[string](db.SQL("SELECT name FROM (" + rivers + ") r WHERE km > 1100 ORDER BY name"))
	if err := db.Gather(context.Background(), pg, river, names); err != nil {
		log.Fatal(err)
	}
	rhine, _ := river.Value()
	long, _ := names.Value()
	fmt.Println(rhine.Name, long)
	// Output: Rhine [Danube Rhine]
}

// Five lookups from five goroutines become one statement.
func ExampleNewLoader() {
	pg := openExample()
	defer pg.Close()
	byID := db.MustCompile[River](rivers + " WHERE id = ANY($1)")
	loader := db.NewLoader(pg, byID, func(r River) int { return r.ID }, nil)
	names := make([]string, 5)
	var wg sync.WaitGroup
	for i := range names {
		wg.Go(func() {
			river, err := loader.Load(context.Background(), i+1)
			if err != nil {
				log.Fatal(err)
			}
			names[i] = river.Name
		})
	}
	wg.Wait()
	fmt.Println(names)
	// Output: [Elbe Rhine Lost Loire Danube]
}
