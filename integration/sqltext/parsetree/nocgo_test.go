//go:build !cgo

package parsetree_test

import "testing"

func TestAgainstTheServersParser(t *testing.T) {
	t.Skip("sqltext is not held against the server's parser: that needs cgo, and so a C compiler")
}
