package batchinsert

import (
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"
)

func TestPeek(t *testing.T) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	io.WriteString(w, "name\nZ\xfcrich\n")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		file, encoding string
		n              int
		want, err      string
	}{
		{file: "a,b\n1,2\n", n: 3, want: "a,b"},
		{file: "a", n: 512, want: "a"},
		{n: 512},
		{file: packed.String(), encoding: "latin1", n: 9, want: "name\nZür"[:9]},
		{file: "\xef\xbb\xbfa", n: 1, want: "a"},
		{encoding: "klingon", err: `unknown encoding "klingon"`},
		{file: packed.String()[:packed.Len()-12], n: 512, err: "gzip"},
		{n: -1, err: "want 0 or more"},
	} {
		got, err := Peek(strings.NewReader(tt.file), tt.encoding, tt.n)
		if string(got) != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%q as %q, %d: %q, %v", tt.file, tt.encoding, tt.n, got, err)
		}
	}
}
