// Package connecterror classifies the errors of statements and connections, and
// explains in one line why no connection could be made.
package connecterror
