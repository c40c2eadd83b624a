// Package store is what sqlc generates from queries.sql, unchanged.
package store
