// Package replay records the rows of a result as the server sent them and plays
// them back as pgx.Rows.
package replay
