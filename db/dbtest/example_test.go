package dbtest_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"
	"testing"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/db/dbtest"
	"github.com/headrace/headrace/internal/servertests"
)

func TestMain(m *testing.M) {
	servertests.Skip("^Example")
	os.Exit(m.Run())
}

// A printer stands for the *testing.T of a test. It prints failures without the
// places that follow a statement.
type printer struct{ cleanup func() }

func (p *printer) Helper()           {}
func (p *printer) Name() string      { return "TestPage" }
func (p *printer) Cleanup(fn func()) { p.cleanup = fn }
func (p *printer) Errorf(format string, args ...any) {
	text, _, _ := strings.Cut(fmt.Sprintf(format, args...), "\n      ")
	fmt.Println(text)
}

// The program asks for ten rows one by one, where one statement would do.
func ExampleNoRepeats() {
	ctx := context.Background()
	pg, err := db.Open(ctx, os.Getenv("DATABASE_URL"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer pg.Close()

	t := new(printer)
	dbtest.NoRepeats(t, pg, 10)
	for i := range 10 {
		if _, err := db.One[int](ctx, pg, db.SQL("SELECT $1::int", i)); err != nil {
			log.Fatal(err)
		}
	}
	t.cleanup()
	// Output:
	// dbtest: statements are repeated in loops:
	//   10 x select ?::int
}
