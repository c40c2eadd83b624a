package paging

import (
	"bytes"
	"slices"
)

// rowKeys holds the key values of one row, as the server sent them, in memory
// that is reused from row to row.
type rowKeys struct {
	bytes []byte
	ends  []int // end of each value in bytes; for NULL, -1-end
}

func (k *rowKeys) set(values [][]byte, index []int) {
	k.bytes, k.ends = k.bytes[:0], k.ends[:0]
	for _, i := range index {
		k.bytes = append(k.bytes, values[i]...)
		end := len(k.bytes)
		if values[i] == nil {
			end = -1 - end
		}
		k.ends = append(k.ends, end)
	}
}

func (k *rowKeys) null(i int) bool { return k.ends[i] < 0 }

// value returns the bytes of key i, nil for NULL.
func (k *rowKeys) value(i int) []byte {
	if k.null(i) {
		return nil
	}
	return k.bytes[k.end(i-1):k.ends[i]]
}

func (k *rowKeys) end(i int) int {
	switch {
	case i < 0:
		return 0
	case k.ends[i] < 0:
		return -1 - k.ends[i]
	default:
		return k.ends[i]
	}
}

// same reports whether k and other have the same bytes in the first n keys.
func (k *rowKeys) same(other *rowKeys, n int) bool {
	return slices.Equal(k.ends[:n], other.ends[:n]) &&
		bytes.Equal(k.bytes[:k.end(n-1)], other.bytes[:other.end(n-1)])
}
