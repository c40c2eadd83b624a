package sqltext_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/integration/sqltext/corpus"
	"github.com/headrace/headrace/internal/sqltext"
)

// Normalized text is prepared in place of the text, so it must have the same
// description and results.
func TestNormalizedTextHasTheSameResults(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	for _, text := range corpus.Statements {
		st := sqltext.Analyze(text)
		if st.Err != nil {
			t.Errorf("%s: %v", text, st.Err)
			continue
		}
		if given, normalized := description(t, conn, text), description(t, conn, st.Normalized); given != normalized {
			t.Errorf("%s\ndescribed as %s, normalized as %s", text, given, normalized)
		}
		// In one transaction each, so that current_timestamp alone differs.
		within(t, conn, pgx.TxOptions{}, func(tx pgx.Tx) {
			given := answerAt(t, tx, text)
			if normalized := answerAt(t, tx, st.Normalized); given != normalized {
				t.Errorf("%s\ngives %s\nnormalized to %s\ngives %s", text, given, st.Normalized, normalized)
			}
			if strings.HasPrefix(given, "error") {
				t.Errorf("%s: %s", text, given)
			}
		})
	}
}

// A description is what the server reports about a prepared statement.
func description(t *testing.T, conn *pgx.Conn, sql string) string {
	t.Helper()
	sd, err := conn.PgConn().Prepare(t.Context(), "", sql, nil)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	text := fmt.Sprint(sd.ParamOIDs)
	for _, field := range sd.Fields {
		text += fmt.Sprintf(" %s:%d:%d", field.Name, field.DataTypeOID, field.TypeModifier)
	}
	return text
}

// answerAt returns a statement's result within a transaction, which it leaves
// unchanged.
func answerAt(t *testing.T, tx pgx.Tx, sql string) string {
	t.Helper()
	nested, err := tx.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer nested.Rollback(t.Context())
	return answer(t.Context(), nested, sql)
}

func TestNamesFoldAsOnTheServer(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	long := strings.Repeat("Long_", 15)
	for _, name := range []string{
		"Cities", `"Cities"`, `"a""b"`, "Straße", "été$1", long, `"` + long + `"`,
		long[:62] + "üx", `"` + long[:61] + `ü"`, `"` + long[:62] + `ü"`, strings.Repeat("日", 22), `U&"caf\00e9"`[2:],
	} {
		st := sqltext.Analyze("TABLE " + name)
		if len(st.Reads) != 1 || !st.TablesKnown {
			t.Errorf("%s: reads %q, known %v", name, st.Reads, st.TablesKnown)
			continue
		}
		sd, err := conn.PgConn().Prepare(t.Context(), "", "SELECT 1 AS "+name, nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if want := sd.Fields[0].Name; st.Reads[0].Name != want {
			t.Errorf("%s is %q, for the server %q", name, st.Reads[0].Name, want)
		}
	}
}

func TestStatementsSplitAsOnTheServer(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	for _, text := range []string{
		"", ";;", "-- nothing", "SELECT 1", "SELECT 1; ;SELECT ';' -- ;\n; SELECT $$;$$;",
		"CREATE FUNCTION f(a bool) RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN a THEN 1 END; END; SELECT f(true); DROP FUNCTION f",
		"CREATE RULE r AS ON UPDATE TO nodes DO ALSO (SELECT 1; SELECT 2); DROP RULE r ON nodes",
		strings.Join(corpus.Statements, ";\n"),
	} {
		count := 0
		within(t, conn, pgx.TxOptions{}, func(tx pgx.Tx) {
			results := tx.Conn().PgConn().Exec(t.Context(), text)
			for results.NextResult() {
				_, err := results.ResultReader().Close()
				if err != nil {
					t.Errorf("%.60s: %v", text, err)
				}
				if results.ResultReader().FieldDescriptions() != nil || !empty(results.ResultReader()) {
					count++
				}
			}
			if err := results.Close(); err != nil {
				t.Errorf("%.60s: %v", text, err)
			}
		})
		if st := sqltext.Analyze(text); st.Count != count {
			t.Errorf("%.60s: counted %d, the server %d", text, st.Count, count)
		}
		if parts := sqltext.Statements(text); len(parts) != count {
			t.Errorf("%.60s: split into %d, by the server %d", text, len(parts), count)
		}
	}
}

// empty reports whether a result is that of a text without a statement.
func empty(reader *pgconn.ResultReader) bool {
	tag, err := reader.Close()
	return err == nil && tag.String() == ""
}
