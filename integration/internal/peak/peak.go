package peak

import (
	"io"
	"runtime"
	"runtime/debug"
	"sync"
	"time"
)

// Of returns how many bytes the runtime holds at most while fn runs, beyond what it had before.
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

// A File is text that is made while it is read, a header and lines until it has its size.
type File struct {
	Rows int64 // lines made so far

	left int64
	line func(buf []byte, row int64) []byte
	buf  []byte
	text []byte // the part of buf that is not read yet
}

// NewFile returns a file of size bytes, or up to 32 KiB more. line appends the row of a number, from 1 on.
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
