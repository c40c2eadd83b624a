package load

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/headrace/headrace/internal/progress"
	"github.com/headrace/headrace/internal/records"
	"github.com/headrace/headrace/internal/target"
)

// Options are the options of a load. See batchinsert.LoadOptions.
type Options struct {
	Name                     string
	Columns                  []string
	Rename                   map[string]string
	Skip                     []string
	Comma, Quote, Escape     byte
	NoQuote                  bool
	Null                     string
	Encoding                 string
	Strict                   bool
	KeepIdentity             bool
	OnConflict               *target.OnConflict
	Progress                 func(progress.State)
	ID                       string
	Jobs                     int
	ChunkBytes               int
	OnBad                    int // abort or quarantine
	MaxBad                   int64
	MaxBadShare              float64
	DryRun, Verify, Truncate bool
	DropIndexes              bool
	AsyncCommit              bool

	// LineError returns the error for a line.
	LineError func(name string, line int64, column string, err error) error

	unnamed bool // ID is generated: the load cannot be resumed
}

// The values of OnBad.
const (
	abort = iota
	quarantine
)

// loadMemory bounds the chunks in memory together, as text and encoded. The
// garbage collector lets the heap grow to twice that, which keeps a load within
// 64 MiB.
const loadMemory = 24 << 20

func (o Options) withDefaults(in Input) Options {
	if o.Name == "" {
		if o.Name = in.title(); o.Name == "" {
			o.Name = "input"
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
	if o.ChunkBytes == 0 {
		o.ChunkBytes = 1 << 20
		if o.ID != "" || o.Jobs > 1 {
			// One chunk is being cut and one waits. Each job has one, and an
			// encoded block of it, which for short numbers is six times as
			// large as its text.
			o.ChunkBytes = loadMemory / (3*o.Jobs + 2)
		}
	}
	if o.ID == "" && o.OnBad == quarantine && !o.DryRun {
		o.ID = "load " + rand.Text()
		o.unnamed = true
	}
	return o
}

func (o *Options) validate() error {
	switch {
	case o.Comma == o.Quote && !o.NoQuote:
		return errors.New("LoadOptions: Comma and Quote are the same")
	case strings.ContainsAny(string([]byte{o.Comma, o.Quote, o.Escape}), "\r\n\x00"):
		return errors.New("LoadOptions: Comma, Quote or Escape is a line break or NUL")
	case o.OnBad > quarantine:
		return fmt.Errorf("LoadOptions.OnBad: %d is not one of its constants", o.OnBad)
	case !(o.MaxBadShare <= 1): // or NaN
		return fmt.Errorf("LoadOptions.MaxBadShare: %v is not from 0 to 1", o.MaxBadShare)
	}
	if err := records.CheckEncoding(o.Encoding); err != nil {
		return fmt.Errorf("LoadOptions.Encoding: %w", err)
	}
	return o.validateTogether()
}

// validateTogether returns an error for options that exclude each other.
func (o *Options) validateTogether() error {
	chunks := o.ID != "" || o.Jobs > 1 // Quarantine implies an ID
	switch {
	case o.Truncate && chunks:
		return errors.New("LoadOptions.Truncate needs one transaction: it cannot be had with ID, Jobs or Quarantine")
	case o.Truncate && o.OnConflict != nil:
		return errors.New("LoadOptions.Truncate leaves no row for OnConflict")
	case o.DropIndexes && chunks && (o.ID == "" || o.unnamed):
		return errors.New("LoadOptions.DropIndexes with Jobs or Quarantine needs an ID, so that the indexes can be put back after a crash")
	case o.OnConflict != nil && chunks && (o.OnConflict.KeepFirst || o.OnConflict.Refuse != nil):
		return errors.New("LoadOptions.OnConflict: in chunks, Duplicates has to be KeepLast")
	}
	return nil
}

// isKey reports whether a column is among OnConflict's keys, which are written
// even if they are identity columns.
func (o *Options) isKey(column string) bool {
	return o.OnConflict != nil && slices.Contains(o.OnConflict.Keys, column)
}
