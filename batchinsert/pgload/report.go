package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/batchinsert"
)

// shownBad is the number of bad rows that are shown.
const shownBad = 10

// tell prints the result of a load.
func (p *program) tell(w batchinsert.Writer, f *source, r batchinsert.Report) {
	line := fmt.Sprintf("%s: %d rows into %s in %s (%s rows/s)", f.name, r.Rows, p.opts.table, brief(r.Elapsed), rate(r.Rows, r.Elapsed))
	if p.opts.dryRun {
		line = fmt.Sprintf("%s: %d rows would go into %s; nothing was written", f.name, r.Rows, p.opts.table)
	}
	if c := r.Counts; p.opts.onConflict != "" && !p.opts.dryRun {
		line += fmt.Sprintf(": %d inserted, %d updated, %d unchanged", c.Inserted, c.Updated, c.Unchanged)
	}
	if r.Suppressed > 0 {
		line += fmt.Sprintf("; triggers suppressed %d", r.Suppressed)
	}
	if r.Skipped > 0 {
		line += fmt.Sprintf("; %d were in it already", r.Skipped)
	}
	p.say("%s", line)
	if r.Unended {
		p.say("%s: the last line has no line end: if the file was cut off, its last row is not whole (-strict refuses such files)", f.name)
	}
	if r.Bad > 0 {
		p.tellBad(w, r)
	}
}

// tellBad prints the first bad rows, and where the others are.
func (p *program) tellBad(w batchinsert.Writer, r batchinsert.Report) {
	p.say("%d bad rows:", r.Bad)
	for _, bad := range r.BadLines[:min(shownBad, len(r.BadLines))] {
		p.say("  %s", words(bad))
	}
	if p.opts.dryRun {
		return
	}
	p.say("All of them, with their text:\n  SELECT line, column_name, sqlstate, message, %s FROM headrace.quarantine WHERE load_id = '%s' ORDER BY line;",
		p.shownText(w, r.ID), strings.ReplaceAll(r.ID, "'", "''"))
}

// shownText is the SQL expression for the text of quarantined lines. Text that
// is invalid in the database's encoding is shown as bytes.
func (p *program) shownText(w batchinsert.Writer, id string) string {
	const text = "convert_from(raw, 'UTF8')"
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := pgx.BeginFunc(ctx, w, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "SELECT count("+text+") FROM headrace.quarantine WHERE load_id = $1", id)
		return err
	})
	if err != nil {
		return "encode(raw, 'escape')"
	}
	return text
}

// tellCommitted prints, after a load in chunks has failed with err in its file
// number failed, what is in the table and how to continue. It does not print
// records of another load as if they were of this file.
func (p *program) tellCommitted(w batchinsert.Writer, failed int, r batchinsert.Report, err error) {
	f := p.files[failed]
	rows, chunks, unknown := r.Rows+r.Skipped, int64(len(r.Chunks)), r.Unknown
	resumable := p.opts.resume != "" && !errors.Is(err, batchinsert.ErrOtherLoad)
	if resumable {
		if all, err := p.recorded(w, f, unknown); err == nil {
			rows, chunks, unknown = all.Rows, all.Chunks, nil
		}
	}
	switch {
	case rows > 0 || chunks > 0:
		p.say("%s: %d rows in %d chunks are in the table, and stay.", f.name, rows, chunks)
	case p.opts.resume != "" && !resumable:
		p.say("%s: this call wrote nothing of it.", f.name)
	case len(unknown) == 0:
		p.say("%s: nothing of it is in the table.", f.name)
	}
	if len(unknown) > 0 {
		var more int64
		for _, c := range unknown {
			more += c.Rows
		}
		p.say("%s: the connection was lost during a commit: whether %d rows in %d chunks are in the table is unknown.", f.name, more, len(unknown))
	}
	if r.Bad > 0 {
		p.tellBad(w, r)
	}
	for _, before := range p.files[:failed] {
		p.say("%s: is in the table, and stays.", before.name)
	}
	for _, behind := range p.files[failed+1:] {
		p.say("%s: was not begun.", behind.name)
	}
	switch {
	case resumable:
		p.say("The same command goes on with the rest, also when lines were repaired that are not in the table yet; pgload -forget %s has it begin anew.", p.opts.resume)
	case p.opts.resume == "" && (rows > 0 || failed > 0 || len(unknown) > 0):
		p.say("Without -resume it cannot go on from there: the same command would load again what is in the table.")
	}
}

type recorded struct {
	Chunks int64
	Rows   int64
}

// recorded returns how much of a file is in the table, loaded by any call. It
// waits until the server has ended the transactions of the unknown chunks. The
// context of the load may have ended.
func (p *program) recorded(w batchinsert.Writer, f *source, unknown []batchinsert.Chunk) (r recorded, err error) {
	id, chunks := p.loadOptions(f).ID, make([]int, len(unknown))
	for i, c := range unknown {
		chunks[i] = c.Index
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err = pgx.BeginFunc(ctx, w, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT FROM headrace.load_chunks WHERE load_id = $1 AND chunk = ANY($2::int[]) ORDER BY chunk FOR UPDATE", id, chunks); err != nil {
			return err
		}
		return tx.QueryRow(ctx, "SELECT count(*), coalesce(sum(rows), 0)::bigint FROM headrace.load_chunks WHERE load_id = $1 AND loaded_at IS NOT NULL",
			id).Scan(&r.Chunks, &r.Rows)
	})
	return r, err
}

// brief rounds a duration for display.
func brief(d time.Duration) time.Duration {
	switch {
	case d > time.Minute:
		return d.Round(time.Second)
	case d > time.Second:
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(time.Millisecond)
}

// rate returns rows per second with separated thousands.
func rate(rows int64, d time.Duration) string {
	if d <= 0 {
		return "0"
	}
	return thousands(int64(float64(rows) / d.Seconds()))
}

func thousands(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
