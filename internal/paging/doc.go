// Package paging reads the rows of statements page by page, by their keys. It
// builds the queries of package keyset for one statement and order, decodes and
// encodes cursors, and checks the rows of a page as they are decoded.
//
// Package db sends the queries.
package paging
