// Command pgload loads files into a table of PostgreSQL: CSV, NDJSON and
// Parquet, the first two also compressed by gzip, zstd or bzip2. To install it:
//
//	go install github.com/headrace/headrace/batchinsert/pgload@latest
//
// To call it:
//
//	pgload [-d URL] -table NAME [options] FILE...
//	... | pgload -table NAME -format csv
//
// Without a file, or for a file "-", it reads standard input. It connects to the
// server of -d, else of DATABASE_URL, else of libpq's PGHOST and the like.
//
// All files are loaded in one transaction, or none. With -resume, -jobs and
// -quarantine, each chunk is a transaction. In any case, the last lines say what
// is in the table and how to continue.
//
//	-infer       print a CREATE TABLE that the (first) file fits, and stop
//	-create      print it, run it, and load
//	-dry-run     find the bad rows, and write nothing
//	-quarantine  put bad rows into headrace.quarantine, and continue
//	-resume ID   load the part of each file that an earlier call with this ID has not
//
// -h lists the others. -resume and -quarantine need tables in the database,
// which pgload -install creates.
//
// Under an ID of -resume a file is loaded once. It is identified by its base
// name, without the folder: a copy with another name, or a compressed one
// (data.csv.gz for data.csv), is another file, and is loaded too.
//
// Exit status:
//
//	0    all rows are loaded
//	1    failed; the last lines say what is in the table, or that it is unknown
//	2    wrong usage
//	3    the good rows are loaded, bad ones are in quarantine (or -dry-run found some)
//	130  interrupted, by SIGINT or SIGTERM; as 1
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Exit statuses.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitBadRows     = 3
	exitInterrupted = 130
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	p := &program{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, terminal: isTerminal(os.Stderr)}
	os.Exit(p.run(ctx, os.Args[1:]))
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// program is one call of pgload.
type program struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	terminal       bool // stderr draws bars

	opts  options
	files []*source
}

// say prints a line.
func (p *program) say(format string, args ...any) {
	fmt.Fprintln(p.stderr, printable(fmt.Sprintf(format, args...)))
}

// run returns the exit status.
func (p *program) run(ctx context.Context, args []string) int {
	err := p.parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(p.stdout, help)
		return exitDone
	case err != nil:
		p.say("usage: pgload [-d URL] -table NAME [options] FILE...; pgload -h names the options")
		p.say("pgload: %s", words(err))
		return exitUsage
	}
	defer p.close()
	ctx, stop := context.WithCancel(ctx) // ends readers
	defer stop()
	status, err := p.do(ctx)
	if err == nil {
		return status
	}
	p.say("pgload: %s", words(err))
	if ctx.Err() != nil {
		return exitInterrupted
	}
	return exitFailed
}

func (p *program) close() {
	for _, f := range p.files {
		f.close()
	}
}
