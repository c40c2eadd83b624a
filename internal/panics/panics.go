package panics

import (
	"fmt"
	"runtime/debug"
)

// An Error is a panic that was recovered.
type Error struct {
	Value any    // of the panic
	Stack []byte // of its goroutine
}

// New returns the Error of a recovered value. It is to be called by the function
// that recovers, for the sake of the stack.
func New(value any) *Error { return &Error{Value: value, Stack: debug.Stack()} }

// Error returns the panic's value and its stack.
func (e *Error) Error() string { return fmt.Sprintf("panic: %v\n\n%s", e.Value, e.Stack) }

// Unwrap returns the panic's value if it is an error.
func (e *Error) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}
