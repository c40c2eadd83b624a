package tablecache

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
)

// The removal of results and versions: how often, how much at once, and for how
// long a version is kept after its last raise. A version must outlive every
// result that was stored with it, which is at most a day.
const (
	removeEvery = 5 * time.Second
	removeStep  = 500
	removeTime  = time.Minute // of one round
	keepVersion = "7 days"
)

// removeLock is the advisory lock of the process that removes.
const removeLock = 0x68656164_63616368 // "headcach"

// remove removes results and versions until ctx ends.
func (t *Tier) remove(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(removeEvery/2 + rand.N(removeEvery)):
			within, cancel := context.WithTimeout(ctx, removeTime)
			_ = t.round(within) // the next round tries again; a server that is away shows in the other calls
			cancel()
		}
	}
}

// round removes what is expired, and what exceeds the bound. It ends early if
// another process does so.
func (t *Tier) round(ctx context.Context) error {
	for _, query := range []string{
		`DELETE FROM headrace.cache_entries WHERE ctid = ANY (ARRAY(
			SELECT ctid FROM headrace.cache_entries WHERE expires <= clock_timestamp() ORDER BY expires LIMIT $1 FOR UPDATE SKIP LOCKED))`,
		`DELETE FROM headrace.cache_versions WHERE ctid = ANY (ARRAY(
			SELECT ctid FROM headrace.cache_versions WHERE raised < clock_timestamp() - interval '` + keepVersion + `' LIMIT $1 FOR UPDATE SKIP LOCKED))`,
	} {
		for {
			n, err := t.step(ctx, query, removeStep)
			if err != nil {
				return err
			}
			if n < removeStep {
				break
			}
		}
	}
	return t.shrink(ctx)
}

// shrink removes results next to expire until the rest is within the bound.
func (t *Tier) shrink(ctx context.Context) error {
	var used int64
	if err := t.pool.QueryRow(ctx, `SELECT COALESCE(sum(octet_length(value)), 0) FROM headrace.cache_entries`).Scan(&used); err != nil {
		return err
	}
	for used > t.maxBytes {
		freed, err := t.step(ctx, `WITH doomed AS (
			SELECT ctid, octet_length(value) AS size FROM headrace.cache_entries ORDER BY expires LIMIT $1 FOR UPDATE SKIP LOCKED
		), chosen AS (
			SELECT ctid, size FROM (SELECT ctid, size, sum(size) OVER (ROWS UNBOUNDED PRECEDING) - size AS before FROM doomed) d WHERE before < $2
		), gone AS (
			DELETE FROM headrace.cache_entries WHERE ctid = ANY (ARRAY(SELECT ctid FROM chosen))
		) SELECT COALESCE(sum(size), 0)::bigint FROM chosen`, removeStep, used-t.maxBytes)
		if err != nil || freed == 0 {
			return err
		}
		used -= freed
	}
	return nil
}

// step runs one statement that removes rows in a transaction of its own, and
// returns the number that it selects or the number of its rows. It returns 0 if
// another process holds the lock.
func (t *Tier) step(ctx context.Context, query string, args ...any) (n int64, err error) {
	err = pgx.BeginFunc(ctx, t.pool, func(tx pgx.Tx) error {
		var mine bool
		if err := tx.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock($1)`, int64(removeLock)).Scan(&mine); err != nil || !mine {
			return err
		}
		rows, err := tx.Query(ctx, query, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := rows.Scan(&n); err != nil {
				return err
			}
		}
		rows.Close()
		if len(rows.FieldDescriptions()) == 0 {
			n = rows.CommandTag().RowsAffected()
		}
		return rows.Err()
	})
	return n, err
}
