package pgcopy

import (
	"errors"
	"fmt"
	"strings"
)

var (
	errNull        = errors.New("NULL in a column that is NOT NULL")
	errNUL         = errors.New("text with a NUL byte, which PostgreSQL cannot store")
	errUTF8        = errors.New("text that is not valid UTF-8")
	errTooLong     = errors.New("value larger than 1 GB")
	errTime        = errors.New("time outside of the server's range (4713 BC to 294276 AD)")
	errDate        = errors.New("date outside of the server's range (4713 BC to 5874897 AD)")
	errNoFloat4    = errors.New("value out of the range of float4")
	errNoPlan      = errors.New("no binary encoding is known")
	errUnknownType = errors.New("a type that this connection does not know; register it on each connection (db.Options.Types)")
)

func errRange[V int64 | uint64](v V, to string) error {
	return fmt.Errorf("%d is out of the range of %s", v, to)
}

func errLabel(label string, labels []string) error {
	const most = 10
	if len(labels) > most {
		labels = append(labels[:most:most], "...")
	}
	return fmt.Errorf("%q is not a label of this enum (%s)", label, strings.Join(labels, ", "))
}
