// Package tablecache keeps the results of a [querycache.Cache] in tables of
// PostgreSQL.
package tablecache
