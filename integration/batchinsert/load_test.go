package batchinsert_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/batchinsert"
	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/internal/soak"
	"github.com/headrace/headrace/integration/pgserver"
	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/migrations"
)

// openInstalled is open for a database with the library's own tables.
func openInstalled(t *testing.T, setup ...string) *db.DB {
	t.Helper()
	return pgtest.Open(t, pgtest.NewFrom(t, "installed", install), nil, setup...)
}

func install(ctx context.Context, connString string) error {
	pool, err := pgxpool.New(ctx, connString)
	if err != nil {
		return err
	}
	defer pool.Close()
	return migrations.Install(ctx, pool)
}

// itemsFile is a CSV file of n items, some with quotes and line breaks.
func itemsFile(n int) string {
	var b strings.Builder
	b.WriteString("id,name,price\n")
	for i := 1; i <= n; i++ {
		switch i % 10 {
		case 3:
			fmt.Fprintf(&b, "%d,\"a, \"\"b\"\"\n%d\",%d.25\n", i, i, i%900)
		default:
			fmt.Fprintf(&b, "%d,item %d,%d.5\n", i, i, i%900)
		}
	}
	return b.String()
}

const sumItems = "SELECT concat_ws(' ', count(*), count(DISTINCT id), sum(id), sum(price), md5(string_agg(name, '' ORDER BY id))) FROM items"

// reference loads a file by the server's own COPY.
func reference(t *testing.T, pg *db.DB, file string) string {
	t.Helper()
	exec(t, pg, "CREATE TABLE reference (LIKE items INCLUDING DEFAULTS)")
	_, err := db.CopyRaw(t.Context(), pg, "COPY reference (id, name, price) FROM STDIN (FORMAT csv, HEADER)", strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	sum := get[string](t, pg, strings.Replace(sumItems, "items", "reference", 1))
	exec(t, pg, "DROP TABLE reference")
	return sum
}

func TestLoadInChunks(t *testing.T) {
	t.Parallel()
	pg := openInstalled(t, createItems)
	file := itemsFile(2000)
	want := reference(t, pg, file)
	for i, opts := range []batchinsert.LoadOptions{
		{ChunkBytes: 1}, {ChunkBytes: 1000}, {Jobs: 3, ChunkBytes: 500}, {ID: "one", ChunkBytes: 700}, {ID: "two", Jobs: 2, ChunkBytes: 5000},
		{OnBad: batchinsert.Quarantine}, {OnBad: batchinsert.Quarantine, ID: "three", Jobs: 2, ChunkBytes: 3000},
	} {
		exec(t, pg, "TRUNCATE items")
		report, err := batchinsert.Load(t.Context(), pg, "items", batchinsert.CSV(strings.NewReader(file)), &opts)
		if err != nil || report.Rows != 2000 || report.Bad != 0 {
			t.Fatalf("%d: %+v, %v", i, report, err)
		}
		if got := get[string](t, pg, sumItems); got != want {
			t.Errorf("%d: %s, want %s", i, got, want)
		}
	}
	// A finished load does nothing.
	report, err := batchinsert.Load(t.Context(), pg, "items", batchinsert.CSV(strings.NewReader(file)), &batchinsert.LoadOptions{ID: "one"})
	if err != nil || report.Rows != 0 || report.Skipped != 2000 {
		t.Errorf("again: %+v, %v", report, err)
	}
}

// Texts of every type, those that the parsers take and those that they leave,
// become what the server's own reader makes of them.
func TestTypedLoadEqualsTheServers(t *testing.T) {
	t.Parallel()
	pg := open(t, "CREATE TYPE mood AS ENUM ('sad', 'ok')")
	for typ, texts := range map[string][]string{
		"boolean":          {"t", "false", "1", "yes", "TRUE", " f"},
		"smallint":         {"1", "-32768", " 7", "007", "-0"},
		"bigint":           {"9223372036854775807", "-9223372036854775808", "+5"},
		"real":             {"1.5", "1e10", "NaN", "0.1", "-0", "3.4028235e38"},
		"double precision": {"0.1", "1e-300", "-Infinity", "4.9e-324", ".5", "5.", "123456789012345678"},
		"numeric":          {"1", "1.00", "-0.0", "0.000", "1e5", "NaN", "12345678901234567890.123456789", "100000", "-9999.99990000", "0.00001"},
		"numeric(6,2)":     {"1", "1.005", "9999.99", "-1.5"},
		"text":             {"", "\"\"", "a b", "\"x,y\"", "\"q\"\"q\"", "mid\"dle\"x", "\\N", "\"line\nbreak\"", "ü"},
		"varchar(3)":       {"abc", "ab", "abc  "},
		"char(5)":          {"ab", "abcde"},
		"json":             {"\"{\"\"a\"\": [1, 2]}\"", "1"},
		"jsonb":            {"\"{\"\"b\"\": 1, \"\"a\"\": 2}\"", "null"},
		"uuid":             {"f47ac10b-58cc-4372-a567-0e02b2c3d479", "{f47ac10b58cc4372a5670e02b2c3d479}"},
		"date":             {"2024-02-29", "1999-12-31", "infinity", "2024-1-5", "0001-01-01", "4000-12-31 BC", "Jan 5 2020"},
		"timestamp":        {"2024-02-29 12:00:01", "2024-02-29T12:00:01.123456", "2024-01-01", "2024-01-01 10:00", "2024-01-01 10:00:00.1234567", "2024-01-01 24:00:00", "2024-01-01 10:00:60", "epoch"},
		"timestamp(0)":     {"2024-02-29 12:00:01.5", "2024-02-29 12:00:01.4"},
		"timestamptz":      {"2024-02-29 12:00:01+02", "2024-02-29 12:00:01.5-03:30", "2024-02-29 12:00:01Z", "2024-02-29 12:00:01", "2024-07-01 12:00:01 Europe/Vienna", "2024-02-29 12:00:01+0530"},
		"mood":             {"sad", "ok"},
		"interval":         {"1 day", "3:04"},
		"inet":             {"10.0.0.1"},
		"int[]":            {"\"{1,2}\""},
	} {
		exec(t, pg, "DROP TABLE IF EXISTS ours, theirs")
		exec(t, pg, "CREATE TABLE ours (n int, v "+typ+")")
		exec(t, pg, "CREATE TABLE theirs (n int, v "+typ+")")
		for i, text := range texts {
			file := fmt.Sprintf("n,v\n%d,%s\n%d,\n", i, text, -i)
			if _, err := batchinsert.Load(t.Context(), pg, "ours", batchinsert.CSV(strings.NewReader(file)), nil); err != nil {
				t.Errorf("%s %q: %v", typ, text, err)
			}
			if _, err := db.CopyRaw(t.Context(), pg, "COPY theirs FROM STDIN (FORMAT csv, HEADER)", strings.NewReader(file)); err != nil {
				t.Errorf("%s %q: the server: %v", typ, text, err)
			}
		}
		diff := get[string](t, pg, `SELECT coalesce(string_agg(o.v::text || ' | ' || t.v::text, '; '), '') || count(*) FILTER (WHERE (o.v IS NULL) <> (t.v IS NULL))
FROM (SELECT *, row_number() OVER (ORDER BY ctid) FROM ours) o FULL JOIN (SELECT *, row_number() OVER (ORDER BY ctid) FROM theirs) t USING (row_number)
WHERE o.v::text IS DISTINCT FROM t.v::text`)
		if diff != "0" {
			t.Errorf("%s: ours | theirs: %s", typ, diff)
		}
	}
}

// Files of random bytes from CSV's alphabet: both readers see the same rows, or
// both refuse the file. Two things are refused or taken on purpose that the
// server takes or refuses: a quote inside a field that joins lines, and a line
// of nothing but \. before PostgreSQL 18.
func TestRandomFilesAreReadAsByTheServer(t *testing.T) {
	t.Parallel()
	pg := open(t, "CREATE TABLE ours (a text, b text)", "CREATE TABLE theirs (a text, b text)")
	rounds := 400
	if testing.Short() {
		rounds = 60
	}
	rnd := rand.New(rand.NewPCG(5, 6))
	const alphabet = "ab,,\"\"\n\n\r\\. "
	const sum = "SELECT coalesce(string_agg(concat_ws('|', coalesce(a, 'NULL'), coalesce(b, 'NULL')), ';' ORDER BY ctid), '') FROM "
	for range rounds {
		var b strings.Builder
		for range 1 + rnd.IntN(5) {
			if rnd.IntN(3) > 0 {
				b.WriteString("x,y\n")
			}
			for range rnd.IntN(8) {
				b.WriteByte(alphabet[rnd.IntN(len(alphabet))])
			}
		}
		file := "a,b\n" + b.String()
		exec(t, pg, "TRUNCATE ours, theirs")
		_, ourErr := batchinsert.Load(t.Context(), pg, "ours", batchinsert.CSV(strings.NewReader(file)), &batchinsert.LoadOptions{ChunkBytes: 1 + rnd.IntN(20)})
		_, theirErr := db.CopyRaw(t.Context(), pg, "COPY theirs FROM STDIN (FORMAT csv, HEADER)", strings.NewReader(file))
		ours, theirs := get[string](t, pg, sum+"ours"), get[string](t, pg, sum+"theirs")
		switch {
		case ourErr != nil && strings.Contains(ourErr.Error(), "a quote inside a field opens text that goes on in the next line"):
		case slices.ContainsFunc(strings.FieldsFunc(file, func(c rune) bool { return c == '\n' || c == '\r' }), func(line string) bool { return line == `\.` }):
		case (ourErr == nil) != (theirErr == nil), ours != theirs:
			t.Errorf("%q:\n ours   %q, %v\n theirs %q, %v", file, ours, ourErr, theirs, theirErr)
		}
	}
}

func TestQuarantine(t *testing.T) {
	t.Parallel()
	pg := openInstalled(t, createItems, "CREATE TABLE makers (id bigint PRIMARY KEY)", "INSERT INTO makers SELECT generate_series(1, 100000)", "ANALYZE makers",
		"ALTER TABLE items ADD CHECK (price < 1000), ADD FOREIGN KEY (id) REFERENCES makers DEFERRABLE INITIALLY DEFERRED", "INSERT INTO items (id, name) VALUES (4000, 'there')")
	lines := strings.Split(strings.ReplaceAll(itemsFile(6000), "\"a, \"\"b\"\"\n", "\"a "), "\n")
	want := map[int64]string{ // line: SQLSTATE
		10: "22P02", 11: "23502", 700: "23514", 2500: "23503", 3000: "22P04", 4001: "23505", 6001: "22001",
	}
	for line := range want {
		f := strings.Split(lines[line-1], ",")
		switch line {
		case 10:
			f[0] = "ten"
		case 11:
			f[1] = ""
		case 700:
			f[2] = "5000"
		case 2500:
			f[0] = "200000"
		case 3000:
			f = append(f, "more")
		case 6001:
			f[1] = strings.Repeat("long", 20)
		}
		lines[line-1] = strings.Join(f, ",")
	}
	file := strings.Join(lines, "\n")
	var last batchinsert.Progress
	report, err := batchinsert.Load(t.Context(), pg, "items", batchinsert.CSV(strings.NewReader(file)), &batchinsert.LoadOptions{
		Name: "items.csv", OnBad: batchinsert.Quarantine, Progress: func(p batchinsert.Progress) { last = p },
	})

	if err != nil || report.Rows != 5993 || report.Bad != 7 || !last.Done || last.Rows != 5993 {
		t.Fatalf("%+v, %v; %+v", report, err, last)
	}
	wantCount(t, pg, "items", 5994)
	rows, err := pg.Query(t.Context(), "SELECT line, sqlstate, raw, byte_offset, message FROM headrace.quarantine WHERE load_id = $1 AND source = 'items.csv' ORDER BY line", report.ID)
	if err != nil {
		t.Fatal(err)
	}
	header := int64(len(lines[0]) + 1)
	var line, offset int64
	var code, message string
	var raw []byte
	found := 0
	for rows.Next() {
		if err := rows.Scan(&line, &code, &raw, &offset, &message); err != nil {
			t.Fatal(err)
		}
		found++
		if want[line] != code || message == "" {
			t.Errorf("line %d: %s %s, want %s", line, code, message, want[line])
		}
		if strings.TrimSuffix(string(raw), "\n") != lines[line-1] || !strings.HasPrefix(file[header+offset:], string(raw)) {
			t.Errorf("line %d at byte %d: %q", line, offset, raw)
		}
	}
	if found != len(want) {
		t.Errorf("%d lines in quarantine", found)
	}
	_, err = batchinsert.Load(t.Context(), pg, "items", batchinsert.CSV(strings.NewReader(file)), &batchinsert.LoadOptions{OnBad: batchinsert.Quarantine, MaxBad: 5})
	wantError(t, err, "more than 5 lines are bad, the last: input:")
}

// Line feeds within quotes are no lines to a server that has seen others: the
// bad record is found all the same.
func TestQuarantineWithForeignLineEnds(t *testing.T) {
	t.Parallel()
	pg := openInstalled(t, createItems)
	for _, eol := range []string{"\n", "\r\n", "\r"} {
		for _, inner := range []string{"\n", "\r\n", "\r"} {
			exec(t, pg, "TRUNCATE items, headrace.quarantine")
			var b strings.Builder
			b.WriteString("id,name,price" + eol)
			for i := 1; i <= 50; i++ {
				id := fmt.Sprint(i)
				if i == 20 || i == 40 {
					id = "bad"
				}
				fmt.Fprintf(&b, "%s,\"a%sb%s\", 1%s", id, inner, inner, eol) // the blank leaves all to the server
			}
			report, err := batchinsert.Load(t.Context(), pg, "items", batchinsert.CSV(strings.NewReader(b.String())), &batchinsert.LoadOptions{OnBad: batchinsert.Quarantine})
			if err != nil || report.Rows != 48 || report.Bad != 2 {
				t.Errorf("%q in %q: %+v, %v", inner, eol, report, err)
			}
			if n := get[int64](t, pg, "SELECT count(*) FROM headrace.quarantine WHERE raw LIKE 'bad%'"); n != 2 {
				t.Errorf("%q in %q: %d bad lines are in quarantine", inner, eol, n)
			}
		}
	}
}

func TestLoadRefusesInvalidOptions(t *testing.T) {
	t.Parallel()
	pg := open(t, createItems)
	load := func(w batchinsert.Writer, file string, opts batchinsert.LoadOptions) error {
		_, err := batchinsert.Load(t.Context(), w, "items", batchinsert.CSV(strings.NewReader(file)), &opts)
		return err
	}
	wantError(t, load(pg, itemsFile(3), batchinsert.LoadOptions{ID: "x"}), "migrations.Install")
	tx, err := pg.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.Background())
	wantError(t, load(tx, itemsFile(3), batchinsert.LoadOptions{Jobs: 2}), "transactions of their own")
	wantError(t, load(pg, "id,name\n1,a\n2,\x00\n", batchinsert.LoadOptions{Jobs: 2}), "input:3")
	if err := migrations.Install(t.Context(), pg.Pool()); err != nil {
		t.Fatal(err)
	}
	// An interrupted load does not go on with another file.
	good, bad := itemsFile(500), strings.Replace(itemsFile(500), "400,item", "x,item", 1)
	wantError(t, load(pg, bad, batchinsert.LoadOptions{ID: "x", ChunkBytes: 1000}), `column "id"`)
	if n := get[int64](t, pg, "SELECT count(*) FROM items"); n == 0 || n >= 400 {
		t.Errorf("%d rows were loaded before the bad line", n)
	}
	wantError(t, load(pg, strings.Replace(bad, "1,item", "9,item", 1), batchinsert.LoadOptions{ID: "x"}), "bytes 0 to", "are in the table, and the file has others there", "batchinsert.Forget")
	wantError(t, load(pg, bad, batchinsert.LoadOptions{ID: "x", Null: "-"}), "other options")
	// A finished one does not either.
	if err := load(pg, good, batchinsert.LoadOptions{ID: "x"}); err != nil {
		t.Fatal(err)
	}
	wantError(t, load(pg, good+"501,more\n", batchinsert.LoadOptions{ID: "x"}), "has loaded another file", "500 rows", "batchinsert.Forget")
}

// Far behind its beginning, and of the same size: what is loaded has a checksum.
func TestChangedSourceIsRefused(t *testing.T) {
	t.Parallel()
	pg := openInstalled(t, createItems)
	file := strings.Replace(itemsFile(10_000), "9900,item", "x,item", 1)
	load := func(file string) (batchinsert.Report, error) {
		return batchinsert.Load(t.Context(), pg, "items", batchinsert.CSV(strings.NewReader(file)), &batchinsert.LoadOptions{ID: "x", ChunkBytes: 20_000})
	}
	first, err := load(file)
	wantError(t, err, `column "id"`)
	report, err := load(strings.Replace(file, "6001,item", "6002,item", 1))
	wantError(t, err, "load \"x\": bytes", "are in the table, and the file has others there")
	if report.Rows != 0 {
		t.Errorf("%+v", report)
	}
	wantCount(t, pg, "items", first.Rows)
}

// Records of a load that this version may not understand.
func TestNewerLedgerIsRefused(t *testing.T) {
	t.Parallel()
	pg := openInstalled(t, createItems)
	bad := strings.Replace(itemsFile(1000), "900,item", "x,item", 1)
	opts := &batchinsert.LoadOptions{ID: "x", ChunkBytes: 2000}
	first, err := batchinsert.Load(t.Context(), pg, "items", batchinsert.CSV(strings.NewReader(bad)), opts)
	wantError(t, err, `column "id"`)
	exec(t, pg, "UPDATE headrace.loads SET version = 3")
	in := func() batchinsert.Input { return batchinsert.CSV(strings.NewReader(bad)) }
	_, loadErr := batchinsert.Load(t.Context(), pg, "items", in(), opts)
	_, planErr := batchinsert.Plan(t.Context(), pg, "items", in(), opts)
	_, chunkErr := batchinsert.LoadChunk(t.Context(), pg, "items", in(), 0, opts)
	for _, err := range []error{loadErr, planErr, chunkErr} {
		wantError(t, err, `load "x" was begun by a newer headrace`, "version 3")
	}
	wantCount(t, pg, "items", first.Rows)
	// Tables from before there were versions.
	exec(t, pg, "ALTER TABLE headrace.loads DROP version")
	_, err = batchinsert.Load(t.Context(), pg, "items", in(), opts)
	wantError(t, err, "older version", "migrations.Install")
}

// A load is interrupted again and again, by its context, by a dead connection
// and by the death of the server, and goes on where it was: each row is there
// once, and what was committed is not sent again.
func TestLoadIsResumed(t *testing.T) {
	t.Parallel()
	ctx := context.WithoutCancel(t.Context())
	server := pgtest.Private(t, &pgserver.Options{Durable: true})
	pg, err := db.Open(ctx, server.ConnString(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer pg.Close()
	if err := migrations.Install(ctx, pg.Pool()); err != nil {
		t.Fatal(err)
	}
	exec(t, pg, strings.Replace(createItems, "id bigint PRIMARY KEY", "id bigint", 1))
	rows, rounds := soak.Count(20_000, 50_000), 6
	if testing.Short() {
		rows, rounds = 10_000, 3
	}
	file := strings.Replace(itemsFile(rows), "\n77,", "\nbad,", 1)
	rnd := rand.New(rand.NewPCG(7, 8))
	resumed := 0
	for round := range rounds {
		exec(t, pg, "TRUNCATE items")
		opts := batchinsert.LoadOptions{ID: fmt.Sprint("round ", round), Jobs: 2, ChunkBytes: len(file) / 60, OnBad: batchinsert.Quarantine}
		cut, cancel := context.WithCancel(ctx)
		var once sync.Once
		at := rnd.Int64N(int64(rows))
		interrupt := func() {
			once.Do(func() {
				switch round % 3 {
				case 0:
					cancel()
				case 1:
					exec(t, pg, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'")
				case 2:
					if err := server.Kill(ctx); err != nil {
						t.Error(err)
					}
				}
			})
		}
		reader := &tripwire{r: strings.NewReader(file), at: at * int64(len(file)) / int64(rows), trip: interrupt}
		first, err := batchinsert.Load(cut, pg, "items", batchinsert.CSV(reader), &opts)
		cancel()
		if round%3 == 2 {
			if err := server.Restart(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if err != nil && first.Rows > 0 {
			resumed++
		}
		second, err := loadAgain(ctx, pg, file, opts)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if second.Skipped < first.Rows {
			t.Errorf("round %d: %d rows were loaded, %d skipped", round, first.Rows, second.Skipped)
		}
		if got := get[string](t, pg, "SELECT concat_ws(' ', count(*), count(DISTINCT id), sum(id)) FROM items"); got != fmt.Sprint(rows-1, " ", rows-1, " ", rows*(rows+1)/2-77) {
			t.Errorf("round %d: %s", round, got)
		}
		if n := get[int64](t, pg, "SELECT count(*) FROM headrace.quarantine WHERE load_id = $1", opts.ID); n != 1 {
			t.Errorf("round %d: %d lines in quarantine", round, n)
		}
	}
	t.Logf("%d of %d rounds went on after committed chunks", resumed, rounds)
	if resumed < rounds/2 {
		t.Errorf("only %d of %d rounds had committed chunks", resumed, rounds)
	}
}

// loadAgain repeats a load until the server lets it through: just after a
// restart a pool still has dead connections.
func loadAgain(ctx context.Context, pg *db.DB, file string, opts batchinsert.LoadOptions) (report batchinsert.Report, err error) {
	for range 20 {
		if report, err = batchinsert.Load(ctx, pg, "items", batchinsert.CSV(strings.NewReader(file)), &opts); err == nil {
			return report, nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return report, err
}

// A tripwire calls trip when a place of the file is read.
type tripwire struct {
	r    io.Reader
	at   int64
	read int64
	trip func()
}

func (w *tripwire) Read(p []byte) (int, error) {
	n, err := w.r.Read(p[:min(len(p), 8192)])
	if w.read += int64(n); w.read >= w.at {
		w.trip()
	}
	return n, err
}

// Several processes share one load.
func TestLoadIsShared(t *testing.T) {
	t.Parallel()
	pg := openInstalled(t, createItems)
	file := itemsFile(5000)
	want := reference(t, pg, file)
	var wg sync.WaitGroup
	var mu sync.Mutex
	total := int64(0)
	for range 3 {
		wg.Go(func() {
			report, err := batchinsert.Load(context.WithoutCancel(t.Context()), pg, "items", batchinsert.CSV(strings.NewReader(file)), &batchinsert.LoadOptions{ID: "shared", ChunkBytes: 2000})
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			total += report.Rows
			mu.Unlock()
		})
	}
	wg.Wait()
	if got := get[string](t, pg, sumItems); got != want || total != 5000 {
		t.Errorf("%s, want %s; %d rows by all", got, want, total)
	}
}

// Errors of the source are returned wrapped.
func TestLoadSourceFails(t *testing.T) {
	t.Parallel()
	pg := open(t, createItems)
	broken := errors.New("disk on fire")
	r := io.MultiReader(strings.NewReader(itemsFile(100)), brokenReader{broken})
	_, err := batchinsert.Load(t.Context(), pg, "items", batchinsert.CSV(r), &batchinsert.LoadOptions{ChunkBytes: 100})
	if !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	wantError(t, err, "input:1")
	wantCount(t, pg, "items", 0)
	defer func() {
		if recover() == nil {
			t.Error("the reader's panic is lost")
		}
		wantCount(t, pg, "items", 0)
	}()
	_, err = batchinsert.Load(t.Context(), pg, "items", batchinsert.CSV(io.MultiReader(bytes.NewReader([]byte(itemsFile(10))), brokenReader{})), nil)
	t.Errorf("returned %v", err)
}

type brokenReader struct{ err error }

func (r brokenReader) Read([]byte) (int, error) {
	if r.err == nil {
		panic("boom")
	}
	return 0, r.err
}
