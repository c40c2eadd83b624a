package db

import "slices"

// untyped returns arguments of which bytes and texts look the same: what the
// package does where the rule TypesInKeys is broken on purpose.
func untyped(args []any) []any {
	args = slices.Clone(args)
	for i, arg := range args {
		if b, ok := arg.([]byte); ok {
			args[i] = string(b)
		}
	}
	return args
}
