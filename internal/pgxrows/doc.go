// Package pgxrows provides replacements for pgx's rows and scan plans: the rows
// of a statement that did not run, and scan plans that are cached from one
// result to the next.
package pgxrows
