package advise

import "math"

// costSettings are the planner's settings; see "Planner Cost Constants" in the
// manual.
type costSettings struct {
	SeqPage, RandomPage, Tuple, IndexTuple, Operator float64
}

// A lookup is a search in an index that does not exist yet.
type lookup struct {
	tuples  float64 // of the table
	pages   float64 // of the table
	matched float64 // rows that the index finds
	indexed float64 // the share of the table's rows in the index
	width   float64 // bytes of the keys and included columns
	visible float64 // the share of pages that need not be read; 0 unless index-only
	inOrder bool    // rows are read one by one in the order of the index
}

// cost estimates the cost of a lookup as the planner does (costsize.c and
// selfuncs.c), for rows that are spread evenly over the table.
func (c costSettings) cost(l lookup) float64 {
	const (
		pageBytes  = 8192 * 0.9 // filled, as after CREATE INDEX
		entryBytes = 16         // of a tuple's header and pointer
		descend    = 50         // operators for each page on the way down
	)
	entries := max(l.tuples*l.indexed, 1)
	indexPages := max(1, math.Ceil(entries*(entryBytes+l.width)/pageBytes))
	height := math.Ceil(math.Log(indexPages)/math.Log(200)) + 1
	read := max(1, math.Ceil(indexPages*min(1, l.matched/entries)))
	cost := math.Ceil(math.Log2(entries+1))*c.Operator + height*descend*c.Operator
	cost += read*c.RandomPage + l.matched*(c.IndexTuple+c.Operator)

	heap := heapPages(l.pages, l.matched)
	perPage := c.RandomPage
	if !l.inOrder && heap > 1 { // a bitmap scan reads pages in their order
		perPage -= (c.RandomPage - c.SeqPage) * math.Sqrt(min(1, heap/max(l.pages, 1)))
	}
	if l.inOrder {
		heap = max(heap, min(l.matched, 2*l.pages)) // pages may be read repeatedly
	}
	return cost + heap*perPage*(1-l.visible) + l.matched*(c.Tuple+c.Operator)
}

// heapPages estimates the pages that hold n rows, by the formula of Mackert and
// Lohman for a table that fits in the cache.
func heapPages(pages, n float64) float64 {
	if n <= 0 {
		return 0
	}
	return math.Ceil(min(pages, 2*pages*n/(2*pages+n)))
}
