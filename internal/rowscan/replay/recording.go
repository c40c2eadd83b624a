package replay

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/internal/deepcopy"
)

// A Recording is a whole result in the server's own bytes. It is immutable and
// safe for concurrent use.
type Recording struct {
	fields []pgconn.FieldDescription
	tag    pgconn.CommandTag
	data   []byte   // all values, one after the other
	ends   []uint32 // the end of each value in data, row by row, or null
	rows   int
}

// null marks a NULL in ends.
const null = math.MaxUint32

// ErrTooBig is returned for a result that exceeds the allowed bytes.
var ErrTooBig = errors.New("result is too big to be recorded")

// Record reads rows to their end and closes them. If the values need more than
// maxBytes it returns [ErrTooBig]; 0 stands for 4 GiB, the maximum of a
// recording.
func Record(rows pgx.Rows, maxBytes int) (*Recording, error) {
	defer rows.Close()
	r := NewRecorder(rows.FieldDescriptions(), maxBytes)
	for rows.Next() {
		if err := r.Add(rows.RawValues()); err != nil {
			return nil, err
		}
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	return r.Finish(rows.CommandTag()), nil
}

// A Recorder builds a Recording row by row, for readers that use the rows at
// the same time.
type Recorder struct {
	recording Recording
	max       int
}

// NewRecorder returns a Recorder for rows with these columns, which it copies.
// maxBytes is as in [Record].
func NewRecorder(fields []pgconn.FieldDescription, maxBytes int) *Recorder {
	if maxBytes <= 0 || maxBytes >= null {
		maxBytes = null - 1
	}
	data := []byte{} // an empty slice of nil would be a NULL
	return &Recorder{recording: Recording{fields: slices.Clone(fields), data: data}, max: maxBytes}
}

// Add copies the values of one row. After an error the Recorder must not be
// used.
func (r *Recorder) Add(values [][]byte) error {
	rec := &r.recording
	if len(values) != len(rec.fields) {
		return fmt.Errorf("record row %d: %d values for %d columns", rec.rows+1, len(values), len(rec.fields))
	}
	for _, value := range values {
		if value == nil {
			rec.ends = append(rec.ends, null)
			continue
		}
		if len(value) > r.max-len(rec.data) {
			return fmt.Errorf("record row %d: %w: more than %d bytes", rec.rows+1, ErrTooBig, r.max)
		}
		rec.data = append(rec.data, value...)
		rec.ends = append(rec.ends, uint32(len(rec.data)))
	}
	rec.rows++
	return nil
}

// Finish returns the recording, trimmed to the memory that it needs.
func (r *Recorder) Finish(tag pgconn.CommandTag) *Recording {
	rec := r.recording
	rec.data, rec.ends, rec.tag = slices.Clone(rec.data), slices.Clone(rec.ends), tag
	return &rec
}

// Append appends the encoded form of the recording, as [Recording.Append] does
// after Finish.
func (r *Recorder) Append(dst []byte, tag pgconn.CommandTag) []byte {
	rec := r.recording
	rec.tag = tag
	return rec.Append(dst)
}

// Fields returns the columns; the slice belongs to the recording.
func (r *Recording) Fields() []pgconn.FieldDescription { return r.fields }

// Len returns the number of rows.
func (r *Recording) Len() int { return r.rows }

// CommandTag returns the command tag of the result.
func (r *Recording) CommandTag() pgconn.CommandTag { return r.tag }

// Size returns the bytes of memory that the recording keeps alive. It may share
// the names of columns with other recordings of the statement.
func (r *Recording) Size() int64 {
	size := deepcopy.Box[Recording]() + deepcopy.Allocated(int64(cap(r.data)), false) + deepcopy.Allocated(4*int64(cap(r.ends)), false)
	size += deepcopy.Allocated(int64(len(r.tag.String())), false)
	size += deepcopy.Allocated(int64(cap(r.fields))*int64(reflect.TypeFor[pgconn.FieldDescription]().Size()), true)
	for i := range r.fields {
		size += deepcopy.Allocated(int64(len(r.fields[i].Name)), false)
	}
	return size
}

// row sets values to those of row i, which starts at start in data, and returns
// its end. The values are the recording's own bytes, without spare capacity, so
// that appending to one copies it.
func (r *Recording) row(i int, start uint32, values [][]byte) (end uint32) {
	for j, e := range r.ends[i*len(r.fields) : (i+1)*len(r.fields)] {
		if e == null {
			values[j] = nil
			continue
		}
		values[j] = r.data[start:e:e]
		start = e
	}
	return start
}
