package pgcopy_test

import (
	"errors"
	"fmt"
	"io"
	"reflect"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/headrace/headrace/internal/pgcopy"
)

// The stream is what a COPY ... FROM STDIN (FORMAT binary) reads.
func ExampleOfSlice() {
	type City struct {
		ID   int32
		Name string
	}
	fields, err := pgcopy.Fields(reflect.TypeFor[City]())
	if err != nil {
		fmt.Println(err)
		return
	}
	encoder, err := pgcopy.Compile[City](pgtype.NewMap(), []pgcopy.Column{
		{Name: "id", OID: pgtype.Int4OID, Type: "integer"}, {Name: "name", OID: pgtype.TextOID, Type: "text"},
	}, fields)
	if err != nil {
		fmt.Println(err)
		return
	}

	stream := pgcopy.OfSlice(encoder, []City{{7, "Oslo"}})
	data, err := io.ReadAll(stream)
	stream.Close()
	fmt.Printf("%x %v\n", data[19:], err) // behind the header

	stream = pgcopy.OfSlice(encoder, []City{{7, "Oslo"}, {8, "Ber\x00gen"}})
	_, err = io.Copy(io.Discard, stream)
	stream.Close()
	var bad *pgcopy.RowError
	fmt.Println(errors.As(err, &bad), bad)
	// Output:
	// 00020000000400000007000000044f736c6fffff <nil>
	// true row 2: column "name": field Name (string) into text: text with a NUL byte, which PostgreSQL cannot store
}
