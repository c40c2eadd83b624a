// Package pgxrows has what stands where pgx's own rows and scan plans would:
// the rows of a statement that did not run, and scan plans that are kept from one
// result to the next.
package pgxrows
