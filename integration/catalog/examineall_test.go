package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/internal/catalog"
	"github.com/headrace/headrace/internal/sqltext"
)

// corpus returns two questions for each statement of this package's tests, by
// its text and by its names.
func corpus() (questions []catalog.Question, texts []string) {
	for _, c := range writeCases {
		texts = append(texts, c.sql)
	}
	texts = append(texts,
		`SELECT FROM WHERE`, `SELECT * FROM nowhere`, `SELECT nothing FROM plain`, `TRUNCATE nowhere`, ``, `BEGIN`,
		`SELECT 1; END; DELETE FROM plain; --`, `SELECT o.*, cities_of('x') FROM old_city_name o, reading`,
		`SELECT $1::date, $2 || name FROM city`, `INSERT INTO person VALUES ($1, $2, $3, $4)`, `REFRESH MATERIALIZED VIEW city_count`,
		`CREATE INDEX ON plain (note)`, `CREATE TEMP TABLE x (id int)`, `EXPLAIN DELETE FROM country`, `EXPLAIN ANALYZE DELETE FROM country`,
		`SELECT * FROM person WHERE mood = $1 AND born = $2`)
	for _, sql := range texts {
		questions = append(questions, catalog.Question{Statement: sqltext.Analyze(sql)})
	}
	for _, sql := range slices.Clip(texts) {
		if n, ok := catalog.NamesOf(sqltext.Analyze(sql)); ok {
			for _, in := range []catalog.NameScope{catalog.PathScope, catalog.TemporaryScope, catalog.AnyScope} {
				questions, texts = append(questions, catalog.Question{Names: &n, Scope: in}), append(texts, fmt.Sprintf("names %v: %s", in, sql))
			}
		}
	}
	return questions, texts
}

// code identifies an error without its position in the text.
func code(err error) string {
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pgErr.Code
	}
	return fmt.Sprint(err)
}

// examineUnlocked is catalog.ExamineAll, repeated while a lock is held, as by
// autovacuum.
func examineUnlocked(t *testing.T, conn *pgx.Conn, questions []catalog.Question) (answers []catalog.Answer) {
	t.Helper()
	for range 20 {
		answers = catalog.ExamineAll(t.Context(), conn, questions)
		if !slices.ContainsFunc(answers, func(a catalog.Answer) bool { return errors.Is(a.Err, catalog.ErrLocked) }) {
			break
		}
	}
	return answers
}

// TestExamineAllEqualsExamine: questions get the same answers in one
// examination, in any combination and order, as in separate ones.
func TestExamineAllEqualsExamine(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	pgtest.Exec(t, conn, writers)
	questions, texts := corpus()
	alone := make([]catalog.Answer, len(questions))
	for i, q := range questions {
		alone[i] = examineUnlocked(t, conn, []catalog.Question{q})[0]
	}
	r := rand.New(rand.NewPCG(1, 2))
	for round := range 3 {
		order := r.Perm(len(questions))
		if round > 0 {
			order = order[:1+r.IntN(len(order))]
		}
		batch := make([]catalog.Question, len(order))
		for i, n := range order {
			batch[i] = questions[n]
		}
		for i, got := range examineUnlocked(t, conn, batch) {
			want := alone[order[i]]
			if code(got.Err) != code(want.Err) || !reflect.DeepEqual(got.Effects, want.Effects) {
				t.Errorf("round %d: %s:\n%+v, %v\nalone\n%+v, %v", round, texts[order[i]], got.Effects, got.Err, want.Effects, want.Err)
			}
		}
		if status := conn.PgConn().TxStatus(); status != 'I' {
			t.Fatalf("left in transaction status %c", status)
		}
	}
}

// dialCounted returns another connection to the database of conn, and the
// number of its writes to the socket.
func dialCounted(t *testing.T, conn *pgx.Conn) (*pgx.Conn, *atomic.Int64) {
	t.Helper()
	config := conn.Config()
	var writes atomic.Int64
	dial := config.DialFunc
	config.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		return &countedConn{c, &writes}, err
	}
	counted, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { counted.Close(context.Background()) })
	return counted, &writes
}

type countedConn struct {
	net.Conn
	writes *atomic.Int64
}

func (c *countedConn) Write(b []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(b)
}

// TestRoundTrips counts writes to the socket.
func TestRoundTrips(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	pgtest.Exec(t, conn, writers)
	counted, writes := dialCounted(t, conn)
	trips := func(questions ...catalog.Question) int64 {
		before := writes.Load()
		catalog.ExamineAll(t.Context(), counted, questions)
		return writes.Load() - before
	}
	statement := func(sql string) catalog.Question { return catalog.Question{Statement: sqltext.Analyze(sql)} }
	byNames := func(sql string) catalog.Question {
		n, ok := catalog.NamesOf(sqltext.Analyze(sql))
		if !ok {
			t.Fatal(sql)
		}
		return catalog.Question{Names: &n}
	}
	for _, c := range []struct {
		name     string
		question catalog.Question
		atMost   int64
	}{
		{"none needed", statement(`BEGIN`), 0},
		{"read", statement(`SELECT name FROM city WHERE id = $1`), 4},
		{"read with a function and a view", statement(`SELECT o.*, cities_of('x') FROM old_city_name o`), 6},
		{"write", statement(`INSERT INTO plain VALUES ($1, $2)`), 4},
		{"write that cascades", statement(`DELETE FROM country`), 6},
		{"write with a trigger", statement(`UPDATE watched SET note = ''`), 10},
		{"names of a write", byNames(`INSERT INTO plain VALUES ($1, $2)`), 6},
		{"names of a read", byNames(`SELECT name FROM city`), 6},
	} {
		got := trips(c.question)
		t.Logf("%s: %d", c.name, got)
		if got > c.atMost {
			t.Errorf("%s: %d round trips, want at most %d", c.name, got, c.atMost)
		}
	}
	var many []catalog.Question
	questions, _ := corpus()
	for i := range 300 {
		q := questions[i%len(questions)]
		if q.Statement != nil {
			q = statement(fmt.Sprintf("%s -- %d", q.Statement.Text, i))
		}
		many = append(many, q)
	}
	got := trips(many...)
	t.Logf("300 statements: %d", got)
	if got > 20 {
		t.Errorf("%d round trips for 300 statements", got)
	}
}

// TestExamineAllWithLock: a locked relation affects only the statements on it.
func TestExamineAllWithLock(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	other := pgtest.Connect(t, conn.Config().ConnString())
	pgtest.Exec(t, other, `BEGIN; LOCK plain IN ACCESS EXCLUSIVE MODE`)
	var questions []catalog.Question
	for i := range 20 {
		questions = append(questions, catalog.Question{Statement: sqltext.Analyze([]string{`SELECT * FROM plain`, `SELECT * FROM city`}[i%2])})
	}
	for i, a := range catalog.ExamineAll(t.Context(), conn, questions) {
		if locked := errors.Is(a.Err, catalog.ErrLocked); locked != (i%2 == 0) || !locked && (a.Err != nil || names(a.Effects.Reads) != "city") {
			t.Errorf("%s: %v", questions[i].Statement.Text, a.Err)
		}
	}
	pgtest.Exec(t, other, `ROLLBACK`)
}

// cutConn ends the connection at a write.
type cutConn struct {
	net.Conn
	after *atomic.Int64
}

func (c *cutConn) Write(b []byte) (int, error) {
	if c.after.Add(-1) == 0 {
		c.Conn.Close()
		return 0, net.ErrClosed
	}
	return c.Conn.Write(b)
}

// TestExamineAllConnectionLost: if the connection breaks, all questions without
// an answer fail, and no answer is partial.
func TestExamineAllConnectionLost(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	questions := []catalog.Question{{Statement: sqltext.Analyze(`SELECT * FROM old_city`)}, {Statement: sqltext.Analyze(`BEGIN`)},
		{Statement: sqltext.Analyze(`SELECT * FROM nowhere`)}, {Statement: sqltext.Analyze(`DELETE FROM country`)}}
	want := catalog.ExamineAll(t.Context(), conn, questions)
	for cut := int64(1); ; cut++ {
		config := conn.Config()
		var after atomic.Int64
		dial := config.DialFunc
		config.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := dial(ctx, network, addr)
			return &cutConn{c, &after}, err
		}
		fragile, err := pgx.ConnectConfig(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		after.Store(cut)
		failed := 0
		for i, a := range catalog.ExamineAll(t.Context(), fragile, questions) {
			switch {
			case a.Err != nil && i != 2:
				failed++
				if !reflect.DeepEqual(a.Effects, catalog.Effects{}) {
					t.Errorf("cut at write %d: %s: an error and %+v", cut, questions[i].Statement.Text, a.Effects)
				}
			case !reflect.DeepEqual(a.Effects, want[i].Effects):
				t.Errorf("cut at write %d: %s: %+v", cut, questions[i].Statement.Text, a.Effects)
			}
		}
		fragile.Close(t.Context())
		if failed == 0 {
			if cut < 4 {
				t.Errorf("only %d writes", cut-1)
			}
			return
		}
	}
}

// TestNamesHaveVersions: effects by names have dependencies and a version, too.
func TestNamesHaveVersions(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	n, _ := catalog.NamesOf(sqltext.Analyze(`INSERT INTO plain SELECT add_note()`))
	for _, change := range []string{
		`CREATE TRIGGER watch AFTER INSERT ON plain FOR EACH ROW EXECUTE FUNCTION note_change()`,
		`CREATE FUNCTION other.add_note(int) RETURNS int LANGUAGE sql AS 'SELECT 1'`,
		`CREATE SCHEMA another CREATE TABLE plain (id int)`,
		`CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq)`,
		`CREATE CAST (mood AS bytea) WITH INOUT`,
		`CREATE DOMAIN short AS text CHECK (length(VALUE) < 10)`,
	} {
		e, err := catalog.ExamineNames(t.Context(), conn, n, catalog.PathScope)
		if err != nil || fingerprint(t, conn, e.Dependencies) != e.Version || e.Version == 0 {
			t.Fatalf("%+v, %v", e, err)
		}
		pgtest.Exec(t, conn, "BEGIN; "+change)
		if fingerprint(t, conn, e.Dependencies) == e.Version {
			t.Errorf("not noticed: %s", change)
		}
		pgtest.Exec(t, conn, "ROLLBACK")
	}
	if !strings.Contains(n.Key, "plain") {
		t.Error(n.Key)
	}
}

// TestEventTriggersOfMany: the writes of event triggers are reported for each
// statement of an examination.
func TestEventTriggersOfMany(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	pgtest.Exec(t, conn, `CREATE FUNCTION note_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO audit VALUES (tg_tag); END';
CREATE EVENT TRIGGER note_ddl ON ddl_command_end EXECUTE FUNCTION note_ddl()`)
	questions := make([]catalog.Question, 600)
	for i := range questions {
		st := sqltext.Analyze(fmt.Sprintf("CREATE TEMP TABLE t%d (id int)", i))
		if n, ok := catalog.NamesOf(st); ok && i%2 == 0 {
			questions[i].Names = &n
		} else {
			questions[i].Statement = st
		}
	}
	for i, a := range catalog.ExamineAll(t.Context(), conn, questions) {
		if a.Err != nil || a.Effects.WritesKnown && names(a.Effects.Writes) != "audit" {
			t.Fatalf("statement %d: writes %q, known %t, error %v", i, names(a.Effects.Writes), a.Effects.WritesKnown, a.Err)
		}
	}
}
