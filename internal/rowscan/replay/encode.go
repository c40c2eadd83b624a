package replay

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"
)

// The encoded form of a recording: the columns, the command tag, the number of
// rows, the length of each value, and the values. Numbers are varints, or
// little-endian where their size is fixed.

// fieldBytes is the size of an encoded column without its name.
const fieldBytes = 4 + 2 + 4 + 2 + 4 + 2

// Append appends the encoded form of the recording to dst. Programs that store
// it must store a version of the form, too.
func (r *Recording) Append(dst []byte) []byte {
	dst = slices.Grow(dst, len(r.data)+2*len(r.ends)+len(r.fields)*(fieldBytes+16)+64)
	dst = binary.AppendUvarint(dst, uint64(len(r.fields)))
	for i := range r.fields {
		f := &r.fields[i]
		dst = appendText(dst, f.Name)
		dst = binary.LittleEndian.AppendUint32(dst, f.TableOID)
		dst = binary.LittleEndian.AppendUint16(dst, f.TableAttributeNumber)
		dst = binary.LittleEndian.AppendUint32(dst, f.DataTypeOID)
		dst = binary.LittleEndian.AppendUint16(dst, uint16(f.DataTypeSize))
		dst = binary.LittleEndian.AppendUint32(dst, uint32(f.TypeModifier))
		dst = binary.LittleEndian.AppendUint16(dst, uint16(f.Format))
	}
	dst = appendText(dst, r.tag.String())
	dst = binary.AppendUvarint(dst, uint64(r.rows))
	start := uint32(0)
	for _, end := range r.ends {
		if end == null {
			dst = append(dst, 0)
			continue
		}
		dst = binary.AppendUvarint(dst, uint64(end-start)+1)
		start = end
	}
	return append(dst, r.data...)
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// ErrNotRecording is the error of [Parse] for bytes that are no recording.
var ErrNotRecording = errors.New("not the encoded form of a recording")

// Parse returns the recording whose encoded form is data. The recording shares
// the memory of data, which nobody may change any more.
func Parse(data []byte) (*Recording, error) {
	p := parser{rest: data}
	r := &Recording{fields: p.fields()}
	r.tag = pgconn.NewCommandTag(string(p.take(p.number())))
	rows := p.number()
	n := uint64(len(r.fields))
	if p.failed || rows > math.MaxInt32 || n > 0 && rows > uint64(len(p.rest))/n { // each value takes a byte
		return nil, ErrNotRecording
	}
	r.rows, r.ends = int(rows), make([]uint32, rows*n)
	end := uint64(0)
	for i := range r.ends {
		length := p.number()
		if length == 0 {
			r.ends[i] = null
			continue
		}
		end += length - 1
		if end >= null {
			return nil, ErrNotRecording
		}
		r.ends[i] = uint32(end)
	}
	if p.failed || uint64(len(p.rest)) != end {
		return nil, ErrNotRecording
	}
	r.data = p.rest
	if r.data == nil {
		r.data = []byte{} // an empty slice of nil would be a NULL
	}
	return r, nil
}

// A parser reads the encoded form from its start.
type parser struct {
	rest   []byte
	failed bool
}

// take returns the next n bytes.
func (p *parser) take(n uint64) []byte {
	if p.failed || n > uint64(len(p.rest)) {
		p.failed = true
		return nil
	}
	taken := p.rest[:n]
	p.rest = p.rest[n:]
	return taken
}

// number returns the next varint.
func (p *parser) number() uint64 {
	v, n := binary.Uvarint(p.rest)
	if n <= 0 {
		p.failed = true
		return 0
	}
	p.rest = p.rest[n:]
	return v
}

func (p *parser) fields() []pgconn.FieldDescription {
	n := p.number()
	if p.failed || n > uint64(len(p.rest))/fieldBytes {
		p.failed = true
		return nil
	}
	fields := make([]pgconn.FieldDescription, n)
	for i := range fields {
		name := string(p.take(p.number()))
		b := p.take(fieldBytes)
		if p.failed {
			return nil
		}
		fields[i] = pgconn.FieldDescription{
			Name:     name,
			TableOID: binary.LittleEndian.Uint32(b), TableAttributeNumber: binary.LittleEndian.Uint16(b[4:]),
			DataTypeOID: binary.LittleEndian.Uint32(b[6:]), DataTypeSize: int16(binary.LittleEndian.Uint16(b[10:])),
			TypeModifier: int32(binary.LittleEndian.Uint32(b[12:])), Format: int16(binary.LittleEndian.Uint16(b[16:])),
		}
	}
	return fields
}
