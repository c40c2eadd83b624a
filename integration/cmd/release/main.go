// Command release creates the commit of a release from HEAD. Run it at the root
// of the repository:
//
//	go run ./integration/cmd/release v1.2.3
//
// On each branch the modules of this repository require each other at v0.0.0,
// which go.work and replace directives resolve to their folders. Users of a
// module have neither. A release is therefore a separate commit with HEAD as
// its parent. In it the published modules require each other at the new
// version, have no replace directives, and have each other's sums in go.sum.
//
// The command changes neither the branch nor the work tree nor the index, and
// sets no tag. It prints the commands that set and push the tags.
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
