// Command release makes the commit of a release from HEAD. Run it at the root of the repository:
//
//	go run ./integration/cmd/release v1.2.3
//
// On every branch the modules of this repository require each other at v0.0.0, which go.work and replace directives
// resolve to the tree beside them. Whoever requires a module from outside has neither. So a release is a commit beside
// the branch, with HEAD as its parent, in which the published modules require each other at the new version, have no
// replace directive, and have the sums of each other in go.sum.
//
// Neither branch, work tree nor index is changed, and no tag is set. The commands that set and push the tags are
// printed.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
)

func main() {
	if len(os.Args) != 2 || strings.HasPrefix(os.Args[1], "-") {
		fmt.Fprintln(os.Stderr, "usage: release VERSION, such as v1.2.3")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	r, err := prepare(ctx, ".", os.Args[1])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
	fmt.Print(r.commands())
}
