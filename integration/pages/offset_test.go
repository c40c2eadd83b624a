package pages_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/headrace/headrace/db"
)

func TestOffsetPages(t *testing.T) {
	t.Parallel()
	pg := open(t, cities, "ANALYZE cities")
	statement := db.SQL("WITH c AS (SELECT * FROM cities) SELECT id FROM c WHERE id >= $1;", 1)
	p := db.OffsetPager{Keys: []db.Order{db.Desc("id")}, Size: 7, Count: db.ExactCount}
	var ids []int
	for number := 1; ; number++ {
		page, err := db.PaginateOffset[int](t.Context(), pg, statement, p, number)
		if err != nil {
			t.Fatal(err)
		}
		if page.Total != 19 {
			t.Errorf("page %d: a total of %d", number, page.Total)
		}
		ids = append(ids, page.Items...)
		if !page.More {
			break
		}
	}
	if len(ids) != 19 || !slices.IsSortedFunc(ids, func(a, b int) int { return b - a }) {
		t.Errorf("got %v", ids)
	}

	p.Count = db.EstimatedCount
	page, err := db.PaginateOffset[city](t.Context(), pg, db.SQL("SELECT * FROM cities"), p, 1)
	if err != nil || page.Total != 20 || len(page.Items) != 7 {
		t.Errorf("estimated: %+v, %v", page, err)
	}
	p.Count = db.NoCount
	if page, err := db.PaginateOffset[city](t.Context(), pg, db.SQL("SELECT * FROM cities"), p, 9); err != nil || page.More || len(page.Items) != 0 {
		t.Errorf("after the end: %+v, %v", page, err)
	}
}

func TestOffsetRefused(t *testing.T) {
	t.Parallel()
	pg := open(t, cities)
	id := []db.Order{db.Asc("id")}
	for _, tt := range []struct {
		name   string
		sql    string
		p      db.OffsetPager
		number int
		want   string
	}{
		{"too deep", "SELECT id FROM cities", db.OffsetPager{Keys: id, Size: 10}, 1002, "begins beyond row 10000"},
		{"too deep for the program", "SELECT id FROM cities", db.OffsetPager{Keys: id, Size: 10, MaxOffset: 9}, 2, "begins beyond row 9"},
		{"page 0", "SELECT id FROM cities", db.OffsetPager{Keys: id, Size: 10}, 0, "page number is 0"},
		{"no size", "SELECT id FROM cities", db.OffsetPager{Keys: id}, 1, "Size is 0"},
		{"negative bound", "SELECT id FROM cities", db.OffsetPager{Keys: id, Size: 1, MaxOffset: -1}, 1, "MaxOffset is -1"},
		{"no keys", "SELECT id FROM cities", db.OffsetPager{Size: 1}, 1, "no keys"},
		{"unknown count", "SELECT id FROM cities", db.OffsetPager{Keys: id, Size: 1, Count: 9}, 1, "Count is 9"},
		{"lock", "SELECT id FROM cities FOR SHARE", db.OffsetPager{Keys: id, Size: 1}, 1, "FOR SHARE"},
	} {
		_, err := db.PaginateOffset[int](t.Context(), pg, db.SQL(tt.sql), tt.p, tt.number)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: err = %v, want %q", tt.name, err, tt.want)
		}
		if strings.HasPrefix(tt.name, "too deep") != errors.Is(err, db.ErrPageTooDeep) {
			t.Errorf("%s: err = %v, ErrPageTooDeep or not", tt.name, err)
		}
	}
	if _, err := db.PaginateOffset[int](t.Context(), pg, db.SQL("SELECT id FROM cities"), db.OffsetPager{Keys: id, Size: 10}, 1001); err != nil {
		t.Errorf("the last page that is allowed: %v", err)
	}
}
