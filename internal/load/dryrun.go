package load

import (
	"context"
	"fmt"
	"slices"

	"github.com/headrace/headrace/internal/target"
)

// runDry loads the input into a temporary table and rolls back.
func (l *Load) runDry(ctx context.Context, w target.Beginner) error {
	tx, err := w.Begin(ctx) // a savepoint in the caller's transaction
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // if it fails, the connection is broken
	s, err := l.sender(ctx, tx)
	if err != nil {
		return err
	}
	l.describe(s)
	return l.sendAll(ctx, s, nil, func(b block) error {
		if err := s.copyWithQuarantine(ctx, b.Chunk); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "TRUNCATE "+target.Stage)
		return err
	})
}

// stageDry creates a temporary table like the target, with its types and CHECKs,
// but without defaults, which might advance the target's sequences.
func (s *sender) stageDry(ctx context.Context) error {
	_, err := s.tx.Exec(ctx, "CREATE TEMPORARY TABLE "+target.StageName+" (LIKE "+s.load.table+" INCLUDING CONSTRAINTS INCLUDING GENERATED) ON COMMIT DROP")
	if err != nil {
		return fmt.Errorf("make a temporary table: %w", err)
	}
	for i := range s.match.Schema.Columns {
		c := &s.match.Schema.Columns[i]
		if c.NotNull && !c.Generated && (s.match.Schema.BeforeTrigger || !slices.Contains(s.match.Columns, c)) {
			if _, err := s.tx.Exec(ctx, "ALTER TABLE "+target.Stage+" ALTER COLUMN "+target.Quote(c.Name)+" DROP NOT NULL"); err != nil {
				return fmt.Errorf("make a temporary table: %w", err)
			}
		}
	}
	return nil
}
