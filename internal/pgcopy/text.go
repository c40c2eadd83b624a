package pgcopy

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
	"unicode/utf8"
)

func appendBool(buf []byte, p pointer) ([]byte, error) {
	if at[bool](p) {
		return append(buf, 0, 0, 0, 1, 1), nil
	}
	return append(buf, 0, 0, 0, 1, 0), nil
}

func appendUUID(buf []byte, p pointer) ([]byte, error) {
	id := at[[16]byte](p)
	return append(append(buf, 0, 0, 0, 16), id[:]...), nil
}

func appendString(buf []byte, p pointer) ([]byte, error) { return appendText(buf, at[string](p)) }

func appendJSONBString(buf []byte, p pointer) ([]byte, error) {
	s := at[string](p)
	if err := checkText(s); err != nil {
		return nil, err
	}
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(s)+1))
	return append(append(buf, jsonbVersion), s...), nil
}

// jsonbVersion is the byte before jsonb's text (jsonb_recv).
const jsonbVersion = 1

func checkText(s string) error {
	switch {
	case len(s) >= math.MaxInt32:
		return errTooLong
	case strings.IndexByte(s, 0) >= 0:
		return errNUL
	case !utf8.ValidString(s):
		return errUTF8
	}
	return nil
}

func appendBytes(buf []byte, p pointer) ([]byte, error) {
	b := at[[]byte](p)
	if b == nil {
		return appendNull(buf), nil
	}
	if len(b) >= math.MaxInt32 {
		return nil, errTooLong
	}
	return append(binary.BigEndian.AppendUint32(buf, uint32(len(b))), b...), nil
}

func appendTextBytes(buf []byte, p pointer) ([]byte, error) {
	if err := checkTextBytes(at[[]byte](p)); err != nil {
		return nil, err
	}
	return appendBytes(buf, p)
}

func appendJSONBBytes(buf []byte, p pointer) ([]byte, error) {
	b := at[[]byte](p)
	if b == nil {
		return appendNull(buf), nil
	}
	if err := checkTextBytes(b); err != nil {
		return nil, err
	}
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(b)+1))
	return append(append(buf, jsonbVersion), b...), nil
}

func checkTextBytes(b []byte) error {
	switch {
	case len(b) >= math.MaxInt32:
		return errTooLong
	case bytes.IndexByte(b, 0) >= 0:
		return errNUL
	case !utf8.Valid(b):
		return errUTF8
	}
	return nil
}
