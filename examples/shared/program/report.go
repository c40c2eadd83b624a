package program

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// A Report prints the steps of an example and checks its claims.
type Report struct {
	out    io.Writer
	claims int
	failed []string
}

// Step prints the title of a part of the example.
func (a *Report) Step(title string) { fmt.Fprintln(a.out, title) }

// Say prints a line.
func (a *Report) Say(format string, args ...any) { fmt.Fprintf(a.out, "  "+format+"\n", args...) }

// Claim prints a claim and whether it holds.
func (a *Report) Claim(holds bool, format string, args ...any) {
	claim, word := fmt.Sprintf(format, args...), "holds"
	a.claims++
	if !holds {
		word = "DOES NOT HOLD"
		a.failed = append(a.failed, claim)
	}
	a.Say("[%s] %s", word, claim)
}

// verdict returns an error that lists the claims which do not hold. An example
// without claims fails too.
func (a *Report) verdict() error {
	switch {
	case a.claims == 0:
		return errors.New("the example has no claims")
	case len(a.failed) > 0:
		return fmt.Errorf("%d of %d claims do not hold: %s", len(a.failed), a.claims, strings.Join(a.failed, "; "))
	}
	return nil
}
