package target

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// A sequence belongs to an identity column.
type sequence struct {
	name       string // in SQL
	column     string
	descending bool
	least      int64
	most       int64
	cycles     bool
}

// sequenceQuery reads the sequence of a column. Partitions use that of their
// root.
const sequenceQuery = `
SELECT s.seqrelid::regclass::text, s.seqincrement < 0, s.seqmin, s.seqmax, s.seqcycle
FROM pg_catalog.pg_sequence s
WHERE s.seqrelid = pg_catalog.pg_get_serial_sequence(
    coalesce(pg_catalog.pg_partition_root($1::text::regclass), $1::text::regclass)::text, $2)::regclass`

// MoveSequences advances the sequences of the identity columns written beyond
// the values in the table, in the direction in which they count, so that the
// next generated value does not collide. It never moves a sequence back or out
// of its bounds. Sequences with CYCLE are left alone: they reuse values anyway.
func MoveSequences(ctx context.Context, q Statements, quoted string, m *Match) error {
	for _, c := range m.Columns {
		if !c.Identity {
			continue
		}
		if err := moveSequence(ctx, q, quoted, c.Name); err != nil {
			return fmt.Errorf("move the sequence of column %q: %w", c.Name, err)
		}
	}
	return nil
}

func moveSequence(ctx context.Context, q Statements, quoted, column string) (err error) {
	s := sequence{column: column}
	rows, err := q.Query(ctx, sequenceQuery, quoted, column)
	if err != nil {
		return err
	}
	_, err = pgx.ForEachRow(rows, []any{&s.name, &s.descending, &s.least, &s.most, &s.cycles}, func() error { return nil })
	if err != nil || s.cycles || s.name == "" {
		return err
	}
	// Without a lock, two calls that read and then set could move it back. The
	// lock is released at once: setval is not transactional, and callers that
	// write several tables would deadlock.
	if _, err := q.Exec(ctx, "SAVEPOINT headrace_sequence"); err != nil {
		return err
	}
	if err := s.moveLocked(ctx, q, quoted); err != nil {
		return err // the whole call is rolled back
	}
	_, err = q.Exec(ctx, "ROLLBACK TO SAVEPOINT headrace_sequence")
	return err
}

// moveLocked advances s under the lock that serializes such calls.
func (s *sequence) moveLocked(ctx context.Context, q Statements, quoted string) error {
	const lock = `SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('headrace sequence ' || $1::text::regclass::oid, 0))`
	if _, err := q.Exec(ctx, lock, s.name); err != nil {
		return err
	}
	_, err := q.Exec(ctx, s.move(quoted), s.name, s.least, s.most)
	return err
}

// move returns the statement that advances s beyond the values of its column.
func (s *sequence) move(table string) string {
	furthest, past := "max", ">"
	if s.descending {
		furthest, past = "min", "<"
	}
	column := Quote(s.column)
	return `SELECT pg_catalog.setval($1::text::regclass, used.furthest)
FROM ` + s.name + ` AS s, (SELECT ` + furthest + `(` + column + `)::bigint AS furthest FROM ` + table + ` WHERE ` + column + ` BETWEEN $2::bigint AND $3::bigint) AS used
WHERE used.furthest ` + past + ` s.last_value OR (used.furthest = s.last_value AND NOT s.is_called)`
}
