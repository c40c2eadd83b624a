// Package sqlccopy is what sqlc generates from queries.sql for COPY: one of the
// peers of the writes.
package sqlccopy

//go:generate go run github.com/sqlc-dev/sqlc/cmd/sqlc@v1.31.1 generate
