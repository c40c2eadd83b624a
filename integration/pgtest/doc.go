// Package pgtest gives each test its own PostgreSQL database.
//
//	func TestMain(m *testing.M) { pgtest.Main(m) }
//
//	func TestCities(t *testing.T) {
//		t.Parallel()
//		pg := pgtest.DB(t, nil, "CREATE TABLE cities (id int, name text)")
//		...
//	}
//
// The first test that needs a database starts the server of the test binary,
// with package pgserver. Each database is dropped when its test ends; a test
// fails if connections to its database are still open. [NewFrom] copies
// databases from a template that is filled once.
package pgtest
