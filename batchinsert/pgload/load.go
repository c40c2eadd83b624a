package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/batchinsert"
	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/migrations"
)

// do runs the command of the options.
func (p *program) do(ctx context.Context) (status int, err error) {
	for _, f := range p.files {
		if err := f.find(); err != nil {
			p.say("Nothing was written.")
			return exitFailed, err
		}
	}
	if p.opts.infer && !p.opts.create {
		create, err := p.inferTable(ctx)
		if err != nil {
			return exitFailed, err
		}
		fmt.Fprintln(p.stdout, create+";")
		return exitDone, nil
	}
	pg, err := p.connect(ctx)
	if err != nil {
		return exitFailed, err
	}
	defer pg.Close()
	if err := p.tables(ctx, pg); err != nil {
		return exitFailed, err
	}
	if p.opts.onlyInstall {
		p.say("Schema headrace has the tables that -resume and -quarantine need.")
		return exitDone, nil
	}
	if p.opts.forget != "" {
		if err := p.forget(ctx, pg); err != nil {
			return exitFailed, err
		}
		return exitDone, nil
	}
	create, err := p.createTable(ctx, pg)
	if err != nil {
		return exitFailed, err
	}
	bad, err := p.loadAll(ctx, pg, create)
	switch {
	case err != nil:
		return exitFailed, err
	case bad:
		return exitBadRows, nil
	}
	return exitDone, nil
}

// createTable returns the statement of -create, or "" without -create, or if an
// earlier call with the same -resume has run it.
func (p *program) createTable(ctx context.Context, pg *db.DB) (string, error) {
	if !p.opts.create {
		return "", nil
	}
	if p.opts.resume != "" {
		if begun, err := p.begun(ctx, pg); err != nil || begun {
			return "", err
		}
	}
	create, err := p.inferTable(ctx)
	if err == nil {
		p.say("%s;", create)
	}
	return create, err
}

// begun reports whether the table exists: created by an earlier call that is
// recorded in the ledger, or that was interrupted before it loaded anything.
func (p *program) begun(ctx context.Context, pg *db.DB) (bool, error) {
	name, err := db.One[*string](ctx, pg, db.SQL("SELECT to_regclass($1)::text", p.opts.table))
	if err != nil || name == nil {
		return false, err
	}
	known, err := db.One[bool](ctx, pg, db.SQL("SELECT EXISTS (SELECT FROM headrace.loads WHERE starts_with(load_id, $1)) OR NOT EXISTS (SELECT FROM "+*name+")",
		p.opts.resume+":"))
	if err == nil && !known {
		err = fmt.Errorf("-create: table %s is there, and has rows that no load with -resume %s has brought", p.opts.table, p.opts.resume)
	}
	return known, err
}

func (p *program) inferTable(ctx context.Context) (string, error) {
	in, err := p.files[0].input(ctx)
	if err != nil {
		return "", err
	}
	opts := p.loadOptions(p.files[0])
	show := p.progress(opts.Name)
	opts.Progress = show.tell
	inferred, err := batchinsert.Infer(ctx, in, p.opts.table, opts)
	show.end()
	if err != nil {
		return "", err
	}
	return inferred.CreateTable(), nil
}

func (p *program) connect(ctx context.Context) (*db.DB, error) {
	url := p.opts.database
	if url == "" {
		url = os.Getenv("DATABASE_URL")
	}
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	cfg.MaxConns = max(cfg.MaxConns, int32(p.opts.jobs)+1)
	return db.OpenConfig(ctx, cfg, nil)
}

// tables creates or checks the tables of the library, if they are needed.
func (p *program) tables(ctx context.Context, pg *db.DB) error {
	if p.opts.install {
		return migrations.Install(ctx, pg.Pool())
	}
	if !p.opts.needsTables() {
		return nil
	}
	there, err := db.One[bool](ctx, pg, db.SQL(`SELECT to_regclass('headrace.dropped_indexes') IS NOT NULL`))
	if err == nil && !there {
		err = errors.New("-resume and -quarantine need tables that this database lacks; pgload -install makes them, in a schema headrace")
	}
	return err
}

// forget releases an ID of -resume, for the named files or for all.
func (p *program) forget(ctx context.Context, pg *db.DB) error {
	ids, err := db.All[string](ctx, pg, db.SQL("SELECT load_id FROM headrace.loads WHERE starts_with(load_id, $1) ORDER BY load_id", p.opts.forget+":"))
	if err != nil {
		return err
	}
	if len(ids) == 0 {
		return fmt.Errorf("-forget: no load is recorded under %s", p.opts.forget)
	}
	for _, id := range ids {
		rows, err := batchinsert.Forget(ctx, pg, id)
		if err != nil {
			return err
		}
		p.say("Forgot %s: %d rows of it are in the table, and stay.", id, rows)
	}
	return nil
}

// loadAll creates the table, with -create, and loads the files. bad reports
// whether there were bad rows.
func (p *program) loadAll(ctx context.Context, pg *db.DB, create string) (bad bool, err error) {
	if p.opts.inChunks() {
		if create != "" {
			if _, err := pg.Exec(ctx, create); err != nil {
				p.say("No row was written.")
				return false, err
			}
		}
		return p.loadFiles(ctx, pg, p.tell)
	}
	if p.opts.dryRun {
		if bad, err = p.loadFiles(ctx, pg, p.tell); err != nil {
			p.say("Nothing was written.")
		}
		return bad, err
	}
	loaded := false
	var done []func() // what is true after the commit
	later := func(_ batchinsert.Writer, f *source, r batchinsert.Report) {
		done = append(done, func() { p.tell(pg, f, r) })
	}
	err = pgx.BeginFunc(ctx, pg, func(tx pgx.Tx) error {
		if create != "" {
			if _, err := tx.Exec(ctx, create); err != nil {
				return err
			}
		}
		bad, err = p.loadFiles(ctx, tx, later)
		loaded = err == nil
		return err
	})
	if err != nil {
		p.tellUndone(err, loaded)
		return false, err
	}
	for _, tell := range done {
		tell()
	}
	return bad, nil
}

// tellUndone prints the outcome of the single transaction. It is unknown if the
// connection was lost during the commit.
func (p *program) tellUndone(err error, loaded bool) {
	answer, answered := errors.AsType[*pgconn.PgError](err)
	refused := answered && answer.SeverityUnlocalized == "ERROR" || errors.Is(err, pgx.ErrTxCommitRollback)
	if loaded && !refused {
		p.say("The connection was lost during the commit: whether the rows are in the table is unknown.")
		return
	}
	p.say("The table is as it was: nothing was written.")
}

// loadFiles loads the files, and calls tell for each that is loaded.
func (p *program) loadFiles(ctx context.Context, w batchinsert.Writer, tell func(batchinsert.Writer, *source, batchinsert.Report)) (bad bool, err error) {
	for i, f := range p.files {
		report, err := p.loadFile(ctx, w, f)
		if err != nil {
			if p.opts.inChunks() {
				p.tellCommitted(w, i, report, err)
			}
			return false, err
		}
		tell(w, f, report)
		bad = bad || report.Bad > 0
	}
	return bad, nil
}

func (p *program) loadFile(ctx context.Context, w batchinsert.Writer, f *source) (batchinsert.Report, error) {
	in, err := f.input(ctx)
	if err != nil {
		return batchinsert.Report{}, err
	}
	opts := p.loadOptions(f)
	show := p.progress(f.name)
	opts.Progress = show.tell
	report, err := batchinsert.Load(ctx, w, p.opts.table, in, opts)
	show.end()
	return report, err
}
