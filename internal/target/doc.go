// Package target knows the table that rows are written to: its columns, its unique
// indexes, and the SQL that writes given rows into it.
package target
