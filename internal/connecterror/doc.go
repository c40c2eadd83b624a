// Package connecterror tells from an error what became of a statement or a
// connection, and says in one line why no connection could be made.
package connecterror
