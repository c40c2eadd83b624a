package records

import (
	"bufio"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// encodings are those that [Open] knows, by the names in encodingKey's form.
var encodings = map[string]encoding.Encoding{
	"utf16le": unicode.UTF16(unicode.LittleEndian, unicode.UseBOM),
	"utf16be": unicode.UTF16(unicode.BigEndian, unicode.UseBOM),
}

func init() {
	for _, e := range charmap.All {
		if m, ok := e.(*charmap.Charmap); ok {
			encodings[encodingKey(m.String())] = m
		}
	}
	encodings["utf16"] = encodings["utf16be"] // RFC 2781: big endian without a mark
	for name, is := range map[string]string{"latin1": "iso88591", "latin2": "iso88592", "latin9": "iso885915", "win1252": "windows1252"} {
		encodings[name] = encodings[is]
	}
}

// encodingKey takes case and punctuation off a name: "ISO-8859-1", "iso 8859-1"
// and "ISO8859_1" are one.
func encodingKey(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("-_ .", r) {
			return -1
		}
		return r
	}, strings.ToLower(name))
}

// CheckEncoding refuses a name that [Open] does not know.
func CheckEncoding(name string) error {
	key := encodingKey(name)
	if _, known := encodings[key]; known || key == "" || key == "utf8" {
		return nil
	}
	return fmt.Errorf("unknown encoding %q; known are UTF-8, UTF-16, Latin1, Latin9, Windows-1252 and other single-byte ones", name)
}

// Byte order marks.
var (
	utf8Mark = []byte{0xef, 0xbb, 0xbf}
	utf16LE  = []byte{0xff, 0xfe}
	utf16BE  = []byte{0xfe, 0xff}
)

// decode returns file itself where it is UTF-8. A single-byte file has no byte
// order mark: bytes that look like one are text.
func decode(file *bufio.Reader, name string) (*bufio.Reader, error) {
	if err := CheckEncoding(name); err != nil {
		return nil, err
	}
	key := encodingKey(name)
	switch {
	case key == "" && (starts(file, utf16LE) || starts(file, utf16BE)):
		key = "utf16"
	case slices.Contains([]string{"", "utf8"}, key):
		if starts(file, utf8Mark) {
			_, err := file.Discard(len(utf8Mark))
			return file, err
		}
		return file, nil
	}
	return bufio.NewReaderSize(encodings[key].NewDecoder().Reader(file), inputBuffer), nil
}
