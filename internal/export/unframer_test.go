package export

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
)

// framed is a binary COPY of one column with these values.
func framed(extension string, values ...string) []byte {
	b := append(bytes.Clone(copySignature), 0, 0, 0, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(len(extension)))
	b = append(b, extension...)
	for _, v := range values {
		b = append(b, 0, 1)
		b = binary.BigEndian.AppendUint32(b, uint32(len(v)))
		b = append(b, v...)
	}
	return append(b, 0xff, 0xff)
}

// unframe takes the framing off pieces of size bytes.
func unframe(data []byte, size int) (text string, ended bool, err error) {
	var out bytes.Buffer
	buffer := bufio.NewWriter(&out)
	u := newUnframer(buffer)
	for len(data) > 0 && err == nil {
		n := min(size, len(data))
		var taken int
		if taken, err = u.Write(data[:n]); err == nil && taken < n {
			err = errors.New("a short write without an error")
		}
		data = data[n:]
	}
	_ = buffer.Flush() // to memory
	return out.String(), u.ended(), err
}

func TestUnframer(t *testing.T) {
	long := `{"a":"` + strings.Repeat("x", 70_000) + `"}`
	for _, c := range []struct {
		data []byte
		want string
	}{
		{framed(""), ""},
		{framed("", "{}"), "{}\n"},
		{framed("more", `{"a":"\n"}`, `{"b":[1]}`), `{"a":"\n"}` + "\n" + `{"b":[1]}` + "\n"},
		{framed("", "{\r\n\"a\":\n1\n}"), "{  \"a\": 1 }\n"},
		{framed("", long, "1", long), long + "\n1\n" + long + "\n"},
	} {
		for _, size := range []int{1, 2, 3, 5, 19, 20, 1000, len(c.data)} {
			text, ended, err := unframe(c.data, size)
			if text != c.want || !ended || err != nil {
				t.Errorf("%.50q by %d bytes: %.50q, ended %v, %v", c.data, size, text, ended, err)
			}
		}
		if _, ended, err := unframe(c.data[:len(c.data)-1], 7); ended || err != nil {
			t.Errorf("%.50q, cut: ended %v, %v", c.data, ended, err)
		}
	}
}

func TestUnframerRefusesWhatIsNoCopy(t *testing.T) {
	whole := framed("", "1")
	header := whole[:19]
	with := func(tail ...byte) []byte { return append(bytes.Clone(header), tail...) }
	flagged := bytes.Clone(header)
	flagged[12] = 1
	negative := bytes.Clone(header)
	negative[15] = 0xff
	for name, data := range map[string][]byte{
		"text":          []byte(`{"a": "a line of a COPY in text format"}`),
		"flags":         flagged,
		"extension":     negative,
		"two columns":   with(0, 2),
		"no column":     with(0, 0),
		"NULL":          with(0, 1, 0xff, 0xff, 0xff, 0xff),
		"empty":         with(0, 1, 0, 0, 0, 0),
		"behind it all": append(bytes.Clone(whole), 0),
	} {
		for _, size := range []int{1, len(data)} {
			if _, _, err := unframe(data, size); !errors.Is(err, errFraming) {
				t.Errorf("%s by %d bytes: %v", name, size, err)
			}
		}
	}
}

// FuzzUnframer: cuts make no difference, whatever the bytes are.
func FuzzUnframer(f *testing.F) {
	f.Add(framed("", "{}", "{\n}"), 3)
	f.Add(framed("ext", "1")[:25], 1)
	f.Add([]byte("PGCOPY"), 2)
	f.Fuzz(func(t *testing.T, data []byte, size int) {
		if size < 1 || size > 1000 {
			return
		}
		text, ended, err := unframe(data, size)
		wholeText, wholeEnded, wholeErr := unframe(data, max(len(data), 1))
		if ended != wholeEnded || !errors.Is(err, wholeErr) {
			t.Errorf("by %d bytes: ended %v, %v; at once: ended %v, %v", size, ended, err, wholeEnded, wholeErr)
		}
		if text != wholeText {
			t.Errorf("by %d bytes: %q, at once: %q", size, text, wholeText)
		}
		if strings.Count(text, "\r") > 0 {
			t.Errorf("a line break within a line: %q", text)
		}
	})
}
