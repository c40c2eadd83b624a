package records

import (
	"bufio"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgtype"
)

// TestNullInNotNullIsLeftToTheServer: the records before it can be sent without
// it, and need not be sent again.
func TestNullInNotNullIsLeftToTheServer(t *testing.T) {
	t.Parallel()
	names := []string{"a", "b"}
	open := func(format Format, err error) Format {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return format
	}
	for _, c := range []struct {
		name   string
		format Format
		data   string
	}{
		{"csv", open(OpenCSV(bufio.NewReader(strings.NewReader("1,\n")), usual, Fields{Names: names})), "1,\n2,\n,3\n"},
		{"quoted csv", open(OpenCSV(bufio.NewReader(strings.NewReader("1,\n")), usual, Fields{Names: names})), "\"1\",\n2,\n,\"3\"\n"},
		{"json", open(OpenJSON(bufio.NewReader(strings.NewReader("{}")), Fields{Names: names})), "{\"a\":1}\n{\"a\":2,\"b\":null}\n{\"b\":3}\n"},
		{"text", &textFormat{names: names}, "1\t\\N\n2\t\\N\n\\N\t3\n"},
	} {
		for _, notNull := range []bool{true, false} {
			columns := []Column{{Name: "a", OID: pgtype.Int8OID, NotNull: notNull}, {Name: "b", OID: pgtype.Int8OID}}
			_, n, whole := c.format.Encoder(columns).Encode(nil, []byte(c.data))
			if want := map[bool]int{true: 2, false: 3}[notNull]; n != want || whole == notNull {
				t.Errorf("%s, NOT NULL %v: %d records, whole %v", c.name, notNull, n, whole)
			}
		}
	}
}
