package reads

import (
	"context"
	"fmt"

	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
	"github.com/headrace/headrace/integration/benchmarks/internal/replay"
)

// Works returns the reads of a table of so many orders. Each is measured on the
// server and on a recording of it, except the stream, whose recording would be
// large.
func Works(t Target, orders int) []measure.Work {
	var works []measure.Work
	add := func(name string, expect measure.Seen, readers []reader) {
		works = append(works, live(t, name, expect, readers), replayed(t, name+"/replay", expect, readers))
	}
	one := measure.Seen{Rows: 1, Last: oneID}
	add("read/1", one, readOne())
	add("read/100x10", orders10(100).expect(), readTen(100))
	add("read/100x12", orders12(100).expect(), readTwelve(100))
	add("read/10000x12", orders12(10_000).expect(), readTwelve(10_000))
	add("read/wide", products(100).expect(), readWide(100))
	works = append(works,
		replayed(t, "read/100x12/cold/replay", orders12(100).expect(), readCold(100)),
		replayed(t, "read/10000x12/cold/replay", orders12(10_000).expect(), readCold(10_000)),
	)
	works = append(works, overhead(t))
	return append(works, live(t, "read/stream1M", orders12(orders).expect(), readStream(orders)))
}

// overhead is the cost of statistics and change tracking in a read by primary
// key, and with a span: pg.QueryRow(...).Scan compared with
// pool.QueryRow(...).Scan.
func overhead(t Target) measure.Work {
	s := orders12(1)
	w := replayed(t, "queryrow/overhead", measure.Seen{Rows: 1, Last: oneID}, []reader{headraceQueryRow(s), headraceProfiled(s), scanOne(s)})
	w.Baseline, w.Rounds = "pgx-scan", 30
	return w
}

func readOne() []reader {
	s := orders12(1)
	return []reader{
		headraceOne(s), headraceQueryRow(s), floorOne(s), scanOne(s), byNameOne(s), byPosOne(s), scanyOne(s),
		sqlcOne(), sqlxOne(s), bunOne(s), gormOne(s), entOne(), bobOne(s),
	}
}

func readTen(rows int) []reader {
	return append(readMany(orders10(rows)), sqlcTen(rows), entTen(rows))
}

func readTwelve(rows int) []reader {
	return append(readMany(orders12(rows)), sqlcTwelve(rows), entMany(rows))
}

// readCold measures the first call of a statement. Readers on pgx keep nothing
// between calls, so they are the usual ones.
func readCold(rows int) []reader {
	s := orders12(rows)
	return []reader{headraceCold(s), scanMany(s), byNameMany(s)}
}

func readMany[T any](s shape[T]) []reader {
	return []reader{
		headraceMany(s), headraceAppend(s), floorMany(s), scanMany(s), scanPrealloc(s), scanAppend(s), byNameMany(s), byPosMany(s), scanyMany(s),
		sqlxMany(s), bunMany(s), gormMany(s), bobMany(s),
	}
}

func readWide(rows int) []reader {
	s, viaSQL := products(rows), sqlProducts(rows)
	return []reader{
		headraceMany(s), headraceAppend(s), floorMany(s), scanMany(s), scanPrealloc(s), scanAppend(s), byNameMany(s), byPosMany(s), scanyMany(s),
		sqlcWide(rows), sqlxMany(viaSQL), bunMany(s), gormMany(viaSQL), bobMany(viaSQL),
	}
}

func readStream(rows int) []reader {
	s := orders12(rows)
	return []reader{
		headraceStream(s), floorMany(s), scanStream(s), byNameStream(s), byPosStream(s), scanyStream(s),
		sqlxStream(s), bunStream(s), gormStream(s), bobStream(s),
	}
}

func live(t Target, name string, expect measure.Seen, readers []reader) measure.Work {
	w := measure.Work{Name: name, Expect: expect}
	for _, r := range readers {
		w.Subjects = append(w.Subjects, measure.Subject{
			Name: r.name,
			Open: func(ctx context.Context) (measure.Op, func(), error) { return r.open(ctx, t) },
		})
	}
	return w
}

func replayed(t Target, name string, expect measure.Seen, readers []reader) measure.Work {
	w := measure.Work{Name: name, Expect: expect}
	for _, r := range readers {
		w.Subjects = append(w.Subjects, measure.Subject{
			Name: r.name,
			Open: func(ctx context.Context) (measure.Op, func(), error) { return openReplayed(ctx, t, r) },
		})
	}
	return w
}

// openReplayed records r reading from the server, and opens it on the
// recording.
func openReplayed(ctx context.Context, t Target, r reader) (measure.Op, func(), error) {
	recording := replay.NewRecording()
	dial := replay.Dialer(t.config.ConnConfig.DialFunc)
	op, closeLive, err := r.open(ctx, t.through(recording.Record(dial)))
	if err != nil {
		return nil, nil, fmt.Errorf("record: %w", err)
	}
	defer closeLive()
	// The first read prepares statements; the second is like all others.
	for range 2 {
		if _, err := op(ctx); err != nil {
			return nil, nil, fmt.Errorf("record: %w", err)
		}
	}
	return r.open(ctx, t.through(recording.Replay()))
}
