package sqltext_test

import (
	"fmt"

	"github.com/headrace/headrace/internal/sqltext"
)

func ExampleAnalyze() {
	st := sqltext.Analyze("-- name: BigCities :many\nSELECT name FROM Cities WHERE country IN ('NO', 'SE') AND population > $1;")
	fmt.Println(st.Name, st.Kind, st.ReadOnly, st.Reads)
	fmt.Println(st.Normalized)
	fmt.Println(st.FingerprintText())
	// Output:
	// BigCities SELECT yes [{ cities}]
	// select name from cities where country in ('NO', 'SE') and population > $1
	// select name from cities where country in (?) and population > ?
}

func ExampleStatements() {
	for _, st := range sqltext.Statements("BEGIN; UPDATE cities SET name = ';' WHERE id = 1; COMMIT") {
		fmt.Println(st.Kind, st.Writes)
	}
	// Output:
	// BEGIN []
	// UPDATE [{ cities}]
	// COMMIT []
}

func ExampleOutline() {
	const text = "WITH big AS (SELECT * FROM cities) SELECT id, name FROM big ORDER BY id;"
	parts, err := sqltext.Outline(text)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(parts.With.Of(text))
	fmt.Println(parts.Body.Of(text))
	fmt.Println(parts.OrderBy.Of(text), parts.Limit)
	// Output:
	// WITH big AS (SELECT * FROM cities)
	// SELECT id, name FROM big ORDER BY id
	// ORDER BY id false
}

func ExamplePlaceholders() {
	fmt.Println(sqltext.Placeholders("name <> '?' AND doc ?? 'key' AND id = ?"))
	// Output: name <> '?' AND doc ? 'key' AND id = $1 <nil>
}
