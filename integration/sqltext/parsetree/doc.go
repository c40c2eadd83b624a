// Package parsetree compares package sqltext with the server's own scanner and
// parser, as libpg_query (of version 17) has them, in its tests. They need cgo,
// and a minute to compile.
package parsetree
