// Package sqlcgen is what sqlc generates from queries.sql: one of the peers.
package sqlcgen

//go:generate go run github.com/sqlc-dev/sqlc/cmd/sqlc@v1.31.1 generate
