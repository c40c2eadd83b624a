package rowscan_test

import (
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/headrace/headrace/internal/rowscan"
	"github.com/headrace/headrace/internal/rowscan/replay"
)

func ExampleDecoder_All() {
	type City struct {
		ID      int64
		Name    string
		Founded *int32 `db:"founded_in"`
	}
	decoder, err := rowscan.New[City]()
	if err != nil {
		fmt.Println(err)
		return
	}

	// Any pgx.Rows will do; these are played from a recording in the text format.
	recorder := replay.NewRecorder([]pgconn.FieldDescription{
		{Name: "id", DataTypeOID: pgtype.Int8OID}, {Name: "name", DataTypeOID: pgtype.TextOID}, {Name: "founded_in", DataTypeOID: pgtype.Int4OID},
	}, 0)
	for _, row := range [][][]byte{{[]byte("1"), []byte("Rome"), []byte("-753")}, {[]byte("2"), []byte("Atlantis"), nil}} {
		if err := recorder.Add(row); err != nil {
			fmt.Println(err)
			return
		}
	}
	rows := recorder.Finish(pgconn.NewCommandTag("SELECT 2")).Rows(nil)

	cities, err := decoder.All(rows, 100)
	fmt.Println(len(cities), cities[0].Name, *cities[0].Founded, cities[1].Founded == nil, err)
	// Output: 2 Rome -753 true <nil>
}
