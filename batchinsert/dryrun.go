package batchinsert

import (
	"context"
	"fmt"
	"slices"
)

// runDry sends everything to a temporary table and rolls back.
func (l *load) runDry(ctx context.Context, w beginner) error {
	tx, err := w.Begin(ctx) // a savepoint in the caller's transaction
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // its error is the connection's, which fn's caller meets
	s, err := l.sender(ctx, tx)
	if err != nil {
		return err
	}
	p := l.produce(nil)
	defer p.stop()
	for {
		piece, more, err := p.next(ctx)
		if err != nil {
			return l.fileError(err)
		}
		if !more {
			return nil
		}
		if err := s.sieve(ctx, piece.Chunk); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "TRUNCATE "+stage); err != nil {
			return err
		}
		l.add(s.done)
		s.done = tally{}
		p.giveBack(piece)
	}
}

// stageDry makes a table like the target for rows that nobody shall see: with
// its types and CHECKs, but without defaults, which might draw numbers from the
// target's sequences.
func (s *sender) stageDry(ctx context.Context) error {
	_, err := s.tx.Exec(ctx, "CREATE TEMPORARY TABLE "+stageName+" (LIKE "+s.load.table+" INCLUDING CONSTRAINTS INCLUDING GENERATED) ON COMMIT DROP")
	if err != nil {
		return fmt.Errorf("make a temporary table: %w", err)
	}
	for i := range s.match.schema.columns {
		c := &s.match.schema.columns[i]
		if c.notNull && !c.generated && (s.match.schema.beforeTrigger || !slices.Contains(s.match.columns, c)) {
			if _, err := s.tx.Exec(ctx, "ALTER TABLE "+stage+" ALTER COLUMN "+quote(c.name)+" DROP NOT NULL"); err != nil {
				return fmt.Errorf("make a temporary table: %w", err)
			}
		}
	}
	return nil
}
