package db_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/Masterminds/squirrel"
	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/db"
)

// Make a statement once, in a package variable: it belongs to no handle.
var riverByID = db.MustCompile[River](`
	-- name: RiverByID :one
	SELECT id, name, km FROM example_rivers WHERE id = $1`)

// openRivers returns a handle with a table of rivers, and a function that
// removes both.
func openRivers() (*db.DB, func()) {
	pg := openExample()
	ctx := context.Background()
	_, err := pg.Exec(ctx, "DROP TABLE IF EXISTS example_rivers; CREATE TABLE example_rivers AS "+rivers+
		"; ALTER TABLE example_rivers ALTER id SET NOT NULL, ALTER name SET NOT NULL")
	if err != nil {
		log.Fatal(err)
	}
	return pg, func() {
		_, _ = pg.Exec(ctx, "DROP TABLE example_rivers")
		pg.Close()
	}
}

// Open pings the server: it reports a wrong address, password or database in
// one line.
func ExampleOpen() {
	ctx := context.Background()
	pg, err := db.Open(ctx, os.Getenv("DATABASE_URL"), &db.Options{MaxRows: 10_000})
	if err != nil {
		log.Fatal(err)
	}
	defer pg.Close()

	var sum int
	err = pg.QueryRow(ctx, "SELECT $1::int + $2::int", 40, 2).Scan(&sum)
	fmt.Println(sum, err)

	_, err = db.Open(ctx, "postgres://me@127.0.0.1:1/rivers?sslmode=disable", nil)
	problem, _, _ := strings.Cut(err.Error(), ": failed")
	fmt.Println(problem)
	// Output:
	// 42 <nil>
	// db: connect to 127.0.0.1:1 as user "me": nothing listens there (is the server running?)
}

// Compile reports errors in a statement, and Check its mismatches with the
// schema, before the first use.
func ExampleCompile() {
	pg, done := openRivers()
	defer done()
	_, err := db.Compile[River]("SELECT 1; SELECT 2")
	fmt.Println(err)

	long, err := db.Compile[River]("SELECT id, name FROM example_rivers WHERE km > $1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(pg.Check(context.Background(), riverByID, long))
	// Output:
	// db: compile select ?; select ?: the text holds 2 statements, want one
	// db: check select id, name from example_rivers where km > ?: rows into db_test.River: result has no column "km" for field KM
}

// A test that CI runs against a migrated database calls Check with all
// statements of the program. The length of a river may be NULL; that of the
// rivers that a condition on it selects is not.
func ExampleDB_Check() {
	pg, done := openRivers()
	defer done()
	type length struct{ KM int }
	lengths := db.MustCompile[length]("-- name: Lengths :many\nSELECT km FROM example_rivers")
	longer := db.MustCompile[length]("-- name: Longer :many\nSELECT km FROM example_rivers WHERE km > $1")
	renamed := db.MustCompileWrite("-- name: Rename :exec\nUPDATE example_rivers SET title = $1")

	err := pg.Check(context.Background(), riverByID, lengths, longer, db.WithParams(riverByID, false), renamed)
	fmt.Println(err)
	// Output:
	// db: check Lengths: column "km" (int4) into field KM (int): the column may be NULL: cannot scan NULL into *int
	// db: check RiverByID: parameter $1 (int4): cannot encode bool
	// db: check Rename: ERROR: column "title" of relation "example_rivers" does not exist (SQLSTATE 42703)
}

func ExampleStmt_One() {
	pg, done := openRivers()
	defer done()
	ctx := context.Background()
	river, err := riverByID.One(ctx, pg, 5)
	fmt.Println(river.Name, *river.KM, err)

	_, err = riverByID.One(ctx, pg, 99)
	fmt.Println(errors.Is(err, pgx.ErrNoRows))
	// Output:
	// Danube 2850 <nil>
	// true
}

// Passing the slice back reuses its memory for the next read.
func ExampleStmt_AppendTo() {
	pg, done := openRivers()
	defer done()
	longer := db.MustCompile[River]("SELECT id, name, km FROM example_rivers WHERE km > $1 ORDER BY km DESC")
	var found []River
	for _, km := range []int{2000, 1000} {
		var err error
		if found, err = longer.AppendTo(context.Background(), pg, found[:0], km); err != nil {
			log.Fatal(err)
		}
		fmt.Println(len(found), found[len(found)-1].Name)
	}
	// Output:
	// 1 Danube
	// 4 Loire
}

// The loop reads rows one by one; leaving it ends the read.
func ExampleStmt_Each() {
	pg, done := openRivers()
	defer done()
	byName := db.MustCompile[River]("SELECT id, name, km FROM example_rivers ORDER BY name")
	for river, err := range byName.Each(context.Background(), pg) {
		if err != nil {
			log.Fatal(err)
		}
		if river.Name > "F" {
			break
		}
		fmt.Println(river.Name)
	}
	// Output:
	// Danube
	// Elbe
}

// A statement built at run time. The list is one parameter, so that the text
// and its prepared statement are the same for any number of names.
func ExampleSelect() {
	pg, done := openRivers()
	defer done()
	named := db.Select("id", "name", "km").From("example_rivers").
		Where(db.AnyOf("name", []string{"Rhine", "Loire", "Styx"})).
		Where(squirrel.Gt{"km": 1000}).
		OrderBy("name")
	found, err := db.All[River](context.Background(), pg, named)
	if err != nil {
		log.Fatal(err)
	}
	for _, river := range found {
		fmt.Println(river.Name, *river.KM)
	}
	sql, args, _ := named.ToSql()
	fmt.Println(sql, args)
	// Output:
	// Loire 1006
	// Rhine 1233
	// SELECT id, name, km FROM example_rivers WHERE name = ANY($1) AND km > $2 ORDER BY name [[Rhine Loire Styx] 1000]
}

// The function may run several times: its effects outside of tx happen on each
// attempt.
func ExampleDB_InTx() {
	pg, done := openRivers()
	defer done()
	ctx := context.Background()
	serializable := db.TxOptions{TxOptions: pgx.TxOptions{IsoLevel: pgx.Serializable}}
	err := pg.InTx(ctx, serializable, func(tx pgx.Tx) error {
		river, err := riverByID.One(ctx, tx, 3)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "UPDATE example_rivers SET name = $2, km = 0 WHERE id = $1", river.ID, river.Name+" and found")
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
	river, err := riverByID.One(ctx, pg, 3)
	fmt.Println(river.Name, err)
	// Output: Lost and found <nil>
}

// OnChange reports each commit before the committing call returns, and no
// rollback.
func ExampleDB_OnChange() {
	pg, done := openRivers()
	defer done()
	ctx := context.Background()
	changed := make(chan db.Table, 1)
	stop, err := pg.OnChange(func(_ context.Context, changes []db.Change) {
		for _, change := range changes {
			if change.State == db.Committed { // the change may be in doubt until the statement is examined
				changed <- change.Table
			}
		}
	})
	if err != nil {
		log.Fatal(err)
	}
	defer stop()

	write := func(end func(pgx.Tx) error) {
		tx, err := pg.Begin(ctx)
		if err != nil {
			log.Fatal(err)
		}
		if _, err := tx.Exec(ctx, "DELETE FROM example_rivers WHERE km IS NULL"); err != nil {
			log.Fatal(err)
		}
		if err := end(tx); err != nil {
			log.Fatal(err)
		}
	}
	write(func(tx pgx.Tx) error { return tx.Rollback(ctx) })
	fmt.Println("rolled back")
	write(func(tx pgx.Tx) error { return tx.Commit(ctx) })
	fmt.Println("committed, changed:", <-changed)
	// Output:
	// rolled back
	// committed, changed: public.example_rivers
}

// CopyRaw sends existing bytes to the server unchanged.
func ExampleCopyRaw() {
	pg, done := openRivers()
	defer done()
	ctx := context.Background()
	file := strings.NewReader("id,name,km\n6,Vistula,1047\n7,Styx,\n")
	tag, err := db.CopyRaw(ctx, pg, "COPY example_rivers FROM STDIN (FORMAT csv, HEADER)", file)
	fmt.Println(tag.RowsAffected(), err)

	_, err = db.CopyRaw(ctx, pg, "COPY example_rivers TO STDOUT", strings.NewReader("8\tLethe\t\\N\n"))
	fmt.Println(err)
	// Output:
	// 2 <nil>
	// db: CopyRaw wants COPY ... FROM STDIN, and got copy example_rivers to stdout
}

// A span measures what a program does between two points, and finds loops of
// statements.
func ExampleProfile() {
	pg, done := openRivers()
	defer done()

	ctx, span := db.Profile(context.Background(), "list of rivers")
	for id := range 12 {
		if _, _, err := riverByID.Optional(ctx, pg, id+1); err != nil {
			log.Fatal(err)
		}
	}
	span.End()

	stats := span.Stats()
	fmt.Println(stats.Statements, "statements,", stats.Server > 0, stats.Wait < stats.Took)
	for _, r := range stats.Repeats {
		fmt.Printf("%d times from one place: %s\n", r.Calls, r.Text)
	}
	// Output:
	// 12 statements, true true
	// 12 times from one place: select id, name, km from example_rivers where id = ?
}
