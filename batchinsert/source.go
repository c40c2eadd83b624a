package batchinsert

import "iter"

// A Source yields rows: those of a slice or of an iterator. The zero value has
// no rows.
type Source[T any] struct {
	rows []T
	seq  iter.Seq2[T, error]
}

// Rows is the source of the rows of a slice, which remains the caller's and must
// not change during the call. Only such a source can be read again when a
// transaction is retried after a deadlock.
func Rows[T any](rows []T) Source[T] { return Source[T]{rows: rows} }

// Seq is the source of the rows that seq yields.
func Seq[T any](seq iter.Seq[T]) Source[T] {
	return Seq2(func(yield func(T, error) bool) {
		for row := range seq {
			if !yield(row, nil) {
				return
			}
		}
	})
}

// Seq2 is the source of the rows that seq yields until it yields an error, which
// fails the call: nothing is written, and the error is returned wrapped.
//
// Copy runs seq in a goroutine of its own, so that it can abandon a slow source
// when the context ends or the server refuses a row; see [Table.Copy].
func Seq2[T any](seq iter.Seq2[T, error]) Source[T] { return Source[T]{seq: seq} }

// all returns the rows one by one, in the caller's goroutine.
func (s Source[T]) all() iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		for i := range s.rows {
			if !yield(&s.rows[i], nil) {
				return
			}
		}
		if s.seq == nil {
			return
		}
		var row T // one for all rows: its address escapes
		for v, err := range s.seq {
			row = v
			if !yield(&row, err) || err != nil {
				return
			}
		}
	}
}

// chunks returns the rows n at a time. A chunk is valid until the next. An error
// comes with the rows before it that were not in a chunk.
func chunks[T any](s Source[T], n int) iter.Seq2[[]T, error] {
	return func(yield func([]T, error) bool) {
		for rows := s.rows; len(rows) > 0; {
			chunk := rows[:min(n, len(rows))]
			if !yield(chunk, nil) {
				return
			}
			rows = rows[len(chunk):]
		}
		if s.seq == nil {
			return
		}
		var chunk []T
		for row, err := range s.seq {
			if err != nil {
				yield(chunk, err)
				return
			}
			if chunk = append(chunk, row); len(chunk) == n {
				if !yield(chunk, nil) {
					return
				}
				chunk = chunk[:0]
			}
		}
		if len(chunk) > 0 {
			yield(chunk, nil)
		}
	}
}
