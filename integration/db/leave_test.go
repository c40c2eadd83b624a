package db_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/db"
)

// A picky is a number whose Scan method panics or fails for some values.
type picky int64

func (p *picky) Scan(src any) error {
	switch n := src.(int64); n {
	case 3:
		return errors.New("does not like 3")
	case 7:
		panic("cannot stand 7")
	default:
		*p = picky(n)
		return nil
	}
}

var (
	pickyNumbers = db.MustCompile[picky]("SELECT generate_series($1::bigint, 30000)")
	brokenOff    = db.MustCompile[int64]("SELECT 1 / (20000 - i) FROM generate_series(1::bigint, 30000) i")
)

// waysOut are the ways in which a loop over Each ends before its rows do.
var waysOut = map[string]func(ctx context.Context, q db.Querier) (err error){
	"break": func(ctx context.Context, q db.Querier) (err error) {
		for _, err = range numbers.Each(ctx, q, 30_000) {
			break
		}
		return err
	},
	"panic": func(ctx context.Context, q db.Querier) (err error) {
		defer func() {
			if recover() == nil {
				err = errors.New("the panic went missing")
			}
		}()
		for range numbers.Each(ctx, q, 30_000) {
			panic("of the loop")
		}
		return nil
	},
	"Goexit": func(ctx context.Context, q db.Querier) (err error) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			for range numbers.Each(ctx, q, 30_000) {
				runtime.Goexit()
			}
		}()
		<-done
		return nil
	},
	"error of a value": func(ctx context.Context, q db.Querier) (err error) {
		return wanted(pickyNumbers.Each(ctx, q, 1), 2, "does not like 3")
	},
	"panic of a value": func(ctx context.Context, q db.Querier) (err error) {
		defer func() {
			if recover() == nil {
				err = errors.New("the panic went missing")
			}
		}()
		return wanted(pickyNumbers.Each(ctx, q, 5), 2, "")
	},
}

// waysOutOfStatements end the statement as well, and a transaction with it.
var waysOutOfStatements = map[string]func(ctx context.Context, q db.Querier) (err error){
	"error of the server": func(ctx context.Context, q db.Querier) (err error) {
		return wanted(brokenOff.Each(ctx, q), 19_999, "division by zero")
	},
	"context": func(ctx context.Context, q db.Querier) (err error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		for _, err = range numbers.Each(ctx, q, far) {
			cancel()
		}
		if errors.Is(err, context.Canceled) {
			return nil
		}
		return err
	},
}

// wanted reads rows up to one error, which comes after n rows.
func wanted[T any](rows func(func(T, error) bool), n int, text string) error {
	for _, err := range rows {
		switch {
		case n == 0 && err != nil && strings.Contains(err.Error(), text):
			n--
		case n <= 0 || err != nil:
			return errors.Join(errors.New("not the error that was to come, when it was"), err)
		default:
			n--
		}
	}
	if n >= 0 {
		return errors.New("no error came")
	}
	return nil
}

// However a loop ends, the next statement gets the connection.
func TestLeavingEachCostsNoConnection(t *testing.T) {
	t.Parallel()
	pg := open(t, nil)
	adopted, err := db.New(pg.Pool(), nil)
	must(t)(nil, err)
	conn, err := pg.Acquire(t.Context())
	must(t)(nil, err)
	defer conn.Release()
	leave := func(name string, q anyQuerier, out func(context.Context, db.Querier) error) {
		t.Helper()
		if err := out(t.Context(), q); err != nil {
			t.Errorf("%s on a %T: %v", name, q, err)
		}
		for deadline := time.Now().Add(10 * time.Second); pg.Stat().AcquiredConns() != 1; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) { // the pool closes what is broken in the background
				t.Fatalf("%s on a %T: %d connections are taken, want one", name, q, pg.Stat().AcquiredConns())
			}
		}
	}
	for name, out := range waysOut {
		for _, q := range []anyQuerier{pg, pg.Pool(), adopted, conn, conn.Conn()} {
			leave(name, q, out)
			if n := count(t, q, "SELECT 7"); n != 7 {
				t.Errorf("%s on a %T: the next read gives %d", name, q, n)
			}
		}
		tx, err := conn.Begin(t.Context())
		must(t)(nil, err)
		leave(name, tx, out)
		if n := count(t, tx, "SELECT 7"); n != 7 {
			t.Errorf("%s in a transaction: the next read gives %d", name, n)
		}
		must(t)(nil, tx.Commit(t.Context()))
	}
	for name, out := range waysOutOfStatements {
		for _, q := range []anyQuerier{pg, pg.Pool(), adopted} {
			leave(name, q, out)
		}
		taken, err := pg.BeginTx(t.Context(), pgx.TxOptions{})
		must(t)(nil, err)
		if err := out(t.Context(), taken); err != nil {
			t.Errorf("%s in a transaction: %v", name, err)
		}
		_ = taken.Rollback(t.Context()) // fails where the connection is closed
		leave(name+" in a transaction", pg, out)
	}
}
