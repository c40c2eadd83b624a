package db

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/catalog"
	"github.com/headrace/headrace/internal/sqltext"
)

// effects is what a statement does, as far as it is known.
type effects struct {
	epoch       int64 // of the schema it was learned under
	writes      []Table
	writesKnown bool
	full        catalog.Effects
	err         error // why nothing could be learned
}

// Effects returns what a statement reads, writes and calls, as the server's own
// parser sees it. It is learned once, and again after the schema may have
// changed by a statement of this handle; what other programs do to the schema
// is not noticed. It is meant for the packages of this module.
func (d *DB) Effects(ctx context.Context, text *Text) (catalog.Effects, error) {
	eff := d.effectsOf(ctx, d.statements.get(text.SQL()))
	return eff.full, eff.err
}

// effectsOf returns what st does, asking the server when it is not known yet
// or when the schema may have changed since. What cannot be learned now is
// unknown, and is asked again the next time.
func (d *DB) effectsOf(ctx context.Context, st *statement) *effects {
	epoch := d.schemaEpoch.Load()
	if eff := st.effects.Load(); eff != nil && eff.epoch == epoch {
		return eff
	}
	eff, err := d.examine(ctx, st, epoch)
	if err != nil {
		return &effects{err: err}
	}
	return eff
}

// examine asks the server. What it learns is of the given epoch, which was read
// before: a change in between makes it out of date.
func (d *DB) examine(ctx context.Context, st *statement, epoch int64) (*effects, error) {
	if st.st.Kind == sqltext.Unrecognized || st.st.Count != 1 {
		return &effects{epoch: epoch}, nil
	}
	eff := &effects{epoch: epoch}
	err := d.examiner.do(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		if known := st.effects.Load(); known != nil && known.epoch >= epoch {
			eff = known // somebody else has asked meanwhile
			return nil
		}
		full, err := catalog.Examine(ctx, conn, st.st)
		if err != nil {
			return err
		}
		eff.full = full
		eff.writesKnown = full.WritesKnown
		eff.writes = tablesOf(full.Writes)
		st.effects.Store(eff)
		return nil
	})
	return eff, err
}

func tablesOf(relations []catalog.Relation) []Table {
	tables := make([]Table, len(relations))
	for i, r := range relations {
		tables[i] = Table{Schema: r.Schema, Name: r.Name, OID: r.OID}
	}
	return tables
}
