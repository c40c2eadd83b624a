// Package connecterror tells from an error what became of a statement whose
// connection broke.
package connecterror
