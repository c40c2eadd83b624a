package program

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// An Account tells what an example does, and checks what it claims.
type Account struct {
	out    io.Writer
	claims int
	failed []string
}

// Step begins a part of the example.
func (a *Account) Step(title string) { fmt.Fprintln(a.out, title) }

// Say prints a line.
func (a *Account) Say(format string, args ...any) { fmt.Fprintf(a.out, "  "+format+"\n", args...) }

// Claim prints what is claimed, and whether it holds.
func (a *Account) Claim(holds bool, format string, args ...any) {
	claim, word := fmt.Sprintf(format, args...), "holds"
	a.claims++
	if !holds {
		word = "DOES NOT HOLD"
		a.failed = append(a.failed, claim)
	}
	a.Say("[%s] %s", word, claim)
}

// verdict is an error that names the claims which do not hold. An example
// without claims has checked nothing.
func (a *Account) verdict() error {
	switch {
	case a.claims == 0:
		return errors.New("nothing was claimed")
	case len(a.failed) > 0:
		return fmt.Errorf("%d of %d claims do not hold: %s", len(a.failed), a.claims, strings.Join(a.failed, "; "))
	}
	return nil
}
