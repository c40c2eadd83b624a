package batchinsert_test

import (
	"errors"
	"testing"

	"github.com/headrace/headrace/batchinsert"
)

func TestInsertReturning(t *testing.T) {
	t.Parallel()
	type word struct {
		Text string
		Rank *int
	}
	type stored struct {
		ID   int64
		Text string
		Size int
	}
	words := batchinsert.MustTable[word]("words").With(batchinsert.Options{ChunkRows: 30})
	rows := make([]word, 100)
	for i := range rows {
		rows[i] = word{Text: string(rune('a'+(i*7)%26)) + "word"}
	}
	for name, create := range map[string]string{
		"plain": "CREATE TABLE words (id bigint GENERATED ALWAYS AS IDENTITY, text text, rank int, size int GENERATED ALWAYS AS (length(text)) STORED)",
		"partitioned": `CREATE SEQUENCE s; CREATE TABLE words (id bigint DEFAULT nextval('s'), text text, rank int, size int DEFAULT 5) PARTITION BY RANGE (text);
			CREATE TABLE w1 PARTITION OF words FOR VALUES FROM (MINVALUE) TO ('m'); CREATE TABLE w2 PARTITION OF words FOR VALUES FROM ('m') TO (MAXVALUE)`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pg := open(t, create)
			for kind, source := range map[string]batchinsert.Source[word]{"slice": batchinsert.Rows(rows), "seq": batchinsert.Seq(func(yield func(word) bool) {
				for _, r := range rows {
					if !yield(r) {
						return
					}
				}
			})} {
				got, err := batchinsert.InsertReturning[stored](t.Context(), pg, words, source)
				if err != nil || len(got) != len(rows) {
					t.Fatalf("%s: %d rows, %v", kind, len(got), err)
				}
				for i, g := range got {
					if g.Text != rows[i].Text || g.Size != 5 || g.ID == 0 {
						t.Fatalf("%s: row %d is %+v, given %+v", kind, i, g, rows[i])
					}
				}
			}
			ids, err := batchinsert.InsertReturning[int64](t.Context(), pg, words, batchinsert.Rows(rows[:3]), "id")
			if err != nil || len(ids) != 3 || ids[0] != 201 {
				t.Errorf("%v, %v", ids, err)
			}
			none, err := batchinsert.InsertReturning[int64](t.Context(), pg, words, batchinsert.Rows[word](nil), "id")
			if err != nil || none == nil || len(none) != 0 {
				t.Errorf("%v, %v", none, err)
			}
			_, err = batchinsert.InsertReturning[int64](t.Context(), pg, words, batchinsert.Rows(rows), "nope")
			wantError(t, err, `no column "nope"`)
		})
	}
}

func TestInsertReturningNamesSuppressedRows(t *testing.T) {
	t.Parallel()
	type word struct{ Text string }
	pg := open(t, "CREATE TABLE words (id bigint GENERATED ALWAYS AS IDENTITY, text text NOT NULL CHECK (text <> 'bad'))",
		`CREATE FUNCTION skip() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.text = 'skip' THEN RETURN NULL; END IF; RETURN NEW; END $$`,
		"CREATE TRIGGER skip BEFORE INSERT ON words FOR EACH ROW EXECUTE FUNCTION skip()")
	words := batchinsert.MustTable[word]("words").With(batchinsert.Options{ChunkRows: 4})
	rows := make([]word, 10)
	rows[6].Text = "skip"
	_, err := batchinsert.InsertReturning[int64](t.Context(), pg, words, batchinsert.Rows(rows), "id")
	var bad *batchinsert.RowError
	if !errors.As(err, &bad) || bad.Row != 7 {
		t.Errorf("%v", err)
	}
	wantError(t, err, "trigger suppressed")
	rows[6].Text = "bad"
	_, err = batchinsert.InsertReturning[int64](t.Context(), pg, words, batchinsert.Rows(rows), "id")
	wantError(t, err, "violates check constraint")
	rows[6].Text = "\x00"
	if _, err = batchinsert.InsertReturning[int64](t.Context(), pg, words, batchinsert.Rows(rows), "id"); err == nil {
		t.Error("a NUL byte is accepted")
	}
	wantCount(t, pg, "words", 0)
}
