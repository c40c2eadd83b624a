package main

import (
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/headrace/headrace/batchinsert"
)

// options are the flags.
type options struct {
	database, table, format          string
	infer, create, dryRun, install   bool
	resume                           string
	jobs                             int
	quarantine                       bool
	maxBad, onConflict, columns      string
	fresh, dropIndexes, binaryAsText bool
	delimiter, null, encoding        string
	load                             batchinsert.LoadOptions // made of them
	columnNames                      []string
}

const usage = `usage: pgload [-d URL] -table NAME [options] FILE...

Loads CSV, NDJSON and Parquet files (or standard input) into a table of PostgreSQL: all rows of all files or none,
unless -resume, -jobs or -quarantine commit chunk by chunk.

`

const statuses = `
exit status: 0 all rows are in; 1 failed, the table is as it was or has the chunks that were told; 2 wrong usage;
3 good rows are in and bad ones in quarantine (or -dry-run found bad ones); 130 interrupted, as 1
`

// parse reads the arguments.
func (p *program) parse(args []string) error {
	o := &p.opts
	f := flag.NewFlagSet("pgload", flag.ContinueOnError)
	f.SetOutput(p.stderr)
	f.Usage = func() {
		fmt.Fprint(p.stderr, usage)
		f.PrintDefaults()
		fmt.Fprint(p.stderr, statuses)
	}
	f.StringVar(&o.database, "d", "", "`URL` or key=value connection string (default: DATABASE_URL, then PGHOST and the like)")
	f.StringVar(&o.table, "table", "", "`name` of the table, in SQL notation")
	f.StringVar(&o.format, "format", "", "csv, ndjson or parquet (default: by the file's name, then by its first bytes)")
	f.BoolVar(&o.infer, "infer", false, "print a CREATE TABLE that the first file fits, and stop; needs no server")
	f.BoolVar(&o.create, "create", false, "print that statement, run it, and load")
	f.BoolVar(&o.dryRun, "dry-run", false, "read everything, tell the bad rows, write nothing")
	f.BoolVar(&o.install, "install", false, "make the tables in schema headrace that -resume and -quarantine need")
	f.StringVar(&o.resume, "resume", "", "record what is loaded under this `ID`, and go on where an earlier call with it stopped")
	f.IntVar(&o.jobs, "jobs", 1, "load over `N` connections; rows lose their order")
	f.BoolVar(&o.quarantine, "quarantine", false, "put rows that the server refuses into headrace.quarantine, and go on")
	f.StringVar(&o.maxBad, "max-bad", "", "with -quarantine: give up above `N` bad rows, or above N%")
	f.StringVar(&o.onConflict, "on-conflict", "", "update rows with the same `keys`, column names with commas between them")
	f.BoolVar(&o.fresh, "fresh", false, "empty the table first; its rows come frozen")
	f.BoolVar(&o.dropIndexes, "drop-indexes", false, "drop plain indexes meanwhile, and make them anew; with -jobs or -quarantine it needs -resume")
	f.StringVar(&o.columns, "columns", "", "`names` with commas between them: of a CSV file without a header; the only ones to take of NDJSON and Parquet")
	f.BoolVar(&o.binaryAsText, "binary-as-text", false, "Parquet: byte arrays without an annotation are text (files of Impala, Hive, old Spark)")
	f.StringVar(&o.delimiter, "delimiter", "", "CSV: `character` between fields, or \"tab\" (default: comma; tab in .tsv files)")
	f.StringVar(&o.null, "null", "", "CSV: unquoted `text` that means NULL (default: nothing)")
	f.StringVar(&o.encoding, "encoding", "", "of CSV and NDJSON: `name` such as latin1 or utf-16 (default: UTF-8, or what a byte order mark says)")
	if err := f.Parse(args); err != nil {
		return err
	}
	if err := o.check(f.NArg()); err != nil {
		return err
	}
	return p.addFiles(f.Args())
}

// check says what does not go together, and makes the LoadOptions.
func (o *options) check(files int) error {
	chunks := o.resume != "" || o.jobs > 1 || o.quarantine
	switch {
	case o.table == "":
		return errors.New("-table is missing")
	case !slices.Contains([]string{"", "csv", "ndjson", "parquet"}, o.format):
		return fmt.Errorf("-format %s is not known: csv, ndjson or parquet", o.format)
	case o.jobs < 1:
		return fmt.Errorf("-jobs is %d", o.jobs)
	case o.maxBad != "" && !o.quarantine:
		return errors.New("-max-bad needs -quarantine")
	case o.create && o.dryRun:
		return errors.New("-create makes a table, -dry-run writes nothing: -infer shows it")
	case o.fresh && (chunks || files > 1 || o.create):
		return errors.New("-fresh is for one file in one transaction: it cannot be had with -resume, -jobs, -quarantine or -create")
	case o.dropIndexes && chunks && o.resume == "":
		return errors.New("-drop-indexes with -jobs or -quarantine needs -resume, so that the indexes can be put back after a crash")
	}
	l := &o.load
	l.ID, l.Jobs, l.DryRun = o.resume, o.jobs, o.dryRun
	l.Null, l.Encoding, l.Fresh, l.DropIndexes = o.null, o.encoding, o.fresh, o.dropIndexes
	if o.quarantine {
		l.OnBad = batchinsert.Quarantine
	}
	if o.onConflict != "" {
		l.OnConflict = &batchinsert.OnConflict{Keys: strings.Split(o.onConflict, ",")}
	}
	if o.columns != "" {
		o.columnNames = strings.Split(o.columns, ",")
	}
	return errors.Join(o.setDelimiter(), o.setMaxBad())
}

func (o *options) setDelimiter() error {
	switch o.delimiter {
	case "":
	case "tab", `\t`:
		o.load.Comma = '\t'
	default:
		if len(o.delimiter) != 1 {
			return fmt.Errorf("-delimiter %q is not one byte", o.delimiter)
		}
		o.load.Comma = o.delimiter[0]
	}
	return nil
}

func (o *options) setMaxBad() error {
	if o.maxBad == "" {
		return nil
	}
	if share, isShare := strings.CutSuffix(o.maxBad, "%"); isShare {
		n, err := strconv.ParseFloat(share, 64)
		if err != nil || !(n > 0 && n <= 100) {
			return fmt.Errorf("-max-bad %s is no share", o.maxBad)
		}
		o.load.MaxBadShare = n / 100
		return nil
	}
	n, err := strconv.ParseInt(o.maxBad, 10, 64)
	if err != nil || n < 1 {
		return fmt.Errorf("-max-bad %s is neither a number from 1 on nor a share", o.maxBad)
	}
	o.load.MaxBad = n
	return nil
}

// inChunks says whether each chunk is a transaction.
func (o *options) inChunks() bool {
	return !o.dryRun && (o.resume != "" || o.jobs > 1 || o.quarantine)
}

// needsTables says whether the tables of -install are needed.
func (o *options) needsTables() bool { return !o.dryRun && (o.resume != "" || o.quarantine) }

// addFiles opens nothing yet.
func (p *program) addFiles(names []string) error {
	if len(names) == 0 {
		names = []string{"-"}
	}
	ids := map[string]bool{}
	for _, name := range names {
		s := &source{path: name, name: filepath.Base(name), program: p}
		if name == "-" {
			s.name = "stdin"
		}
		if ids[s.name] && (p.opts.resume != "" || name == "-") {
			return fmt.Errorf("two files are called %s; -resume tells them apart by their names", s.name)
		}
		ids[s.name] = true
		p.files = append(p.files, s)
	}
	return nil
}

// loadOptions are those for a file.
func (p *program) loadOptions(s *source) *batchinsert.LoadOptions {
	l := p.opts.load
	l.Name = s.name
	if l.ID != "" && len(p.files) > 1 {
		l.ID += ":" + s.name
	}
	if s.format != parquetFormat {
		l.Columns = p.opts.columnNames
	}
	if l.Comma == 0 && strings.HasSuffix(plainName(s.path), ".tsv") {
		l.Comma = '\t'
	}
	return &l
}
