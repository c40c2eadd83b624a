package parquetsource

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// smallFile has the types whose reading differs, in few bytes.
func smallFile(t *testing.T, opts ...parquet.WriterOption) []byte {
	t.Helper()
	group := parquet.Group{}
	for _, name := range []string{"bool", "int32", "double", "string", "uuid", "decimal_bytes", "int96"} {
		for _, k := range kinds {
			if k.name == name {
				group[name] = k.node
				group[name+"_or_null"] = parquet.Optional(k.node)
			}
		}
	}
	return write(t, parquet.NewSchema("small", group), opts...)
}

func TestTruncatedFile(t *testing.T) {
	t.Parallel()
	file := smallFile(t)
	for size := range file {
		if size > 100 && size < len(file)-100 && size%997 != 0 {
			continue
		}
		if _, _, err := readAll(file[:size]); err == nil {
			t.Fatalf("cut to %d bytes of %d: no error", size, len(file))
		}
	}
	wantError(t, second(readAll(file[:100])), "open Parquet file", "cut off")
	wantError(t, second(readAll([]byte("id,name\n1,a\n"))), `begins with "id,n"`)
	wantError(t, second(readAll(nil)), "too few")
	long := append([]byte{}, file...)
	binary.LittleEndian.PutUint32(long[len(long)-8:], 1<<31)
	wantError(t, second(readAll(long)), "damaged")
}

// lost is a file of which a part cannot be read.
type lost struct {
	*bytes.Reader
	from int64
}

var errDisk = errors.New("disk on fire")

func (l lost) ReadAt(p []byte, off int64) (int, error) {
	if off < l.from && off+int64(len(p)) > l.from/2 {
		return 0, errDisk
	}
	return l.Reader.ReadAt(p, off)
}

func TestReadErrorIsReturned(t *testing.T) {
	t.Parallel()
	file := smallFile(t, parquet.MaxRowsPerRowGroup(100))
	f, err := Open(lost{bytes.NewReader(file), int64(len(file)) * 3 / 4}, int64(len(file)), nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := f.Records("x")
	if err != nil {
		t.Fatal(err)
	}
	n := int64(0)
	for _, err = range r.Rows {
		if err != nil {
			break
		}
		n++
	}
	if !errors.Is(err, errDisk) || n == 0 || n >= r.Total {
		t.Errorf("%v after %d rows of %d", err, n, r.Total)
	}
	wantError(t, err, "row group", "column")
}

// A column chunk that ends early, as no reader of rows notices, is an error.
func TestMissingPagesAreNoticed(t *testing.T) {
	t.Parallel()
	file := smallFile(t, parquet.PageBufferSize(100))
	f, err := Open(bytes.NewReader(file), int64(len(file)), nil)
	if err != nil {
		t.Fatal(err)
	}
	chunk := &f.file.Metadata().RowGroups[0].Columns[f.fields[0].leaf]
	chunk.MetaData.TotalCompressedSize /= 2
	r, err := f.Records("x")
	if err != nil {
		t.Fatal(err)
	}
	for _, err = range r.Rows {
	}
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
}

// Any bytes at all: rows or an error, no panic and no end of the process.
func TestDamagedFiles(t *testing.T) {
	t.Parallel()
	files := [][]byte{
		smallFile(t, parquet.Compression(&parquet.Snappy)),
		smallFile(t, parquet.DataPageVersion(1), parquet.DefaultEncoding(&parquet.RLEDictionary), parquet.PageBufferSize(200)),
		smallFile(t, parquet.DefaultEncodingFor(parquet.ByteArray, &parquet.DeltaByteArray), parquet.DefaultEncodingFor(parquet.Int32, &parquet.DeltaBinaryPacked)),
	}
	rng := rand.New(rand.NewPCG(1, 2))
	rounds := 1000
	if testing.Short() {
		rounds = 200
	}
	failed := 0
	for i := range rounds {
		file := bytes.Clone(files[i%len(files)])
		for range 1 + rng.IntN(3) {
			at := rng.IntN(len(file))
			if rng.IntN(2) == 0 { // near the end, where the file describes itself
				at = len(file) - 1 - rng.IntN(min(len(file), 3000))
			}
			file[at] = byte(rng.IntN(256))
		}
		if _, _, err := readAll(file); err != nil {
			failed++
		}
	}
	if failed < rounds/4 {
		t.Errorf("%d of %d damaged files gave an error", failed, rounds)
	}
}

func FuzzFile(f *testing.F) {
	f.Add([]byte("PAR1PAR1"))
	f.Fuzz(func(_ *testing.T, file []byte) { _, _, _ = readAll(file) })
}
