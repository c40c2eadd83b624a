package batchinsert_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/batchinsert"
	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/faultproxy"
)

// A lostRow is a row of the table lost: 3 of 6 rows are there before a call.
type lostRow struct {
	ID int64
	V  string
}

// A lostCall is a call that writes rows, and what it leaves in the table.
type lostCall struct {
	name string
	run  func(ctx context.Context, w batchinsert.Writer) (batchinsert.Report, error)
	want string
	// chunks: it is a load in chunks, which the same call may continue if it
	// has an ID.
	chunks, resumable bool
}

func lostCalls() []lostCall {
	lost := batchinsert.MustTable[lostRow]("lost")
	added, all := []lostRow{{4, "new"}, {5, "new"}, {6, "new"}}, []lostRow{{2, "new"}, {3, "new"}, {4, "new"}}
	const inserted, upserted = "1 old,2 old,3 old,4 new,5 new,6 new", "1 old,2 new,3 new,4 new"
	csv := func(rows []lostRow) string {
		text := "id,v\n"
		for _, r := range rows {
			text += fmt.Sprintf("%d,%s\n", r.ID, r.V)
		}
		return text
	}
	var calls []lostCall
	add := func(name, want string, run func(ctx context.Context, w batchinsert.Writer) error) {
		calls = append(calls, lostCall{name: name, want: want, run: func(ctx context.Context, w batchinsert.Writer) (batchinsert.Report, error) {
			return batchinsert.Report{}, run(ctx, w)
		}})
	}
	for from, source := range map[string]func([]lostRow) batchinsert.Source[lostRow]{
		"slice": batchinsert.Rows[lostRow], "iterator": func(rows []lostRow) batchinsert.Source[lostRow] { return batchinsert.Seq(slices.Values(rows)) },
	} {
		add("insert of a "+from, inserted, func(ctx context.Context, w batchinsert.Writer) error {
			_, err := lost.Insert(ctx, w, source(added))
			return err
		})
		add("copy of a "+from, inserted, func(ctx context.Context, w batchinsert.Writer) error {
			_, err := lost.Copy(ctx, w, source(added))
			return err
		})
		add("returning of a "+from, inserted, func(ctx context.Context, w batchinsert.Writer) error {
			_, err := batchinsert.InsertReturning[int64](ctx, w, lost, source(added), "id")
			return err
		})
		add("upsert of a "+from, upserted, func(ctx context.Context, w batchinsert.Writer) error {
			_, err := lost.Upsert(ctx, w, source(all), byID)
			return err
		})
		add("update of a "+from, "1 old,2 new,3 new", func(ctx context.Context, w batchinsert.Writer) error {
			_, err := lost.UpdateMany(ctx, w, source(all), "id")
			return err
		})
		add("delete of a "+from, "1 old", func(ctx context.Context, w batchinsert.Writer) error {
			_, err := lost.DeleteMany(ctx, w, source(all), "id")
			return err
		})
	}
	add("buffered", inserted, func(ctx context.Context, w batchinsert.Writer) error {
		b := lost.NewWriter(w, nil)
		for _, row := range added {
			if err := b.Add(ctx, row); err != nil {
				return err
			}
		}
		return b.Close(ctx)
	})
	for name, opts := range map[string]batchinsert.LoadOptions{
		"load": {}, "load with jobs": {Jobs: 2}, "load with an ID": {ID: "x"}, "load with quarantine": {OnBad: batchinsert.Quarantine},
		"upserting load": {OnConflict: &byID}, "upserting load with an ID": {ID: "x", OnConflict: &byID},
	} {
		rows, want := added, inserted
		if opts.OnConflict != nil {
			rows, want = all, upserted
		}
		chunks := opts.ID != "" || opts.Jobs > 1 || opts.OnBad != 0
		calls = append(calls, lostCall{name: name, want: want, chunks: chunks, resumable: opts.ID != "", run: func(ctx context.Context, w batchinsert.Writer) (batchinsert.Report, error) {
			return batchinsert.Load(ctx, w, "lost", batchinsert.CSV(strings.NewReader(csv(rows))), &opts)
		}})
	}
	return calls
}

// openLost returns a handle to the table, and a pool that reaches it through a
// proxy. Each statement that writes to the table sends a notice, after which the
// answers can be cut.
func openLost(t *testing.T, settings string) (pg *db.DB, pool *pgxpool.Pool, proxy *faultproxy.Proxy) {
	t.Helper()
	pg = openInstalled(t, "CREATE TABLE lost (id bigint PRIMARY KEY, v text NOT NULL)",
		"CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'written now'; RETURN NULL; END $$",
		"CREATE TRIGGER tell AFTER INSERT OR UPDATE OR DELETE ON lost EXECUTE FUNCTION tell()")
	pool, proxy = proxyTo(t, pg.Pool().Config().ConnString(), settings)
	return pg, pool, proxy
}

func refillLost(t *testing.T, pg *db.DB) {
	t.Helper()
	exec(t, pg, "TRUNCATE lost, headrace.loads CASCADE")
	exec(t, pg, "INSERT INTO lost SELECT i, 'old' FROM generate_series(1, 3) AS i")
}

func inLost(t *testing.T, pg *db.DB) string {
	t.Helper()
	return get[string](t, pg, "SELECT coalesce(string_agg(concat_ws(' ', id, v), ',' ORDER BY id), '') FROM lost")
}

// lostStep is the number of bytes between two places at which answers are cut
// off. The shortest message that matters, the CommandComplete of a COMMIT, has
// 12. The first place is random, so that repeated runs reach every place.
const lostStep = 11

// The answers of a call are cut off at many places after its rows were written.
// Its error tells whether they are in the table, or that it is unknown.
func TestLostAnswersAreReported(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"cache_statement", "simple_protocol"} {
		for _, c := range lostCalls() {
			if mode != "cache_statement" && (c.resumable || strings.Contains(c.name, "iterator")) {
				continue // their statements are those of others
			}
			t.Run(mode+", "+c.name, func(t *testing.T) {
				t.Parallel()
				pg, pool, proxy := openLost(t, "default_query_exec_mode="+mode)
				unknown := 0
				for cut := rand.IntN(lostStep); ; cut += lostStep {
					refillLost(t, pg)
					before := inLost(t, pg)
					fired := proxy.Fail(faultproxy.Fault{Direction: faultproxy.ToClient, After: []byte("written now"), Plus: cut, Kind: faultproxy.Cut})
					report, err := c.run(t.Context(), pool)
					got := inLost(t, pg)
					switch isUnknown := errors.Is(err, batchinsert.ErrOutcomeUnknown); {
					case isUnknown && (got == before || got == c.want):
						unknown++
						if c.chunks && (len(report.Unknown) != 1 || report.Unknown[0].Rows != 3 || len(report.Chunks) != 0) {
							t.Errorf("cut after %d bytes: %+v", cut, report)
						}
					case err == nil && got == c.want:
					case err != nil && !isUnknown && got == before && len(report.Chunks)+len(report.Unknown) == 0:
					case err != nil && !isUnknown && got == c.want && c.chunks && len(report.Chunks) == 1 && report.Rows == 3: // the end of the load failed
					default:
						t.Errorf("cut after %d bytes: %v; %+v; the table has %q", cut, err, report, got)
					}
					if err == nil && !closed(fired) { // the answers are shorter; a buffered writer may succeed on another connection
						break
					}
					pool.Reset() // no connection that was cut is used again
					if c.resumable && err != nil {
						_, err := c.run(t.Context(), pool)
						for err != nil && strings.Contains(err.Error(), "gave up chunks") { // the server has not noticed the loss
							_, err = c.run(t.Context(), pool)
						}
						if got := inLost(t, pg); err != nil || got != c.want {
							t.Errorf("cut after %d bytes, again: %v, %q", cut, err, got)
						}
					}
				}
				if unknown == 0 {
					t.Error("no outcome was unknown")
				}
			})
		}
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// In a transaction of the caller's, the outcome is that of the caller's commit.
func TestLostAnswersInTheCallersTransaction(t *testing.T) {
	t.Parallel()
	for _, c := range lostCalls() {
		if c.chunks {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			pg, pool, proxy := openLost(t, "")
			for cut := rand.IntN(lostStep); ; cut += lostStep {
				refillLost(t, pg)
				tx, err := pool.Begin(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				fired := proxy.Fail(faultproxy.Fault{Direction: faultproxy.ToClient, After: []byte("written now"), Plus: cut, Kind: faultproxy.Cut})
				_, err = c.run(t.Context(), tx)
				_ = tx.Rollback(t.Context())
				if errors.Is(err, batchinsert.ErrOutcomeUnknown) {
					t.Errorf("cut after %d bytes: %v", cut, err)
				}
				if err == nil && !closed(fired) {
					break
				}
				pool.Reset()
			}
		})
	}
}
