// Package paging reads the rows of statements page by page, by their keys: it
// builds the queries of package keyset for one statement and order, opens and
// makes cursors, and checks the rows of a page on their way to the decoder.
//
// The server is asked by package db.
package paging
