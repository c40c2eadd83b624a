package migrations

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pressly/goose/v3"
)

// trail hears goose say which statement it runs next: its errors don't tell.
// It is a [slog.Handler] because that is the one place where goose tells. Were
// goose to word its messages otherwise, errors would lose their line number and
// nothing else; a test keeps watch.
//
// goose runs statements one after the other, so no lock is needed.
type trail struct {
	file       string
	statements []string // of file so far; the last one is under way
}

// Enabled implements slog.Handler.
func (t *trail) Enabled(context.Context, slog.Level) bool { return true }

// WithAttrs implements slog.Handler.
func (t *trail) WithAttrs([]slog.Attr) slog.Handler { return t }

// WithGroup implements slog.Handler.
func (t *trail) WithGroup(string) slog.Handler { return t }

// Handle implements slog.Handler.
func (t *trail) Handle(_ context.Context, r slog.Record) error {
	if r.Message != "executing statement" {
		return nil
	}
	var file, statement string
	r.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "source":
			file = a.Value.String()
		case "statement":
			statement = a.Value.String()
		}
		return true
	})
	if file != t.file {
		t.file, t.statements = file, nil
	}
	t.statements = append(t.statements, statement)
	return nil
}

// explain says in which file and line the migration failed.
func (m *migrator) explain(failed *goose.PartialError) error {
	file := failed.Failed.Source.Path
	line := 0
	if text, err := fs.ReadFile(m.files, file); err == nil && m.trail.file == file {
		line = failedLine(string(text), failed.Failed.Direction, m.trail.statements, failed.Err)
	}
	if line == 0 {
		return fmt.Errorf("%s: %w", file, failed.Err)
	}
	return fmt.Errorf("%s: line %d: %w", file, line, failed.Err)
}

// failedLine finds the line of text that err is about, counted from 1: where the
// server points to, else where the last of statements begins. It returns 0 where
// a statement cannot be found in text, as after goose's ENVSUB.
func failedLine(text, direction string, statements []string, err error) int {
	text = strings.ReplaceAll(text, "\r\n", "\n") // as goose reads lines
	end := 0
	if direction == "down" {
		end = downSection(text)
	}
	start := -1
	for _, s := range statements { // in turn, since the same text may occur twice
		i := strings.Index(text[end:], s)
		if i < 0 {
			return 0
		}
		start = end + i
		end = start + len(s)
	}
	if start < 0 {
		return 0
	}
	last := statements[len(statements)-1]
	return 1 + strings.Count(text[:start], "\n") + strings.Count(last[:faultOffset(last, err)], "\n")
}

// faultOffset is the byte in statement that the server points to. The server
// counts characters, from 1; 0 means that it points nowhere.
func faultOffset(statement string, err error) int {
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) {
		return 0
	}
	offset := 0
	for range pgErr.Position - 1 {
		if offset == len(statement) {
			break
		}
		_, size := utf8.DecodeRuneInString(statement[offset:])
		offset += size
	}
	return offset
}

// downSection is where the lines after "-- +goose Down" begin.
func downSection(text string) int {
	offset := 0
	for line := range strings.Lines(text) {
		offset += len(line)
		mark := strings.Join(strings.Fields(strings.ToLower(line)), " ")
		if mark == "-- +goose down" || mark == "--+goose down" {
			return offset
		}
	}
	return 0
}
