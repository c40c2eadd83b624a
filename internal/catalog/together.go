package catalog

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/sqltext"
)

// A Question asks for the effects of a statement: of Statement by the server's
// own parser, as [Examine] does, or of Names by the names in the text, as
// [ExamineNames] does. One of the two is set.
type Question struct {
	Statement *sqltext.Statement
	Names     *Names
	In        Where // with Names
}

// An Answer is what a Question got. Err concerns this question alone, unless
// the connection broke.
type Answer struct {
	Effects Effects
	Err     error
}

// ExamineAll answers questions together. It returns one answer for each
// question, in their order. The rules of [Examine] hold for conn.
func ExamineAll(ctx context.Context, conn *pgx.Conn, questions []Question) []Answer {
	answers := make([]Answer, len(questions))
	for i, q := range questions {
		a := &answers[i]
		if q.Names != nil {
			a.Effects, a.Err = ExamineNames(ctx, conn, *q.Names, q.In)
			continue
		}
		a.Effects, a.Err = Examine(ctx, conn, q.Statement)
	}
	return answers
}

// Fingerprints returns the [Fingerprint] of each of several sets of
// dependencies, all from one snapshot.
func Fingerprints(ctx context.Context, conn *pgx.Conn, of []Dependencies) ([]int64, error) {
	versions := make([]int64, len(of))
	for i, d := range of {
		var err error
		if versions[i], err = Fingerprint(ctx, conn, d); err != nil {
			return nil, err
		}
	}
	return versions, nil
}
