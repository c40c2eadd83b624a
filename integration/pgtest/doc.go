// Package pgtest gives each test a PostgreSQL database of its own.
//
//	func TestMain(m *testing.M) { pgtest.Main(m) }
//
//	func TestCities(t *testing.T) {
//		t.Parallel()
//		pool := pgtest.Pool(t) // or pg := pgtest.DB(t, nil)
//		...
//	}
//
// One server is started per test binary, when the first test asks for a database, from what package pgserver finds. The
// databases are dropped when their tests end; a connection that is still open then fails the test. [NewFrom] clones
// databases from a template that is filled once.
package pgtest
