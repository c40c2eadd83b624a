package migrations

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

func TestFailedLine(t *testing.T) {
	const text = `-- +goose Up
-- a comment

CREATE TABLE a (
    id int,
    ü text, b txet
);

-- +goose StatementBegin
DO $$ BEGIN
  RAISE 'x';
END $$;
-- +goose StatementEnd
DROP TABLE a;

-- +goose Down
CREATE TABLE x ();
DROP TABLE a;
`
	create := "CREATE TABLE a (\n    id int,\n    ü text, b txet\n);"
	do := "DO $$ BEGIN\n  RAISE 'x';\nEND $$;"
	plain := errors.New("cut off")
	at := func(position int32) error { return &pgconn.PgError{Position: position} }
	for _, c := range []struct {
		name       string
		direction  string
		statements []string
		err        error
		want       int
	}{
		{"start of the statement", "up", []string{create}, plain, 4},
		{"first character", "up", []string{create}, at(1), 4},
		{"position counts characters", "up", []string{create}, at(45), 6},
		{"last character of a line", "up", []string{create}, at(28), 5},
		{"position past the end", "up", []string{create}, at(4000), 7},
		{"later statement", "up", []string{create, do}, at(0), 10},
		{"inside of it", "up", []string{create, do}, at(15), 11},
		{"same text in both sections", "up", []string{create, do, "DROP TABLE a;"}, plain, 14},
		{"down section", "down", []string{"CREATE TABLE x ();", "DROP TABLE a;"}, plain, 18},
		{"text that goose changed", "up", []string{"CREATE TABLE ${X} ();"}, plain, 0},
		{"no statement yet", "up", nil, plain, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := failedLine(text, c.direction, c.statements, c.err); got != c.want {
				t.Errorf("line %d, want %d", got, c.want)
			}
		})
	}
}

func TestFailedLineInCRLF(t *testing.T) {
	text := "-- +goose Up\r\nSELECT 1;\r\nSELECT\r\n  nix;\r\n"
	got := failedLine(text, "up", []string{"SELECT 1;", "SELECT\n  nix;"}, &pgconn.PgError{Position: 10})
	if got != 4 {
		t.Errorf("line %d, want 4", got)
	}
}
