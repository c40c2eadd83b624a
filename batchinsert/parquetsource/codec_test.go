package parquetsource

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"
)

// Pages of every size and compressibility are read as written, or the file is
// refused.
func TestEveryCodecIsReadOrRefused(t *testing.T) {
	t.Parallel()
	type row struct {
		N int64 `parquet:"n"`
	}
	random := rand.New(rand.NewPCG(1, 2))
	content := map[string]func(i int) int64{
		"constant": func(int) int64 { return 7 },
		"steps":    func(i int) int64 { return int64(i)*7919 + 12345678901 },
		"random":   func(int) int64 { return random.Int64() },
	}
	for _, codec := range []compress.Codec{&parquet.Uncompressed, &parquet.Snappy, &parquet.Gzip, &parquet.Brotli, &parquet.Zstd, &parquet.Lz4Raw} {
		for name, value := range content {
			for _, n := range []int{1, 10, 700, 5000, 40_000, 300_000} {
				rows := make([]row, n)
				for i := range rows {
					rows[i].N = value(i)
				}
				var file bytes.Buffer
				w := parquet.NewGenericWriter[row](&file, parquet.Compression(codec))
				if _, err := w.Write(rows); err != nil {
					t.Fatal(err)
				}
				if err := w.Close(); err != nil {
					t.Fatal(err)
				}
				_, got, err := readAll(file.Bytes())
				if codec == &parquet.Lz4Raw {
					wantError(t, err, `column "n"`, "LZ4_RAW")
					if len(got) > 0 {
						t.Errorf("%v, %s, %d rows: %d rows before the error", codec, name, n, len(got))
					}
					continue
				}
				if err != nil || len(got) != n {
					t.Errorf("%v, %s, %d rows: %d rows, %v", codec, name, n, len(got), err)
					continue
				}
				for i := range got {
					if got[i][0] != rows[i].N {
						t.Errorf("%v, %s, %d rows: row %d is %v, want %d", codec, name, n, i, got[i][0], rows[i].N)
						break
					}
				}
			}
		}
	}
}

// The other columns of a file with a column of an unsupported codec can be read.
func TestOtherCodecIsRefusedForItsColumnOnly(t *testing.T) {
	t.Parallel()
	type row struct {
		A int64 `parquet:"a"`
		B int64 `parquet:"b,lz4"`
	}
	var file bytes.Buffer
	w := parquet.NewGenericWriter[row](&file, parquet.Compression(&parquet.Zstd))
	if _, err := w.Write([]row{{1, 2}}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, got, err := readAll(file.Bytes(), "a"); err != nil || len(got) != 1 || got[0][0] != int64(1) {
		t.Errorf("column a: %v, %v", got, err)
	}
	_, _, err := readAll(file.Bytes())
	wantError(t, err, `column "b"`, "LZ4_RAW")
}
