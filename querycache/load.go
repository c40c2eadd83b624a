package querycache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"reflect"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/internal/cacheapi"
	"github.com/headrace/headrace/internal/rowscan/replay"
	"github.com/headrace/headrace/internal/s3fifo"
)

// A result is the outcome of a read.
type result struct {
	value any
	own   bool // no other caller has the value
	why   Reason
}

// load serves a read without a fresh entry.
func (c *Cache) load(ctx context.Context, r *record, hash uint64, key []byte, load loadFunc) (result, error) {
	old, why := c.find(r, hash, key)
	switch why {
	case Hit: // stored since the call of hit
		return result{c.open(old), false, Hit}, nil
	case HitStale:
		c.refresh(ctx, r, hash, key, load)
		return result{c.open(old), false, HitStale}, nil
	}
	if err := within(ctx, r, key); err != nil {
		return result{why: MissFailed}, fmt.Errorf("querycache: wait for %s: %w", r.label, err)
	}
	f, begun := c.join(ctx, r, hash, key)
	if f == nil {
		value, _, err := load(ctx, nil)
		return result{value, true, why}, err
	}
	if err := c.await(ctx, f, begun, load); err != nil {
		return result{why: MissFailed}, err
	}
	switch {
	case f.outcome == outcomePrivate && !begun:
		value, _, err := load(ctx, nil)
		return result{value, true, f.notStored}, err
	case errors.Is(f.err, db.ErrTooManyRows) && ownMaxRows(ctx): // the caller's own bound may allow more
		value, _, err := load(ctx, nil)
		return result{value, true, MissTooBig}, err
	case f.served != none && f.err == nil:
		if f.served == HitStale && begun {
			c.refresh(ctx, r, hash, key, load)
		}
		if !begun {
			return result{f.value, false, HitCoalesced}, nil
		}
		return result{f.value, f.outcome == outcomePrivate, f.served}, nil
	case f.err != nil && old != nil && c.outage(r, old, f.err):
		return result{c.open(old), false, HitOnError}, nil
	case errors.Is(f.err, replay.ErrTooBig):
		return result{why: MissTooBig}, f.err
	case f.err != nil:
		return result{why: MissFailed}, f.err
	case !begun:
		return result{f.value, false, HitCoalesced}, nil
	case f.notStored != none:
		why = f.notStored
	}
	return result{f.value, f.outcome == outcomePrivate, why}, nil
}

// await runs the flight, if the caller began it, and waits until it ends. The
// load has its own goroutine, so that its caller can leave.
func (c *Cache) await(ctx context.Context, f *flight, begun bool, load loadFunc) error {
	if begun {
		go c.run(f, load)
	}
	if err := c.wait(ctx, f); err != nil {
		return err
	}
	if p, ok := f.err.(*PanicError); ok && begun { //nolint:errorlint // run sets it bare
		panic(p.Value)
	}
	return nil
}

// outage reports whether an expired entry may be returned in place of the error
// of a load.
func (c *Cache) outage(r *record, e *entry, err error) bool {
	if r.policy.StaleIfError == 0 || !r.current(e.Value.stamp, e.Key()) || c.clock.now()-e.Value.expires >= int64(r.policy.StaleIfError) {
		return false
	}
	return r.outageOf(err)
}

// outageOf reports whether a load that failed with err may be answered by an
// expired value.
func (r *record) outageOf(err error) bool {
	if r.aside { // any error of the program's own function, except a panic
		var p *PanicError
		return !errors.As(err, &p)
	}
	return isOutage(err)
}

// isOutage reports whether the server could not be reached, or could not
// execute any statement.
func isOutage(err error) bool {
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch pgErr.Code[:min(2, len(pgErr.Code))] {
		case "08", "53", "57", "58", "XX": // connection, resources, operator, system, internal
			return true
		}
		return false
	}
	var netErr net.Error
	var connectErr *pgconn.ConnectError
	return errors.As(err, &netErr) || errors.As(err, &connectErr) || pgconn.SafeToRetry(err) || pgconn.Timeout(err) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}

// insert stores the result of a flight, or returns why it does not.
func (c *Cache) insert(f *flight, size int64) Reason {
	r := f.record
	switch {
	case f.dependencies == nil:
		return MissLoadInvalidated
	case f.dependencies.refusal != none:
		return f.dependencies.refusal
	case f.session.Changed() != "":
		by := f.session.Changed()
		r.changedBy.Store(&by)
		return RefusedSession
	case f.err != nil:
		return MissFailed
	case f.served == HitOnError:
		return MissExpired
	case c.off.Load() != 0 || !r.fresh(f.stamp) || r.dependencies.Load() != f.dependencies:
		return MissLoadInvalidated
	case !r.current(f.stamp, f.key):
		return MissLoadInvalidated
	}
	switch {
	case size < 0:
		return RefusedType
	case r.policy.MaxBytes > 0 && size > r.policy.MaxBytes, r.policy.MaxRows > 0 && rowsIn(f.value) > r.policy.MaxRows:
		return MissTooBig
	}
	v := cached{f.value, f.stamp, r.policy.expiry(f.begun, isEmpty(f.value))}
	if c.opts.CheckShared {
		v.result = check(v.result)
	}
	e, ok := s3fifo.NewEntry(&r.Group, f.key, v, size)
	if !ok {
		return MissTooBig
	}
	sh := c.flights.shard(f.hash)
	sh.mu.Lock() // so that invalidate comes before the put, or finds the entry
	defer sh.mu.Unlock()
	if f.outcome == outcomeInvalidated {
		return MissLoadInvalidated
	}
	if !c.store.Put(f.hash, e) {
		return MissTooBig
	}
	return none
}

// rowsIn returns the number of rows in a value, which is 1 unless the value is
// a collection.
func rowsIn(value any) int {
	if counted, ok := value.(interface{ Len() int }); ok {
		return counted.Len()
	}
	if v := reflect.ValueOf(value); v.Kind() == reflect.Slice {
		return v.Len()
	}
	return 1
}

// isEmpty reports whether a value is that there are no rows.
func isEmpty(value any) bool {
	switch v := value.(type) {
	case cachedError, cacheapi.NoRow:
		return true
	case *wireRows:
		return v.Len() == 0
	}
	v := reflect.ValueOf(value)
	return v.Kind() == reflect.Slice && v.Len() == 0
}

// ownMaxRows reports whether the caller's context sets its own bound of rows.
func ownMaxRows(ctx context.Context) bool {
	_, ok := cacheapi.MaxRows(ctx)
	return ok
}
