// Package corpus provides statements for comparing package sqltext with the
// server, and their schema.
package corpus
