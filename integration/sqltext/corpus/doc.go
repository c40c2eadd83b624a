// Package corpus has statements to hold package sqltext against the server's
// own reading of them, and the schema they are about.
package corpus
