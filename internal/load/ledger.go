package load

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/records"
	"github.com/headrace/headrace/internal/target"
)

// A ledger records which chunks of a load are in the table. The zero value
// records nothing: it is for loads without an ID.
type ledger struct {
	id          string
	fingerprint []byte
	finished    bool
	changed     bool  // the load began with a different file
	rows        int64 // loaded
	recorded    int   // number of chunks, or the number of the last one
	wait        bool  // lock waits for processes that are loading the chunk
}

// sample is the number of bytes at a file's beginning that its fingerprint
// covers.
const sample = 64 << 10

// ledgerVersion is the version of the records: of where inputs are cut and of
// what fingerprints and checksums cover. Increment it with every change of
// these.
const ledgerVersion = 2

// An OtherError reports that the ID belongs to another load.
type OtherError struct{ text string }

func (e *OtherError) Error() string { return e.text }

func otherLoad(format string, args ...any) error {
	return &OtherError{fmt.Sprintf(format, args...)}
}

var errNotInstalled = errors.New("tables of headrace are missing in this database, or are those of an older version: call migrations.Install")

// checkInstalled returns an error if the library's tables are missing. It looks
// for the newest column.
func checkInstalled(ctx context.Context, tx pgx.Tx) error {
	var installed bool
	err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = to_regclass('headrace.loads') AND attname = 'version')").Scan(&installed)
	if err == nil && !installed {
		err = errNotInstalled
	}
	return err
}

// openLedger records the load, or reads what is recorded under its ID.
func (l *Load) openLedger(ctx context.Context, w target.Beginner) (*ledger, error) {
	book := &ledger{}
	if l.opts.ID == "" {
		return book, nil
	}
	err := pgx.BeginFunc(ctx, w, func(tx pgx.Tx) error {
		if err := checkInstalled(ctx, tx); err != nil || l.opts.unnamed {
			return err
		}
		book.id = l.opts.ID
		return l.findLoad(ctx, tx, book)
	})
	return book, err
}

// size returns the size of the input, or nil for NULL if it is unknown.
func (l *Load) size() *int64 {
	if l.input.total > 0 {
		return &l.input.total
	}
	return nil
}

// findLoad compares the load with the one that is recorded under its ID.
func (l *Load) findLoad(ctx context.Context, tx pgx.Tx, book *ledger) error {
	book.fingerprint = l.fingerprint()
	size := l.size()
	_, err := tx.Exec(ctx, `INSERT INTO headrace.loads (load_id, target, source, fingerprint, size, chunk_bytes, version)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (load_id) DO NOTHING`,
		book.id, l.table, l.opts.Name, book.fingerprint, size, l.opts.ChunkBytes, ledgerVersion)
	if err != nil {
		return err
	}
	var target, source string
	var was []byte
	var wasSize *int64
	var version int
	err = tx.QueryRow(ctx, `SELECT version, target, source, fingerprint, size, chunk_bytes, finished_at IS NOT NULL,
    (SELECT coalesce(sum(rows), 0)::bigint FROM headrace.load_chunks c WHERE c.load_id = l.load_id),
    (SELECT coalesce(max(chunk) + 1, 0) FROM headrace.load_chunks c WHERE c.load_id = l.load_id)
FROM headrace.loads l WHERE load_id = $1`, book.id).
		Scan(&version, &target, &source, &was, &wasSize, &l.opts.ChunkBytes, &book.finished, &book.rows, &book.recorded)
	switch {
	case err != nil:
		return err
	case version > ledgerVersion:
		return otherLoad("load %q was begun by a newer headrace (version %d of the ledger; this program knows %d): it cannot go on with it", book.id, version, ledgerVersion)
	case version < ledgerVersion:
		return otherLoad("load %q was begun by an older headrace (version %d of the ledger; this program writes %d): it cannot go on with it", book.id, version, ledgerVersion)
	case target != l.table:
		return otherLoad("load %q writes to %s, not to %s: another ID is needed, or the same one after batchinsert.Forget", book.id, target, l.table)
	}
	book.changed = !bytes.Equal(was, book.fingerprint) || size != nil && wasSize != nil && *size != *wasSize
	if book.changed && book.finished {
		return otherLoad("load %q has loaded another file (%s, %d rows), or this one before it was changed: another ID loads it, or the same one after batchinsert.Forget", book.id, source, book.rows)
	}
	return nil
}

// fingerprint identifies a file: its first half covers the fields and how they
// are read, its second half the beginning of the data. Each chunk has a checksum
// of its own.
func (l *Load) fingerprint() []byte {
	reading := sha256.Sum256(fmt.Appendf(nil, "%q %s", l.input.format.Names(), l.input.format.Dialect()))
	first, _ := l.input.file.Peek(sample) // the next Read returns its error
	beginning := sha256.Sum256(first)
	return append(reading[:], beginning[:]...)
}

// sameReading compares the first halves of two fingerprints.
func sameReading(a, b []byte) bool { return bytes.Equal(a[:len(a)/2], b[:len(b)/2]) }

// announce records a chunk in a transaction of its own, so that other processes
// see it while it is being loaded.
func (b *ledger) announce(ctx context.Context, w target.Beginner, c *records.Chunk) error {
	if b.id == "" {
		return nil
	}
	return pgx.BeginFunc(ctx, w, func(tx pgx.Tx) error { return b.record(ctx, tx, c) })
}

// record records a chunk before it is loaded, unless the load has continued with
// a repaired file that is not this one.
func (b *ledger) record(ctx context.Context, tx pgx.Tx, c *records.Chunk) error {
	sum := sha256.Sum256(c.Data)
	_, err := tx.Exec(ctx, `INSERT INTO headrace.load_chunks (load_id, chunk, first_byte, end_byte, first_line, checksum)
SELECT load_id, $2, $3, $4, $5, $6 FROM headrace.loads WHERE load_id = $1 AND fingerprint = $7 FOR KEY SHARE
ON CONFLICT (load_id, chunk) DO NOTHING`,
		b.id, c.Index, c.FirstByte, c.FirstByte+int64(len(c.Data)), c.FirstLine, sum[:], b.fingerprint)
	return err
}

// A chunkState is the state of a chunk.
type chunkState int

const (
	ours   chunkState = iota // to be loaded by this transaction
	loaded                   // committed
	busy                     // being loaded by another process
)

// lock locks the chunk until the transaction ends.
func (b *ledger) lock(ctx context.Context, tx pgx.Tx, c *records.Chunk) (state chunkState, rows int64, err error) {
	if b.id == "" {
		return ours, 0, nil
	}
	var end int64
	var checksum []byte
	var done bool
	lock := "FOR UPDATE SKIP LOCKED"
	if b.wait {
		lock = "FOR UPDATE"
	}
	err = tx.QueryRow(ctx, `SELECT end_byte, checksum, loaded_at IS NOT NULL, coalesce(rows, 0)
FROM headrace.load_chunks WHERE load_id = $1 AND chunk = $2 `+lock, b.id, c.Index).
		Scan(&end, &checksum, &done, &rows)
	if errors.Is(err, pgx.ErrNoRows) {
		return busy, 0, nil
	}
	if err != nil {
		return ours, 0, err
	}
	sum := sha256.Sum256(c.Data)
	switch same := bytes.Equal(checksum, sum[:]); {
	case end != c.FirstByte+int64(len(c.Data)), (done || b.wait) && !same:
		return ours, 0, b.differs(c.FirstByte, end)
	case done:
		return loaded, rows, nil
	case same:
		return ours, 0, nil
	}
	// A chunk that is not loaded may be repaired.
	tag, err := tx.Exec(ctx, `UPDATE headrace.load_chunks SET checksum = $3 WHERE load_id = $1 AND chunk = $2
    AND EXISTS (SELECT FROM headrace.loads WHERE load_id = $1 AND fingerprint = $4)`, b.id, c.Index, sum[:], b.fingerprint)
	if err == nil && tag.RowsAffected() == 0 {
		err = b.differs(c.FirstByte, end)
	}
	return ours, 0, err
}

// differs returns the error for a file whose bytes differ from the recorded
// ones.
func (b *ledger) differs(first, end int64) error {
	return otherLoad("the file has changed since load %q began: bytes %d to %d are not the same", b.id, first, end)
}

// markLoaded records a loaded chunk, in the transaction that loaded it.
func (b *ledger) markLoaded(ctx context.Context, tx pgx.Tx, c *records.Chunk, rows, bad int64) error {
	if b.id == "" {
		return nil
	}
	_, err := tx.Exec(ctx, `UPDATE headrace.load_chunks SET rows = $3, bad = $4, loaded_at = now() WHERE load_id = $1 AND chunk = $2`,
		b.id, c.Index, rows, bad)
	return err
}

// finish waits for chunks that other processes are loading, and records the end
// of the load.
func (b *ledger) finish(ctx context.Context, w target.Beginner, chunks int) error {
	if b.id == "" {
		return nil
	}
	return pgx.BeginFunc(ctx, w, func(tx pgx.Tx) error {
		// Waits for the transactions that hold locks on open chunks. Chunks
		// that they commit are not returned.
		rows, err := tx.Query(ctx, `SELECT chunk FROM headrace.load_chunks WHERE load_id = $1 AND loaded_at IS NULL ORDER BY chunk FOR UPDATE`, b.id)
		if err != nil {
			return err
		}
		open, err := pgx.CollectRows(rows, pgx.RowTo[int])
		if err != nil {
			return err
		}
		if len(open) > 0 {
			return fmt.Errorf("another process gave up chunks %v of load %q: run it again", open, b.id)
		}
		var recorded int
		if err := tx.QueryRow(ctx, `SELECT count(*) FROM headrace.load_chunks WHERE load_id = $1`, b.id).Scan(&recorded); err != nil {
			return err
		}
		if recorded != chunks {
			return otherLoad("the file has changed since load %q began: it had %d chunks and has %d", b.id, recorded, chunks)
		}
		_, err = tx.Exec(ctx, `UPDATE headrace.loads SET finished_at = now() WHERE load_id = $1`, b.id)
		return err
	})
}
