// Package target holds what loads and typed rows share about the table that they
// write to: its columns and unique indexes as the server describes them, and the
// SQL that upserts rows, moves sequences, and stages rows in a temporary table.
package target
