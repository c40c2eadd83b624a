// Package replay keeps the rows of a result as the server sent them and plays them again as pgx.Rows.
package replay
