// Package dbtest lets tests of programs assert what the program asks of the
// database: how many statements, none in a loop, none that reads a whole table.
//
//	func TestCityPage(t *testing.T) {
//		pg := open(t)
//		dbtest.Budget(t, pg, 3)
//		dbtest.NoRepeats(t, pg, 10)
//		// call the program ...
//	}
//
// Each function watches a handle from its call until the test's cleanup, and
// reports failures then, with the statements and the lines that sent them. What
// the handle's own background work sends is not counted. Where parallel tests
// share a handle, each would count the statements of all: give each its own.
//
// The package does not import testing.
package dbtest
