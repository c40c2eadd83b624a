package tablecache

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

const (
	stepRows     = 500  // removed by a statement
	stepBlocks   = 256  // read by a statement
	sampleBlocks = 1000 // read to estimate the size of the values
	// pressShare of Options.MaxBytes, set by one process, calls for a pass.
	pressShare = 8
	// pressEvery is the least time between passes that values call for.
	pressEvery = time.Second
	// stepTimeout ends a statement of a pass.
	stepTimeout = time.Minute
)

// sweepEvery makes passes until the Tier is closed. A random part of the time
// between them keeps processes that start at once from meeting.
func (t *Tier) sweepEvery(every time.Duration) {
	timer := time.NewTimer(rand.N(every))
	defer timer.Stop()
	for {
		var err error
		select {
		case <-t.closed.Done():
			return
		case <-t.pressed:
			err = t.sweep(pressEvery, true)
		case <-timer.C:
			err = t.sweep(every, false)
			timer.Reset(every/2 + rand.N(every))
		}
		if err != nil && t.closed.Err() == nil {
			t.logger.Warn("tablecache: expired rows stay for now", "error", t.wrap("sweep", err))
		}
	}
}

// sweep makes a pass over the tables, unless any process has begun one within
// the given time. With onlyBound it removes nothing unless the values exceed
// the bound.
func (t *Tier) sweep(within time.Duration, onlyBound bool) error {
	t.written.Store(0)
	var claimed int64
	err := t.step(func(ctx context.Context) error {
		tag, err := t.pool.Exec(ctx, t.sql.claim, within.Microseconds())
		claimed = tag.RowsAffected()
		return err
	})
	if err != nil || claimed == 0 {
		return err
	}
	for i, table := range t.sql.tables {
		var blocks int64
		var upTo *time.Time
		err := t.step(func(ctx context.Context) (err error) {
			blocks, upTo, err = t.measure(ctx, table)
			return err
		})
		if err != nil {
			return err
		}
		if onlyBound && upTo == nil {
			return nil
		}
		if err := t.remove(t.sql.remove[i], blocks, upTo); err != nil {
			return err
		}
	}
	return nil
}

// measure returns the size of a table, and for that of the results the time up
// to which rows must be removed to keep the bound, or nil.
func (t *Tier) measure(ctx context.Context, table string) (blocks int64, upTo *time.Time, err error) {
	if err := t.pool.QueryRow(ctx, t.sql.size, table).Scan(&blocks); err != nil {
		return 0, nil, err
	}
	if table != t.sql.tables[0] || blocks == 0 {
		return blocks, nil, nil
	}
	percent := min(100, 100*sampleBlocks/float64(blocks))
	err = t.pool.QueryRow(ctx, t.sql.sample, percent, t.maxBytes).Scan(&upTo)
	return blocks, upTo, err
}

// remove executes a statement that removes rows, in small steps. Its pauses are
// as long as the steps.
func (t *Tier) remove(sql string, blocks int64, upTo *time.Time) error {
	for from := int64(0); from < blocks; {
		began := time.Now()
		var removed int64
		err := t.step(func(ctx context.Context) error {
			tag, err := t.pool.Exec(ctx, sql, tid(from), tid(from+stepBlocks), upTo, stepRows)
			removed = tag.RowsAffected()
			return err
		})
		if err != nil {
			return err
		}
		if removed < stepRows {
			from += stepBlocks
		}
		select {
		case <-t.closed.Done():
			return errClosed
		case <-time.After(time.Since(began)):
		}
	}
	return nil
}

// tid returns the address of the first row in a block.
func tid(block int64) string { return fmt.Sprintf("(%d,0)", block) }

// step executes a statement of a pass, again if the server asks for that.
func (t *Tier) step(f func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(t.closed, stepTimeout)
	defer cancel()
	err := f(ctx)
	for isSerializationFailure(err) && ctx.Err() == nil {
		err = f(ctx)
	}
	return err
}
