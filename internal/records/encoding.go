package records

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/transform"
)

// Undecodable replaces bytes in a decoded text for which the file's encoding has
// no character. It is not valid UTF-8, so that checks of UTF-8 refuse such a
// text. U+FFFD is a valid character and would be accepted.
const Undecodable = 0xff

// A decoding converts an encoding to UTF-8.
type decoding struct {
	name    string
	decoder func() transform.Transformer
}

// encodings are the encodings of [Open], by their names in the form of
// encodingKey.
var encodings = map[string]decoding{
	"utf16le": {"UTF-16", func() transform.Transformer { return &utf16Decoder{order: binary.LittleEndian} }},
	"utf16be": {"UTF-16", func() transform.Transformer { return &utf16Decoder{order: binary.BigEndian} }},
}

func init() {
	for _, e := range charmap.All {
		if m, ok := e.(*charmap.Charmap); ok {
			encodings[encodingKey(m.String())] = decoding{m.String(), func() transform.Transformer { return newByteDecoder(m) }}
		}
	}
	encodings["utf16"] = encodings["utf16be"] // RFC 2781: big endian without a mark
	for name, is := range map[string]string{"latin1": "iso88591", "latin2": "iso88592", "latin9": "iso885915", "win1252": "windows1252"} {
		encodings[name] = encodings[is]
	}
}

// encodingKey normalizes a name by removing case and punctuation: "ISO-8859-1",
// "iso 8859-1" and "ISO8859_1" are the same.
func encodingKey(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("-_ .", r) {
			return -1
		}
		return r
	}, strings.ToLower(name))
}

// CheckEncoding returns an error for a name that [Open] does not know.
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

// decode returns file itself if it is UTF-8, or else its text and the name of
// the encoding. A single-byte file has no byte order mark: bytes that look like
// one are text.
func decode(file *bufio.Reader, name string) (text *bufio.Reader, encoding string, err error) {
	if err := CheckEncoding(name); err != nil {
		return nil, "", err
	}
	key := encodingKey(name)
	switch {
	case key == "" && (starts(file, utf16LE) || starts(file, utf16BE)):
		key = "utf16"
	case slices.Contains([]string{"", "utf8"}, key):
		if starts(file, utf8Mark) {
			_, err := file.Discard(len(utf8Mark))
			return file, "", err
		}
		return file, "", nil
	}
	d := encodings[key]
	return bufio.NewReaderSize(transform.NewReader(file, d.decoder()), inputBuffer), d.name, nil
}

// A byteDecoder decodes a single-byte encoding.
type byteDecoder struct {
	transform.NopResetter
	length [256]uint8
	text   [256][3]byte // such encodings have no characters beyond the BMP
}

func newByteDecoder(m *charmap.Charmap) *byteDecoder {
	d := &byteDecoder{}
	for b := range 256 {
		r := m.DecodeByte(byte(b))
		if r == utf8.RuneError { // no such encoding has a byte for U+FFFD
			d.length[b], d.text[b][0] = 1, Undecodable
			continue
		}
		d.length[b] = uint8(utf8.EncodeRune(d.text[b][:], r))
	}
	return d
}

// Transform implements [transform.Transformer].
func (d *byteDecoder) Transform(dst, src []byte, _ bool) (nDst, nSrc int, err error) {
	for _, b := range src {
		n := int(d.length[b])
		if nDst+n > len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		if n == 1 {
			dst[nDst] = d.text[b][0]
		} else {
			copy(dst[nDst:], d.text[b][:n])
		}
		nDst += n
		nSrc++
	}
	return nDst, nSrc, nil
}

// An utf16Decoder decodes UTF-16: RFC 2781. A byte order mark goes before order.
type utf16Decoder struct {
	order binary.ByteOrder
	begun bool
}

// Reset implements [transform.Transformer].
func (d *utf16Decoder) Reset() { d.begun = false }

// Transform implements [transform.Transformer].
func (d *utf16Decoder) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	if !d.begun {
		if len(src) < 2 && !atEOF {
			return 0, 0, transform.ErrShortSrc
		}
		d.begun = true
		switch {
		case bytes.HasPrefix(src, utf16LE):
			d.order, nSrc = binary.LittleEndian, 2
		case bytes.HasPrefix(src, utf16BE):
			d.order, nSrc = binary.BigEndian, 2
		}
	}
	for nSrc < len(src) {
		r, size := d.character(src[nSrc:])
		if size == 0 {
			if !atEOF {
				return nDst, nSrc, transform.ErrShortSrc
			}
			size = min(2, len(src)-nSrc) // an incomplete character at the end of the file
		}
		switch {
		case nDst+max(1, utf8.RuneLen(r)) > len(dst):
			return nDst, nSrc, transform.ErrShortDst
		case r < 0:
			dst[nDst] = Undecodable
			nDst++
		default:
			nDst += utf8.EncodeRune(dst[nDst:], r)
		}
		nSrc += size
	}
	return nDst, nSrc, nil
}

// character returns the first character of src and its size: -1 if the bytes are
// not a character, and size 0 if more bytes are needed.
func (d *utf16Decoder) character(src []byte) (r rune, size int) {
	if len(src) < 2 {
		return -1, 0
	}
	first := rune(d.order.Uint16(src))
	switch {
	case !utf16.IsSurrogate(first):
		return first, 2
	case first >= firstLowSurrogate:
		return -1, 2
	case len(src) < 4:
		return -1, 0
	}
	if r = utf16.DecodeRune(first, rune(d.order.Uint16(src[2:]))); r == utf8.RuneError {
		return -1, 2
	}
	return r, 4
}

const firstLowSurrogate = 0xdc00
