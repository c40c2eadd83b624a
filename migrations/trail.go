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

// A trail records which statement goose runs next, which goose's errors do not
// contain. It is a [slog.Handler] because goose only logs it. If goose changed
// its messages, errors would lose their line number and nothing else; a test
// guards that.
//
// goose runs statements sequentially, so the trail needs no lock.
type trail struct {
	file       string
	statements []string // statements of file so far; the last one is running
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

// explain adds the file and line to the error of a failed migration.
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

// failedLine returns the line of text that err concerns, counted from 1: the
// line that the server points to, or the first line of the last statement. It
// returns 0 if a statement is not found in text, as after goose's ENVSUB.
func failedLine(text, direction string, statements []string, err error) int {
	text = strings.ReplaceAll(text, "\r\n", "\n") // as goose reads lines
	end := 0
	if direction == "down" {
		end = downSection(text)
	}
	start := -1
	for _, s := range statements { // in order, since the same text may occur twice
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

// faultOffset returns the byte offset in statement that the server points to, 0
// if it points to none. The server counts characters, from 1.
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

// downSection returns the offset of the lines after "-- +goose Down".
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
