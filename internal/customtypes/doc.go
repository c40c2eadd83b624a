// Package customtypes registers the server's own types (enums, composites,
// domains, ranges) on connections.
package customtypes
