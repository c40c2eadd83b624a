package db

import (
	"context"
	"crypto/sha256"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/sqltext"
)

// A Text is a statement's text together with what one look at it tells. It
// never changes; a compiled statement has one for its whole life, and texts
// built at run time get one that is remembered for a while.
type Text struct {
	st       *sqltext.Statement
	identity [16]byte // of text and name
}

func newText(sql string) *Text {
	t := &Text{st: sqltext.Analyze(sql)}
	t.identity = t.st.ID
	if t.st.Name != "" {
		sum := sha256.Sum256(append(t.st.ID[:], t.st.Name...))
		t.identity = [16]byte(sum[:16])
	}
	return t
}

// SQL returns the normalized text: white space, comments and the case of
// keywords settled, the meaning the same. A text that cannot be taken apart
// is returned as it was given.
func (t *Text) SQL() string { return t.st.Normalized }

// numbered returns what is sent once pgx.NamedArgs has numbered the parameters,
// and SQL where there are none by name.
func (t *Text) numbered() string {
	if t.st.MaxParam > 0 || !strings.Contains(t.st.Text, "@") {
		return t.SQL()
	}
	sql, args, err := pgx.NamedArgs{}.RewriteQuery(context.Background(), nil, t.st.Text, nil)
	if err != nil || len(args) == 0 {
		return t.SQL()
	}
	return sql
}

// ID identifies the normalized text: the first 16 bytes of its SHA-256.
func (t *Text) ID() [16]byte { return t.st.ID }

// Name returns the name in the comment "-- name: CityByID :one", as sqlc
// writes it, or "".
func (t *Text) Name() string { return t.st.Name }

// Lexed reports whether the text could be taken apart into tokens. One that
// could not is sent to the server as it is and never cached.
func (t *Text) Lexed() bool { return t.st.Err == nil }

// label is how messages call the statement.
func (t *Text) label() string {
	if t.st.Name != "" {
		return t.st.Name
	}
	return shorten(t.st.Normalized)
}

// shorten returns as much of sql as messages show.
func shorten(sql string) string {
	const long = 80
	if len(sql) <= long {
		return sql
	}
	cut := long
	for cut > 0 && sql[cut]&0xC0 == 0x80 { // do not cut a character in two
		cut--
	}
	return sql[:cut] + "..."
}
