package pgcopy

import (
	"bytes"
	"errors"
	"io"
	"iter"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/headrace/headrace/internal/panics"
)

// whole is the COPY of rows, encoded in one piece.
func whole[T any](t *testing.T, e *Encoder[T], rows []T) []byte {
	t.Helper()
	buf := bytes.Clone(copyHeader)
	for i := range rows {
		var err error
		if buf, err = e.Append(buf, &rows[i]); err != nil {
			t.Fatal(err)
		}
	}
	return append(buf, copyTrailer...)
}

func all[T any](rows []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// drain reads s with buffers of every size that small returns.
func drain(s io.Reader, size func() int) ([]byte, error) {
	var out []byte
	for {
		p := make([]byte, size())
		n, err := s.Read(p)
		out = append(out, p[:n]...)
		if err != nil {
			if err == io.EOF {
				err = nil
			}
			return out, err
		}
	}
}

func TestStreamsGiveTheSameBytes(t *testing.T) {
	e := compile[narrow](t, narrowColumns)
	rnd := rand.New(rand.NewPCG(1, 2))
	sizes := map[string]func() int{
		"pgconn": func() int { return 65531 },
		"random": func() int { return 1 + rnd.IntN(300) },
	}
	for _, n := range []int{0, 1, 7, 5000} {
		rows := narrowRows(n)
		for i := range rows { // some rows larger than a buffer
			if i%1000 == 3 {
				rows[i].Name = strings.Repeat("long", 10_000+i*40)
			}
		}
		want := whole(t, e, rows)
		for name, size := range sizes {
			for kind, s := range map[string]Stream{"slice": OfSlice(e, rows), "seq": OfSeq(e, all(rows))} {
				got, err := drain(s, size)
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("%s, %d rows, %s buffers: %d bytes of %d, %v", kind, n, name, len(got), len(want), err)
				}
				if s.Rows() != int64(n) || s.Err() != nil {
					t.Errorf("%s: %d rows, %v", kind, s.Rows(), s.Err())
				}
				s.Close()
				if _, err := s.Read(make([]byte, 1)); err == nil {
					t.Errorf("%s: reads after Close", kind)
				}
			}
		}
	}
	if err := iotest.TestReader(OfSlice(e, narrowRows(300)), whole(t, e, narrowRows(300))); err != nil {
		t.Error(err)
	}
}

// Rows that end, alone or after others, at each byte around the end of a buffer.
func TestStreamsAtTheEndOfABuffer(t *testing.T) {
	e := compile[narrow](t, narrowColumns)
	size := func() int { return blockSize }
	for long := blockSize - 120; long < blockSize+5; long++ {
		for before := range 2 {
			rows := narrowRows(before + 3)
			rows[before].Name = strings.Repeat("x", long)
			rows[before+1].Name = strings.Repeat("y", long)
			want := whole(t, e, rows)
			for kind, s := range map[string]Stream{"slice": OfSlice(e, rows), "seq": OfSeq(e, all(rows))} {
				got, err := drain(s, size)
				if err != nil || !bytes.Equal(got, want) || s.Rows() != int64(len(rows)) {
					t.Errorf("%s, row %d of %d bytes: %d bytes of %d, %d rows, %v", kind, before+1, long, len(got), len(want), s.Rows(), err)
				}
				s.Close()
			}
		}
	}
}

func TestStreamKeepsTheSourcesError(t *testing.T) {
	e := compile[narrow](t, narrowColumns)
	broken := errors.New("disk on fire")
	s := OfSeq(e, func(yield func(narrow, error) bool) {
		for _, r := range narrowRows(3) {
			yield(r, nil)
		}
		yield(narrow{}, broken)
	})
	defer s.Close()
	_, err := drain(s, func() int { return 100 })
	if !errors.Is(err, broken) || !errors.Is(s.Err(), broken) || !strings.Contains(err.Error(), "row 4 of the source") {
		t.Errorf("%v; %v", err, s.Err())
	}
}

func TestStreamNamesTheBadRow(t *testing.T) {
	e := compile[narrow](t, narrowColumns)
	rows := narrowRows(2000)
	rows[1500].Name = "\x00"
	for kind, s := range map[string]Stream{"slice": OfSlice(e, rows), "seq": OfSeq(e, all(rows))} {
		_, err := drain(s, func() int { return 4096 })
		var bad *RowError
		if !errors.As(err, &bad) || bad.Row != 1501 || bad.Column != "name" {
			t.Errorf("%s: %v", kind, err)
		}
		s.Close()
	}
}

type explosive struct{ N explodes }
type explodes struct{}

func (explodes) Int64Value() (pgtype.Int8, error) { panic("boom") }

// A panic of the source is told as one; that of a value is about its row.
func TestStreamCatchesPanics(t *testing.T) {
	e := compile[explosive](t, []Column{{Name: "n", OID: pgtype.Int8OID, Type: "bigint"}})
	s := OfSeq(e, func(yield func(explosive, error) bool) { panic("source") })
	_, err := drain(s, func() int { return 4096 })
	var p *panics.Error
	if !errors.As(err, &p) || len(p.Stack) == 0 {
		t.Errorf("seq: %v", err)
	}
	s.Close()
	for kind, s := range map[string]Stream{
		"slice": OfSlice(e, make([]explosive, 1)), "seq": OfSeq(e, all(make([]explosive, 1))),
	} {
		_, err := drain(s, func() int { return 4096 })
		var bad *RowError
		if !errors.As(err, &bad) || bad.Row != 1 || !strings.Contains(err.Error(), "boom") {
			t.Errorf("value from a %s: %v", kind, err)
		}
		s.Close()
	}
}

func TestRaggedArraysAreRefused(t *testing.T) {
	type grid struct{ Cells [][]int32 }
	e := compile[grid](t, []Column{{Name: "cells", OID: pgtype.Int4ArrayOID, Type: "integer[]"}})
	for _, cells := range [][][]int32{nil, {}, {{}}, {{1}}, {{1, 2}, {3, 4}}, {{}, {}}} {
		if _, err := e.Append(nil, &grid{cells}); err != nil {
			t.Errorf("%v: %v", cells, err)
		}
	}
	for _, cells := range [][][]int32{{{1, 2}, {3}}, {{1}, {2, 3}}, {{1}, {}}, {{}, {1}}, {{1}, nil}} {
		_, err := e.Append(nil, &grid{cells})
		var bad *RowError
		if !errors.As(err, &bad) || !errors.Is(err, errRagged) {
			t.Errorf("%v: %v", cells, err)
		}
	}
	deep := reflect.TypeFor[*[2][][]int16]()
	ok := &[2][][]int16{{{1}, {2}}, {{3}, {4}}}
	if lengths, same := measure(reflect.ValueOf(ok), depth(deep)); !same || !slices.Equal(lengths, []int{2, 2, 1}) {
		t.Error(lengths, same)
	}
	ok[1][1] = []int16{4, 5}
	if _, same := measure(reflect.ValueOf(ok), depth(deep)); same {
		t.Error("a longer slice at the bottom is not seen")
	}
}

func TestSlowSourceIsFlushed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := compile[narrow](t, narrowColumns)
		s := OfSeq(e, func(yield func(narrow, error) bool) {
			for _, r := range narrowRows(2) {
				if !yield(r, nil) {
					return
				}
				time.Sleep(time.Minute)
			}
		})
		defer func() {
			s.Close()
			time.Sleep(time.Minute) // the source wakes up and ends
		}()
		want := len(whole(t, e, narrowRows(1))) - len(copyTrailer)
		start, got := time.Now(), 0
		for got < want && time.Since(start) < time.Second {
			n, err := s.Read(make([]byte, 65531))
			if err != nil {
				t.Fatal(err)
			}
			got += n
		}
		if got != want || time.Since(start) > 2*flushEvery {
			t.Errorf("%d bytes of the first row's %d after %v", got, want, time.Since(start))
		}
	})
}

func TestCloseDoesNotWaitForeverForTheSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := compile[narrow](t, narrowColumns)
		release := make(chan struct{})
		yielded := make(chan bool, 1)
		s := OfSeq(e, func(yield func(narrow, error) bool) {
			yield(narrow{}, nil)
			<-release
			yielded <- yield(narrow{}, nil)
		})
		synctest.Wait() // the source blocks
		start := time.Now()
		s.Close()
		if d := time.Since(start); d != closeTimeout {
			t.Errorf("Close took %v", d)
		}
		close(release)
		if <-yielded {
			t.Error("the source was asked for more after Close")
		}
	})
}

func TestSeqAllocatesNothingPerRow(t *testing.T) {
	e := compile[narrow](t, narrowColumns)
	rows := narrowRows(20_000)
	buf := make([]byte, 65531)
	n := testing.AllocsPerRun(5, func() {
		s := OfSeq(e, all(rows))
		for {
			if _, err := s.Read(buf); err != nil {
				break
			}
		}
		s.Close()
	})
	if n > 60 { // the stream itself; 20,000 rows
		t.Errorf("%v allocations for %d rows", n, len(rows))
	}
}
