package records

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

func decoded(t *testing.T, file []byte, encoding string) string {
	t.Helper()
	var texts []string
	for _, r := range []io.Reader{bytes.NewReader(file), iotest.OneByteReader(bytes.NewReader(file)), iotest.DataErrReader(bytes.NewReader(file))} {
		text, err := Open(r, encoding)
		if err != nil {
			t.Fatal(err)
		}
		all, err := io.ReadAll(text)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(all))
	}
	if texts[0] != texts[1] || texts[0] != texts[2] {
		t.Fatalf("%s %x: %x and %x and %x, by how it is read", encoding, file, texts[0], texts[1], texts[2])
	}
	return texts[0]
}

func TestSingleByteEncodings(t *testing.T) {
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	undecodable := 0
	for _, e := range charmap.All {
		m, ok := e.(*charmap.Charmap)
		if !ok {
			continue
		}
		// Without what x/text puts for bytes that are no character.
		want, err := m.NewDecoder().Bytes(every)
		if err != nil {
			t.Fatal(err)
		}
		got := decoded(t, every, m.String())
		if strings.ReplaceAll(string(want), "\uFFFD", "\xff") != got {
			t.Errorf("%s: %q, want %q", m, got, want)
		}
		undecodable += strings.Count(got, "\xff")
	}
	if undecodable == 0 {
		t.Error("no encoding has bytes without a character")
	}
	long := bytes.Repeat([]byte("\x81\xd2caf\xe9 \x80\n"), 50_000)
	if got, want := decoded(t, long, "Windows-1253"), strings.Repeat("\xff\xffcafι €\n", 50_000); got != want {
		t.Error("a long text differs")
	}
}

func TestUTF16(t *testing.T) {
	for _, c := range []struct{ file, want string }{
		{"", ""},
		{"\xfe\xff", ""},
		{"\xff\xfe", ""},
		{"\xff\xfea\x00", "a"},
		{"\x00a\xfe\xff", "a\uFEFF"},
		{"\xff\xfd", "\uFFFD"},
		{"\xfe\xff\xff\xfd", "\uFFFD"},
		{"\xd8\x3d\xde\x00", "😀"},
		{"\x00a\x00", "a\xff"},
		{"a", "\xff"},
		{"\x00x\xd8\x00", "x\xff"},
		{"\x00x\xd8\x00\x00", "x\xff\xff"},
		{"\xd8\x00\x00\n", "\xff\n"},
		{"\xdc\x00\x00\n", "\xff\n"},
		{"\xd8\x00\xd8\x3d\xde\x00", "\xff😀"},
		{"\xff\xfe=\xd8\x00\xde\x00\xd8", "😀\xff"},
	} {
		if got := decoded(t, []byte(c.file), "UTF-16"); got != c.want {
			t.Errorf("%x: %q, want %q", c.file, got, c.want)
		}
	}
	// Any units, as unicode/utf16 has them: of it come no characters but U+FFFD
	// for what is none.
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		units := make([]uint16, random.IntN(40))
		file, want := []byte{0xff, 0xfe}, ""
		for i := range units {
			units[i] = []uint16{'a', 0xd800, 0xdbff, 0xdc00, 0xdfff, 0xfffd, 0xe9, uint16(random.Uint32())}[random.IntN(8)]
			file = binary.LittleEndian.AppendUint16(file, units[i])
		}
		runes := utf16.Decode(units)
		i := 0 // of the units
		for _, r := range runes {
			if r == utf8.RuneError && units[i] != 0xfffd {
				want += "\xff"
			} else {
				want += string(r)
			}
			i += max(1, utf16.RuneLen(r))
		}
		if got := decoded(t, file, ""); got != want {
			t.Fatalf("%x: %q, want %q", units, got, want)
		}
	}
}
