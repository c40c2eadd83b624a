package querycache

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/internal/catalog"
	"github.com/headrace/headrace/internal/changes"
)

// declared are the relations that the names in Policy.Tables denote.
type declared struct {
	reads   []dependency       // with partitions and the tables of views
	known   bool               // reads is complete
	version int64              // of from
	from    []*changes.Effects // the effects that reads is derived from
}

// A namesError is an error about a name in Policy.Tables: the server does not
// know it, or changes to its relation are not reported.
type namesError struct {
	name string
	err  error
}

func (e *namesError) Error() string { return fmt.Sprintf("Policy.Tables: %s: %v", e.name, e.err) }
func (e *namesError) Unwrap() error { return e.err }

// declared resolves names on the server as it resolves those in statements: it
// examines a statement that reads each of them, which is examined again after a
// schema change. The error is a *namesError if the server does not know a name
// as a relation.
func (s *source) declared(ctx context.Context, names []string) (declared, error) {
	d := declared{known: true}
	for _, name := range names {
		parts, _ := splitName(name) // the policy was validated
		eff, err := s.effects(ctx, s.handle.Tracker.Text("SELECT 1 FROM "+quoteParts(parts)))
		if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok && (pgErr.Code[:2] == "42" || pgErr.Code[:2] == "3F" || pgErr.Code == crossDatabase) {
			return d, &namesError{name, errors.New(pgErr.Message)}
		}
		if err != nil {
			return d, err
		}
		if err := untracked(&eff.Effects, parts[len(parts)-1]); err != nil {
			return d, &namesError{name, err}
		}
		d.from = append(d.from, eff)
		d.reads = append(d.reads, readsOf(&eff.Effects)...)
		d.known = d.known && eff.ReadsKnown
		d.version = d.version*31 + eff.Version
	}
	return d, nil
}

// crossDatabase is the code for a name in another database.
const crossDatabase = "0A000"

// untracked returns an error if changes to the relation of a name are not
// reported.
func untracked(eff *catalog.Effects, name string) error {
	catalogs := 0
	for _, r := range eff.Reads {
		if r.Kind == catalog.Sequence && r.Name == name {
			return errors.New("changes to sequences are not reported")
		}
		if r.Schema == "pg_catalog" {
			catalogs++
		}
	}
	if catalogs > 0 && catalogs == len(eff.Reads) || len(eff.Reads) == 0 && isRefused(eff, catalog.CatalogRows) {
		return errors.New("changes to system catalogs are not reported")
	}
	return nil
}

// isRefused reports whether a reason is among the refusals of a statement.
func isRefused(eff *catalog.Effects, reason catalog.Reason) bool {
	return slices.ContainsFunc(eff.Refusals, func(r catalog.Refusal) bool { return r.Reason == reason })
}

// splitName splits a name as the server does: at dots outside quotes, with
// unquoted parts in lower case and each part cut to 63 bytes. It reports false
// unless the name has one to three valid parts.
func splitName(text string) (parts []string, ok bool) {
	for rest := strings.TrimSpace(text); ; rest = strings.TrimSpace(rest[1:]) {
		var part string
		if part, rest, ok = cutPart(rest); !ok || part == "" {
			return nil, false
		}
		parts = append(parts, shorten(part))
		switch {
		case rest == "":
			return parts, true
		case rest[0] != '.' || len(parts) == 3:
			return nil, false
		}
	}
}

// cutPart returns the first part of a name and the text after it. It reports
// false if there is no such part.
func cutPart(text string) (part, rest string, ok bool) {
	if strings.HasPrefix(text, `"`) {
		for i := 1; i < len(text); i++ {
			switch {
			case text[i] == 0:
				return "", "", false
			case text[i] != '"':
			case i+1 < len(text) && text[i+1] == '"':
				i++
			default:
				return strings.ReplaceAll(text[1:i], `""`, `"`), strings.TrimSpace(text[i+1:]), true
			}
		}
		return "", "", false
	}
	n := 0
	for n < len(text) && isNameByte(text[n], n == 0) {
		n++
	}
	return strings.Map(lower, text[:n]), strings.TrimSpace(text[n:]), n > 0
}

// isNameByte reports whether b may be in an unquoted name, or begin one.
func isNameByte(b byte, first bool) bool {
	return b == '_' || b >= utf8.RuneSelf || 'a' <= b|0x20 && b|0x20 <= 'z' || !first && (b == '$' || '0' <= b && b <= '9')
}

// lower folds ASCII letters, as the server does.
func lower(r rune) rune {
	if 'A' <= r && r <= 'Z' {
		return r + 'a' - 'A'
	}
	return r
}

// longestName is the length of the longest name in bytes (NAMEDATALEN - 1).
const longestName = 63

func shorten(name string) string {
	if len(name) <= longestName {
		return name
	}
	n := longestName
	for n > 0 && !utf8.RuneStart(name[n]) {
		n--
	}
	return name[:n]
}

// quoteParts returns a name as SQL with all parts quoted.
func quoteParts(parts []string) string {
	quoted := make([]string, len(parts))
	for i, part := range parts {
		quoted[i] = `"` + strings.ReplaceAll(part, `"`, `""`) + `"`
	}
	return strings.Join(quoted, ".")
}
