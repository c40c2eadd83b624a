// Package daemon supports running servers under tests: as another user than
// root, on a free port, and stopped when the test process ends.
package daemon
