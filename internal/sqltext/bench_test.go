package sqltext

import "testing"

// benchTexts are statements as programs write them.
var benchTexts = []struct{ name, text string }{
	{"key", "SELECT id, name, country, population FROM cities WHERE id = $1"},
	{"join", `-- name: OrdersOfCustomer :many
SELECT o.id, o.placed_at, o.total, l.sku, l.quantity, p.title
FROM orders o
JOIN lines l ON l.order_id = o.id
LEFT JOIN products p ON p.sku = l.sku
WHERE o.customer_id = $1 AND o.state IN ('open', 'paid', 'sent') AND o.placed_at > now() - interval '30 days'
ORDER BY o.placed_at DESC, o.id
LIMIT 50`},
	{"normalized", "select id, name, country, population from cities where country = $1 and population > $2 order by population desc limit 20"},
}

func BenchmarkAnalyze(b *testing.B) {
	for _, bench := range benchTexts {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(bench.text)))
			for b.Loop() {
				Analyze(bench.text)
			}
		})
	}
}

func BenchmarkLexer(b *testing.B) {
	text := benchTexts[1].text
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		l := NewLexer(text)
		for {
			if _, ok := l.Next(); !ok {
				break
			}
		}
	}
}
