package peak

import (
	"io"
	"runtime"
	"runtime/debug"
	"sync"
	"time"
)

// Of returns the greatest number of bytes that the runtime holds while fn runs,
// minus the bytes that it held before.
func Of(fn func() error) (peak uint64, err error) {
	debug.FreeOSMemory()
	before := fromSystem()
	stop := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			peak = max(peak, fromSystem())
			select {
			case <-tick.C:
			case <-stop:
				return
			}
		}
	})
	err = fn()
	close(stop)
	watching.Wait()
	return peak - min(before, peak), err
}

func fromSystem() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Sys - m.HeapReleased
}

// A File is a text with a header and lines, generated while it is read.
type File struct {
	Rows int64 // number of lines generated so far

	left int64
	line func(buf []byte, row int64) []byte
	buf  []byte
	text []byte // the part of buf that is not read yet
}

// NewFile returns a file of size to size + 32 KiB bytes. line appends the row
// with the given number, from 1 on.
func NewFile(size int64, header string, line func(buf []byte, row int64) []byte) *File {
	return &File{left: size, line: line, text: []byte(header)}
}

// Read implements [io.Reader].
func (f *File) Read(p []byte) (int, error) {
	if len(f.text) == 0 {
		if f.left <= 0 {
			return 0, io.EOF
		}
		for f.buf = f.buf[:0]; len(f.buf) < 32<<10; {
			f.Rows++
			f.buf = f.line(f.buf, f.Rows)
		}
		f.left -= int64(len(f.buf))
		f.text = f.buf
	}
	n := copy(p, f.text)
	f.text = f.text[n:]
	return n, nil
}
