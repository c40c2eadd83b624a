package records

import (
	"bufio"
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// csvWithout is the usual CSV without a header, in which lines end in this way.
func csvWithout(t *testing.T, eol string) Format {
	t.Helper()
	f, err := OpenCSV(bufio.NewReader(strings.NewReader("1"+eol)), usual, Fields{Names: []string{"a", "b"}})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// cutAll returns the chunks of a text, and checks that they follow each other.
func cutAll(t *testing.T, r io.Reader, f Format, size int) []Chunk {
	t.Helper()
	c := NewCutter(r, f, size, 0)
	var out []Chunk
	at, line := int64(0), int64(1)
	for {
		next, err := c.Cut(nil)
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if next.Index != len(out) || next.FirstByte != at || next.FirstLine != line {
			t.Fatalf("chunk %+v at byte %d, line %d", next, at, line)
		}
		if got := next.Spans(f); len(got) != next.Records {
			t.Fatalf("%d spans of %d records in %q", len(got), next.Records, next.Data)
		}
		at, line = at+int64(len(next.Data)), line+int64(next.Lines)
		out = append(out, *next)
	}
}

// Quoted line breaks at every possible border between chunks and reads.
func TestChunksAtEveryBorder(t *testing.T) {
	for _, text := range []string{
		"1,a\n2,\"b\nb\"\n3,\"\"\"\n\"\n4,d\n",
		"1,a\r\n\"2\r\n\r\n\",b\r\n\r\n3,c",
		"\n\n\n", "x", "\"never closed\n2,b\n",
	} {
		f := csvWithout(t, "\n")
		whole := cutAll(t, strings.NewReader(text), f, 1<<20)
		want := whole[0].Spans(f)
		for size := 1; size <= len(text)+1; size++ {
			for name, r := range map[string]io.Reader{"at once": strings.NewReader(text), "by bytes": iotest.OneByteReader(strings.NewReader(text)), "with EOF": iotest.DataErrReader(strings.NewReader(text))} {
				var data []byte
				var spans []Span
				for _, c := range cutAll(t, r, f, size) {
					for _, s := range c.Spans(f) {
						spans = append(spans, Span{s.Start + len(data), s.End + len(data), s.Line})
					}
					data = append(data, c.Data...)
				}
				if string(data) != text || len(spans) != len(want) {
					t.Fatalf("%q in chunks of %d, %s: %q, %d records of %d", text, size, name, data, len(spans), len(want))
				}
				for i := range spans {
					if spans[i] != want[i] {
						t.Fatalf("%q in chunks of %d: record %d is %+v, want %+v", text, size, i, spans[i], want[i])
					}
				}
			}
		}
	}
}

func TestCutterBoundsRecords(t *testing.T) {
	endless := io.MultiReader(strings.NewReader("1,a\n\""), zeros{})
	c := NewCutter(endless, csvWithout(t, "\n"), 100, 0)
	if _, err := c.Cut(nil); err != errLongRecord {
		t.Errorf("%v", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return copy(p, bytes.Repeat([]byte{'0'}, len(p))), nil }
