package parquetsource_test

import (
	"bytes"
	"fmt"
	"log"

	"github.com/parquet-go/parquet-go"

	"github.com/headrace/headrace/batchinsert/parquetsource"
)

// The rows of a file, of two of its columns. They go to batchinsert.Load as they are.
func ExampleFile_Records() {
	type town struct {
		ID      int64   `parquet:"id"`
		Name    string  `parquet:"name"`
		Country *string `parquet:"country,optional"`
	}
	var file bytes.Buffer
	if err := parquet.Write(&file, []town{{ID: 1, Name: "Kent"}, {ID: 2, Name: "Ghent"}}); err != nil {
		log.Fatal(err)
	}

	f, err := parquetsource.Open(bytes.NewReader(file.Bytes()), int64(file.Len()), nil)
	if err != nil {
		log.Fatal(err)
	}
	rows, err := f.Records("towns.parquet", "name", "country")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(f.NumRows(), "rows of", f.Columns())
	for row, err := range rows.Rows {
		fmt.Println(row, err)
	}
	// Output:
	// 2 rows of [id name country]
	// [Kent <nil>] <nil>
	// [Ghent <nil>] <nil>
}
