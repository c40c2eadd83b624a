// Package keyset writes the SQL of keyset pages and encodes the cursors between
// them.
//
// A keyset page holds the rows after a position in a total order: WHERE (k1,
// k2) > (v1, v2) ORDER BY k1, k2 LIMIT n. The package turns an order ([Key]), a
// statement ([Statement]) and a position ([Position]) into such a query, for
// any mixture of directions, for keys that contain NULLs, and for groups of
// equal keys of any size. With a matching index the query takes the time of the
// first page at any depth.
//
// # Design notes
//
// The rows after a position form disjoint blocks that follow each other in the
// order: the rows equal in all keys but the last and beyond the position there,
// then those that differ one key earlier, and so on; NULLs of a key are a
// separate block. Neighbouring blocks are joined into one index condition where
// possible (a row comparison for keys of one direction). Several remaining
// blocks are read lazily: each block's LIMIT is the rest that the earlier ones
// left, so that an unnecessary block reads no buffer at all. A Merge Append
// over the same blocks opens each of them for its first row (3 to 5 buffers
// each), and `OR k IS NULL` cannot use the index.
//
// No row comparison is NULL: a NULL in the position never becomes a parameter,
// and a nullable key is only ever the first member of a comparison, where its
// NULLs are either already read or a separate block.
//
// LIMIT is a literal, not a parameter. For a parameter the planner assumes a
// tenth of all rows, so that its generic plan looks expensive and the server
// plans each page again: 0.34 ms against 0.23 ms per page for two blocks, on
// PostgreSQL 15.
package keyset
