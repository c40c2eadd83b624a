package keyset_test

import (
	"fmt"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/headrace/headrace/internal/keyset"
)

var (
	cities   = keyset.Statement{Body: "SELECT id, name FROM cities WHERE country = $1", Params: 1}
	byName   = []keyset.Key{{Column: "name"}, {Column: "id"}}
	position = keyset.Position{Values: []keyset.Value{{Type: pgtype.TextOID, Text: "Oslo"}, {Type: pgtype.Int8OID, Text: "7"}}}
)

func ExampleSQL() {
	fmt.Println(keyset.SQL(cities, byName, position.Form(3)))
	fmt.Println(position.AppendArgs([]any{"NO"})...)
	// Output:
	// SELECT * FROM (SELECT id, name FROM cities WHERE country = $1
	// ) AS headrace_rows WHERE ("name", "id") > ($2, $3) ORDER BY "name", "id" LIMIT 3 /* types m3 */
	// NO Oslo 7
}

func ExampleEncode() {
	secret := [][]byte{[]byte("a secret of the service")}
	scope := keyset.NewScope([16]byte{1}, []byte("the arguments' key"), byName)
	cursor := keyset.Encode(position, scope, secret)

	back, err := keyset.Decode(cursor, scope, secret, len(byName))
	fmt.Println(back.Values[0].Text, back.Values[1].Text, err)

	others := keyset.NewScope([16]byte{1}, []byte("other arguments"), byName)
	_, err = keyset.Decode(cursor, others, secret, len(byName))
	fmt.Println(err != nil)
	// Output:
	// Oslo 7 <nil>
	// true
}
