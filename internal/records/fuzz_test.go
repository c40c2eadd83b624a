package records

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"reflect"
	"strings"
	"testing"
)

// FuzzJSON holds the walk through an object to encoding/json: the same members,
// and texts that mean the same strings.
func FuzzJSON(f *testing.F) {
	f.Add(`{"a": 1, "b\u0041": [1, {"c": "}"}, "x\"y"], "a": null}`)
	f.Add(`{"": "\ud83d\ude00", "n": -1.5e+10 , "t":true}`)
	f.Add(`{}`)
	f.Fuzz(func(t *testing.T, line string) {
		if checkObject([]byte(line)) != nil {
			return
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal([]byte(line), &want); err != nil {
			return // too deep
		}
		got := map[string]string{}
		for key, value := range members(bytes.TrimSpace([]byte(line))) {
			name, err := unquote(key)
			if err != nil {
				return // replaced by encoding/json
			}
			got[strings.ToValidUTF8(string(name), "\uFFFD")] = string(value)
		}
		if len(got) > len(want) {
			t.Fatalf("%q: members %q, want %q", line, got, want)
		}
		for name, value := range want {
			if got[name] != string(value) && strings.ToValidUTF8(line, "") == line {
				t.Fatalf("%q: %q is %q, want %q", line, name, got[name], value)
			}
		}
	})
}

// FuzzArray holds arrays of strings to what the syntax says of them.
func FuzzArray(f *testing.F) {
	f.Add(`["a", null, "\"\\", "x,y{}", ""]`)
	f.Fuzz(func(t *testing.T, array string) {
		var want []*string
		if json.Unmarshal([]byte(array), &want) != nil || !json.Valid([]byte(array)) || strings.TrimSpace(array)[0] != '[' {
			return
		}
		text, err := appendArray(nil, bytes.TrimSpace([]byte(array)), false)
		if err != nil {
			return // no character
		}
		if got := readArray(t, string(text)); len(got)+len(want) > 0 && !reflect.DeepEqual(got, want) && strings.ToValidUTF8(array, "") == array {
			t.Fatalf("%s became %s", array, text)
		}
	})
}

// readArray reads a flat array of quoted strings and NULL.
func readArray(t *testing.T, text string) (out []*string) {
	for text = text[1:]; text[0] != '}'; {
		if rest, ok := strings.CutPrefix(text, "NULL"); ok {
			out, text = append(out, nil), rest
		} else {
			var b strings.Builder
			i := 1
			for ; text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
				b.WriteByte(text[i])
			}
			s := b.String()
			out, text = append(out, &s), text[i+1:]
		}
		text = strings.TrimPrefix(text, ",")
	}
	if text != "}" {
		t.Fatalf("rest %q", text)
	}
	return out
}

// FuzzTextEscapes: what is escaped is one field of one line, and comes back.
func FuzzTextEscapes(f *testing.F) {
	f.Add("a\tb\nc\\N\r")
	f.Fuzz(func(t *testing.T, s string) {
		escaped := appendEscaped(nil, []byte(s))
		if bytes.ContainsAny(escaped, "\t\n\r") || string(escaped) == `\N` {
			t.Fatalf("%q became %q", s, escaped)
		}
		if got := new(textEncoder).unescape(escaped); string(got) != s {
			t.Fatalf("%q came back as %q", s, got)
		}
	})
}

// FuzzCutter: any file in chunks of any size has the records that it has as a
// whole.
func FuzzCutter(f *testing.F) {
	f.Add("1,a\n2,\"b\n\"\n", uint8(3), false)
	f.Add("{}\n\n{}\r\n ", uint8(1), true)
	f.Fuzz(func(t *testing.T, text string, size uint8, asJSON bool) {
		open := func() Format {
			file := bufio.NewReader(strings.NewReader(text))
			format, err := OpenCSV(file, usual, Fields{Names: []string{"a"}})
			if asJSON {
				format, err = OpenJSON(file, Fields{Names: []string{"a"}})
			}
			if err != nil {
				t.Fatal(err)
			}
			return format
		}
		format := open()
		var whole, parts []string
		for _, c := range cutAll(t, strings.NewReader(text), format, 1<<20) {
			for _, s := range c.Spans(format) {
				whole = append(whole, string(c.Data[s.Start:s.End]))
			}
		}
		for _, c := range cutAll(t, strings.NewReader(text), format, int(size)) {
			for _, s := range c.Spans(format) {
				parts = append(parts, string(c.Data[s.Start:s.End]))
			}
		}
		if !reflect.DeepEqual(whole, parts) {
			t.Fatalf("%q in chunks of %d: %q, want %q", text, size, parts, whole)
		}
	})
}

// FuzzOpen reads hostile archives: an error, or text, and an end.
func FuzzOpen(f *testing.F) {
	f.Add([]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x01\x00"), "")
	f.Add([]byte("\x28\xb5\x2f\xfd\x04\x58\x09\x00\x00a\n"), "latin1")
	f.Add([]byte("BZh91AY&SY"), "utf16")
	f.Fuzz(func(t *testing.T, file []byte, encoding string) {
		text, err := Open(bytes.NewReader(file), encoding)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, io.LimitReader(text, 1<<20))
	})
}
