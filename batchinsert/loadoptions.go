package batchinsert

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
)

// LoadOptions say how a file is read and written. The zero value, and a nil
// *LoadOptions, mean the defaults.
type LoadOptions struct {
	// Name of the input in errors. Default: the file's own name, or "input".
	Name string

	// Comma separates fields, Quote encloses them, Escape stands before a
	// quote within quotes. Each is one byte. Default: a comma, a double quote,
	// and the same as Quote.
	Comma, Quote, Escape byte

	// Null is the unquoted text that means NULL. Default: nothing at all.
	Null string

	// KeepIdentity allows a header that names identity columns; see
	// [Options.KeepIdentity].
	KeepIdentity bool

	// Progress is told how the load is getting on, as [Options.Progress] is.
	Progress func(Progress)

	// ID makes the load one that can be resumed: what was loaded is recorded
	// under this name, chunk by chunk, in the transactions that bring the
	// rows. The same call with the same file, after whatever ended the last,
	// loads the missing chunks, each row once; several processes may do so at
	// the same time. It needs the tables of migrations.Install.
	ID string

	// Jobs is the number of connections that load chunks side by side.
	// Default 1. More of them give up the order of rows.
	Jobs int

	// ChunkBytes is the size of a chunk. Default 1 MiB, with an ID or Jobs
	// 8 MiB, less where more than four jobs would then hold 64 MiB together.
	// A resumed load keeps the size it began with.
	ChunkBytes int

	// OnBad says what becomes of lines that the server refuses. Default: the
	// first one ends the load.
	OnBad OnBad

	// MaxBad ends a load that meets more bad lines than this; the chunk that
	// has one too many is not written, nor are its bad lines. Default 0: no
	// bound.
	MaxBad int64

	unnamed bool // ID was made up here: nobody can resume by it
}

// OnBad says what a load does with lines that the server refuses.
type OnBad int

const (
	// Abort ends the load with a *LineError.
	Abort OnBad = iota
	// Quarantine puts the line into headrace.quarantine (migrations.Install
	// makes it) with its number, place, text and the server's complaint, and
	// goes on with the next.
	Quarantine
)

// loadMemory bounds the chunks that are in memory at once, as text and encoded.
const loadMemory = 48 << 20

func (o LoadOptions) withDefaults(r io.Reader) LoadOptions {
	if o.Name == "" {
		o.Name = "input"
		if file, ok := r.(interface{ Name() string }); ok {
			o.Name = file.Name()
		}
	}
	if o.Comma == 0 {
		o.Comma = ','
	}
	if o.Quote == 0 {
		o.Quote = '"'
	}
	if o.Escape == 0 {
		o.Escape = o.Quote
	}
	o.Jobs = max(1, o.Jobs)
	if o.ChunkBytes <= 0 {
		o.ChunkBytes = 1 << 20
		if o.ID != "" || o.Jobs > 1 {
			o.ChunkBytes = min(8<<20, loadMemory/(2*o.Jobs+1))
		}
	}
	if o.ID == "" && o.OnBad == Quarantine {
		o.ID = "load " + rand.Text()
		o.unnamed = true
	}
	return o
}

func (o *LoadOptions) validate() error {
	switch {
	case o.Comma == o.Quote:
		return errors.New("LoadOptions: Comma and Quote are the same")
	case o.OnBad < Abort || o.OnBad > Quarantine:
		return fmt.Errorf("LoadOptions.OnBad is %d", o.OnBad)
	case o.MaxBad < 0:
		return fmt.Errorf("LoadOptions.MaxBad is %d", o.MaxBad)
	case strings.ContainsAny(string([]byte{o.Comma, o.Quote, o.Escape}), "\r\n\x00"):
		return errors.New("LoadOptions: Comma, Quote or Escape is a line break or NUL")
	}
	return nil
}
