package batchinsert

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// cutAll returns the chunks of a text, and checks that they follow each other.
func cutAll(t *testing.T, r io.Reader, d *dialect, size int) []chunk {
	t.Helper()
	c := cutter{r: r, d: d, size: size, next: chunk{firstLine: 1}}
	var out []chunk
	at, line := int64(0), int64(1)
	for {
		next, err := c.cut(nil)
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if next.index != len(out) || next.firstByte != at || next.firstLine != line {
			t.Fatalf("chunk %+v at byte %d, line %d", next, at, line)
		}
		if got := next.spans(d); len(got) != next.records {
			t.Fatalf("%d spans of %d records in %q", len(got), next.records, next.data)
		}
		at, line = at+int64(len(next.data)), line+int64(next.lines)
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
		d := (&LoadOptions{}).withDefaults(nil)
		dialect := d.dialect("\n")
		whole := cutAll(t, strings.NewReader(text), &dialect, 1<<20)
		want := whole[0].spans(&dialect)
		for size := 1; size <= len(text)+1; size++ {
			for name, r := range map[string]io.Reader{"at once": strings.NewReader(text), "by bytes": iotest.OneByteReader(strings.NewReader(text)), "with EOF": iotest.DataErrReader(strings.NewReader(text))} {
				var data []byte
				var spans []span
				for _, c := range cutAll(t, r, &dialect, size) {
					for _, s := range c.spans(&dialect) {
						spans = append(spans, span{s.start + len(data), s.end + len(data), s.line})
					}
					data = append(data, c.data...)
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
	d := (&LoadOptions{}).withDefaults(nil)
	dialect := d.dialect("\n")
	endless := io.MultiReader(strings.NewReader("1,a\n\""), zeros{})
	c := cutter{r: endless, d: &dialect, size: 100, next: chunk{firstLine: 1}}
	if _, err := c.cut(nil); err != errLongRecord {
		t.Errorf("%v", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return copy(p, bytes.Repeat([]byte{'0'}, len(p))), nil }
