package migrations

import (
	"context"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5/pgxpool"
)

func file(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

func TestReadSourcesOrdersByVersion(t *testing.T) {
	got, err := readSources(fstest.MapFS{
		"10_c.sql":    file(""),
		"9_b.sql":     file(""),
		"00001_a.sql": file(""),
		"README.md":   file(""),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []source{{1, "00001_a.sql"}, {9, "9_b.sql"}, {10, "10_c.sql"}}
	if len(got) != len(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("source %d is %v, want %v", i, got[i], want[i])
		}
	}
}

func TestReadSourcesRefuses(t *testing.T) {
	for _, c := range []struct {
		name  string
		files fstest.MapFS
		want  string
	}{
		{"nothing", fstest.MapFS{}, "no *.sql file at its root"},
		{"folder", fstest.MapFS{"schema/00001_a.sql": file("")}, `pass fs.Sub(files, "schema")`},
		{"dash", fstest.MapFS{"00001_a.sql": file(""), "00002-b.sql": file("")}, "00002-b.sql: want a name of digits"},
		{"no number", fstest.MapFS{"cities.sql": file("")}, "cities.sql: want a name of digits"},
		{"zero", fstest.MapFS{"0_a.sql": file("")}, "0_a.sql"},
		{"twice", fstest.MapFS{"1_a.sql": file(""), "00001_b.sql": file("")}, "00001_b.sql and 1_a.sql both have version 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := readSources(c.files)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestNilFiles(t *testing.T) {
	if _, err := Up(context.Background(), new(pgxpool.Pool), nil); err == nil || !strings.Contains(err.Error(), "files is nil") {
		t.Fatalf("error %v", err)
	}
}
