package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/headrace/headrace/batchinsert"
)

// options are the flags.
type options struct {
	database, table, format             string
	infer, create, dryRun, install      bool
	onlyInstall                         bool // -install without a file to load
	resume, forget                      string
	jobs                                int
	quarantine                          bool
	maxBad, onConflict, columns         string
	truncate, dropIndexes, binaryAsText bool
	delimiter, null, encoding           string
	quote, escape, rename, skip         string
	load                                batchinsert.LoadOptions // for the flags
	columnNames                         []string
}

// flags returns the flag set that fills the options.
func (o *options) flags() *flag.FlagSet {
	f := flag.NewFlagSet("pgload", flag.ContinueOnError)
	f.SetOutput(io.Discard) // run prints the error and the help
	f.StringVar(&o.database, "d", "", "")
	f.StringVar(&o.table, "table", "", "")
	f.StringVar(&o.format, "format", "", "")
	f.BoolVar(&o.infer, "infer", false, "")
	f.BoolVar(&o.create, "create", false, "")
	f.BoolVar(&o.dryRun, "dry-run", false, "")
	f.BoolVar(&o.install, "install", false, "")
	f.StringVar(&o.resume, "resume", "", "")
	f.StringVar(&o.forget, "forget", "", "")
	f.BoolVar(&o.load.Verify, "verify", false, "")
	f.IntVar(&o.jobs, "jobs", 1, "")
	f.BoolVar(&o.quarantine, "quarantine", false, "")
	f.StringVar(&o.maxBad, "max-bad", "", "")
	f.StringVar(&o.onConflict, "on-conflict", "", "")
	f.BoolVar(&o.load.Strict, "strict", false, "")
	f.BoolVar(&o.load.KeepIdentity, "keep-identity", false, "")
	f.BoolVar(&o.truncate, "truncate", false, "")
	f.BoolVar(&o.dropIndexes, "drop-indexes", false, "")
	f.StringVar(&o.columns, "columns", "", "")
	f.BoolVar(&o.binaryAsText, "binary-as-text", false, "")
	f.StringVar(&o.delimiter, "delimiter", "", "")
	f.StringVar(&o.quote, "quote", "", "")
	f.StringVar(&o.escape, "escape", "", "")
	f.StringVar(&o.rename, "map", "", "")
	f.StringVar(&o.skip, "skip", "", "")
	f.StringVar(&o.null, "null", "", "")
	f.StringVar(&o.encoding, "encoding", "", "")
	return f
}

// parse parses the arguments. Flags may be before, between and after files.
func (p *program) parse(args []string) error {
	f := p.opts.flags()
	var files []string
	for {
		if err := f.Parse(args); err != nil {
			return err
		}
		rest := f.Args()
		if len(rest) == 0 {
			break
		}
		if n := len(args) - len(rest); n > 0 && args[n-1] == "--" {
			files = append(files, rest...)
			break
		}
		files = append(files, rest[0])
		args = rest[1:]
	}
	if err := notEmpty(f); err != nil {
		return err
	}
	if err := p.opts.check(len(files)); err != nil {
		return err
	}
	return p.addFiles(files)
}

// notEmpty returns an error for a flag that is given with an empty value, as by
// an unset variable of a shell. An empty text may mean NULL.
func notEmpty(f *flag.FlagSet) (err error) {
	f.Visit(func(f *flag.Flag) {
		if f.Value.String() == "" && f.Name != "null" {
			err = fmt.Errorf("-%s has an empty value", f.Name)
		}
	})
	return err
}

// check returns an error for flags that exclude each other, and sets the
// LoadOptions.
func (o *options) check(files int) error {
	chunks := o.resume != "" || o.jobs > 1 || o.quarantine
	o.onlyInstall = o.install && files == 0 && o.table == "" && o.forget == "" && !chunks && !o.infer && !o.create && !o.dryRun
	switch {
	case o.forget != "" && files > 0:
		return errors.New("-forget takes no files")
	case o.table == "" && o.forget == "" && !o.onlyInstall:
		return errors.New("-table is missing")
	case !slices.Contains([]string{"", "csv", "ndjson", "parquet"}, o.format):
		return fmt.Errorf("-format %s is not known: csv, ndjson or parquet", o.format)
	case o.jobs < 1:
		return fmt.Errorf("-jobs is %d", o.jobs)
	case o.maxBad != "" && !o.quarantine:
		return errors.New("-max-bad needs -quarantine")
	case o.create && o.dryRun:
		return errors.New("-create makes a table, -dry-run writes nothing: -infer shows it")
	case o.truncate && (chunks || files > 1 || o.create):
		return errors.New("-truncate is for one file in one transaction: it cannot be had with -resume, -jobs, -quarantine or -create")
	case o.dropIndexes && chunks && o.resume == "":
		return errors.New("-drop-indexes with -jobs or -quarantine needs -resume, so that the indexes can be put back after a crash")
	}
	if _, err := batchinsert.Peek(strings.NewReader(""), o.encoding, 0); err != nil {
		return fmt.Errorf("-encoding: %w", errors.Unwrap(err)) // without the package
	}
	l := &o.load
	l.ID, l.Jobs, l.DryRun = o.resume, o.jobs, o.dryRun
	l.Null, l.Encoding, l.Truncate, l.DropIndexes = o.null, o.encoding, o.truncate, o.dropIndexes
	if o.quarantine {
		l.OnBad = batchinsert.Quarantine
	}
	if o.onConflict != "" {
		l.OnConflict = &batchinsert.OnConflict{Keys: strings.Split(o.onConflict, ",")}
	}
	for _, set := range []func() error{o.setDialect, o.setFields, o.setMaxBad} {
		if err := set(); err != nil {
			return err
		}
	}
	return nil
}

// setDialect sets the dialect of CSV.
func (o *options) setDialect() (err error) {
	l := &o.load
	if o.delimiter == "tab" || o.delimiter == `\t` {
		o.delimiter = "\t"
	}
	if l.Comma, err = oneByte("-delimiter", o.delimiter); err != nil {
		return err
	}
	if l.NoQuote = o.quote == "none"; !l.NoQuote {
		if l.Quote, err = oneByte("-quote", o.quote); err != nil {
			return err
		}
	}
	if l.Escape, err = oneByte("-escape", o.escape); err != nil {
		return err
	}
	switch {
	case l.NoQuote && l.Escape != 0:
		return errors.New("-escape stands before a quote, and there are none with -quote none")
	case l.Comma != 0 && l.Comma == cmp.Or(l.Quote, '"'), l.Quote != 0 && l.Quote == cmp.Or(l.Comma, ','):
		return errors.New("-delimiter and -quote are the same")
	}
	return nil
}

// oneByte returns the byte of text, or 0 if text is empty.
func oneByte(flag, text string) (byte, error) {
	switch {
	case text == "":
		return 0, nil
	case len(text) != 1 || strings.ContainsAny(text, "\r\n\x00"):
		return 0, fmt.Errorf("%s %q is not one byte, or is a line break", flag, text)
	}
	return text[0], nil
}

// setFields sets the names of fields and columns.
func (o *options) setFields() error {
	if o.columns != "" {
		o.columnNames = strings.Split(o.columns, ",")
	}
	if o.skip != "" {
		o.load.Skip = strings.Split(o.skip, ",")
	}
	if o.rename == "" {
		return nil
	}
	o.load.Rename = map[string]string{}
	for pair := range strings.SplitSeq(o.rename, ",") {
		from, to, ok := strings.Cut(pair, "=")
		if !ok || from == "" || to == "" {
			return fmt.Errorf("-map %q is not of the form old=new", pair)
		}
		o.load.Rename[from] = to
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

// inChunks reports whether each chunk is a transaction.
func (o *options) inChunks() bool {
	return !o.dryRun && (o.resume != "" || o.jobs > 1 || o.quarantine)
}

// needsTables reports whether the tables of -install are needed.
func (o *options) needsTables() bool {
	return o.forget != "" || !o.dryRun && (o.resume != "" || o.quarantine)
}

// addFiles adds the files without opening them.
func (p *program) addFiles(names []string) error {
	if len(names) == 0 && p.opts.forget == "" && !p.opts.onlyInstall {
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

// loadOptions returns the LoadOptions for a file.
func (p *program) loadOptions(s *source) *batchinsert.LoadOptions {
	l := p.opts.load
	l.Name = s.name
	if l.ID != "" {
		l.ID += ":" + s.name // independent of the other files
	}
	if s.format != parquetFormat {
		l.Columns = p.opts.columnNames
	}
	if strings.HasSuffix(plainName(s.path), ".tsv") {
		l.Comma = cmp.Or(l.Comma, '\t')
		l.NoQuote = l.NoQuote || l.Quote == 0 && l.Escape == 0
	}
	if s.format == parquetFormat {
		l.Rename, l.Skip = nil, nil // applied by the Parquet reader
	}
	return &l
}
