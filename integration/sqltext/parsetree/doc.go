// Package parsetree holds package sqltext against the server's own scanner and parser, as libpg_query has them (of
// version 17), in its tests. They need cgo, and a minute to compile.
package parsetree
