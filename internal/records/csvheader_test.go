package records

import (
	"bufio"
	"encoding/csv"
	"io"
	"slices"
	"strings"
	"testing"
)

// usual is CSV as RFC 4180 has it.
var usual = CSV{Comma: ',', Quote: '"', Escape: '"'}

func parseHeader(text string, o CSV) (header, string, error) {
	file := bufio.NewReader(strings.NewReader(text))
	h, err := readHeader(file, o)
	rest, _ := io.ReadAll(file)
	return h, string(rest), err
}

func TestReadHeader(t *testing.T) {
	for _, c := range []struct {
		text  string
		names []string
		rest  string
		lines int
	}{
		{"a,b\n1,2\n", []string{"a", "b"}, "1,2\n", 1},
		{"a,b\r\n1,2\r\n", []string{"a", "b"}, "1,2\r\n", 1},
		{"a,b\r1,2\r", []string{"a", "b"}, "1,2\r", 1},
		{"a", []string{"a"}, "", 1},
		{`"a,1","b""2"` + "\nx", []string{"a,1", `b"2`}, "x", 1},
		{"\"a\nb\",c\n1", []string{"a\nb", "c"}, "1", 2},
		{"\"a\r\nb\",c\r\n1", []string{"a\r\nb", "c"}, "1", 2},
		{`a"b"c,d` + "\n", []string{"abc", "d"}, "", 1},
	} {
		h, rest, err := parseHeader(c.text, usual)
		if err != nil || !slices.Equal(h.names, c.names) || rest != c.rest || h.lines != c.lines {
			t.Errorf("%q: %+v, rest %q, %v", c.text, h, rest, err)
		}
	}
	h, _, err := parseHeader(`'a\'b';'c\d'`+"\n", CSV{Comma: ';', Quote: '\'', Escape: '\\'})
	if err != nil || !slices.Equal(h.names, []string{"a'b", `c\d`}) {
		t.Errorf("%q, %v", h.names, err)
	}
	for _, bad := range []string{"", "a,,b\n", "\"a\n", "\xff\n", "\n", "\"" + strings.Repeat("x", headerLimit+1)} {
		if h, _, err := parseHeader(bad, usual); err == nil {
			t.Errorf("%.20q is taken for %q", bad, h.names)
		}
	}
}

// FuzzReadHeader holds the parser to encoding/csv where both accept a text.
func FuzzReadHeader(f *testing.F) {
	f.Add("a,b\n1,2\n")
	f.Add("\"a\"\"\n\",b\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		h, rest, err := parseHeader(text, usual)
		if err != nil {
			return
		}
		if !strings.HasSuffix(text, rest) {
			t.Fatalf("rest %q of %q", rest, text)
		}
		if strings.Contains(text, "\r") || strings.HasPrefix(text, "\n") {
			return // encoding/csv folds carriage returns, and passes over empty lines
		}
		want, err := csv.NewReader(strings.NewReader(text)).Read()
		if err == nil && !slices.Equal(h.names, want) {
			t.Errorf("%q: %q, encoding/csv reads %q", text, h.names, want)
		}
	})
}
