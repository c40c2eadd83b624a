package tablecache

import (
	"strings"

	"github.com/jackc/pgx/v5"
)

// The tables in the schema.
const (
	resultsTable  = "results"
	versionsTable = "versions"
	sweepsTable   = "sweeps"
)

// statements are the texts for one schema. Parameters have casts, so that all
// exec modes of pgx send them alike.
type statements struct {
	get, set, raise, makeVersions string
	claim, size, sample           string
	tables                        []string // quoted names of the tables with rows that expire
	remove                        []string // for each of tables
}

func newStatements(schema string) statements {
	quoted := func(table string) string { return pgx.Identifier{schema, table}.Sanitize() }
	names := strings.NewReplacer(
		"{results}", quoted(resultsTable),
		"{versions}", quoted(versionsTable),
		"{sweeps}", quoted(sweepsTable),
	)
	s := statements{
		get:          names.Replace(getSQL),
		set:          names.Replace(setSQL),
		raise:        names.Replace(raiseSQL),
		makeVersions: names.Replace(makeVersionsSQL),
		claim:        names.Replace(claimSQL),
		size:         sizeSQL,
		sample:       names.Replace(sampleSQL),
		tables:       []string{quoted(resultsTable), quoted(versionsTable)},
	}
	for _, table := range s.tables {
		s.remove = append(s.remove, strings.ReplaceAll(removeSQL, "{table}", table))
	}
	return s
}

const (
	// getSQL reads each version by a subquery, so that the plan uses the index
	// for any number of names.
	getSQL = `
SELECT r.value,
	coalesce((extract(epoch FROM r.expires - clock_timestamp()) * 1000000)::bigint, 0),
	ARRAY(
		SELECT coalesce((SELECT v.version FROM {versions} v WHERE v.name = n.name), 0)
		FROM unnest($2::text[]) WITH ORDINALITY n (name, i)
		ORDER BY n.i)
FROM (VALUES (1)) one
LEFT JOIN {results} r ON r.key = $1::text AND r.expires > clock_timestamp()`

	setSQL = `
INSERT INTO {results} (key, value, expires)
VALUES ($1::text, $2::bytea, clock_timestamp() + $3::bigint * interval '1 microsecond')
ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires = excluded.expires`

	insertVersions = `
INSERT INTO {versions} AS v (name, version, expires)
SELECT n.name, n.version, clock_timestamp() + $3::bigint * interval '1 microsecond'
FROM unnest($1::text[], $2::bigint[]) n (name, version)
ON CONFLICT (name)`

	raiseSQL = insertVersions + ` DO UPDATE SET version = excluded.version, expires = excluded.expires`

	// makeVersionsSQL updates a version that another process has just made to
	// itself: DO NOTHING would not return it.
	makeVersionsSQL = insertVersions + ` DO UPDATE SET version = v.version RETURNING v.name, v.version`

	// claimSQL affects a row if no pass has begun since $1. A time in the future
	// is from before the clock was set back.
	claimSQL = `
INSERT INTO {sweeps} AS s (id, began) VALUES (1, clock_timestamp())
ON CONFLICT (id) DO UPDATE SET began = excluded.began
WHERE s.began NOT BETWEEN clock_timestamp() - $1::bigint * interval '1 microsecond' AND clock_timestamp()`

	sizeSQL = `SELECT pg_relation_size($1::text::regclass) / current_setting('block_size')::bigint`

	// sampleSQL estimates, from $1 percent of the blocks, the time up to which
	// results must be removed to leave $2 bytes; NULL if there are not as many.
	// 100 bytes are those of a row without key and value, and its index entry.
	sampleSQL = `
SELECT max(expires) FILTER (WHERE upto - size < total - $2::bigint * $1::float8 / 100)
FROM (
	SELECT expires, size, sum(size) OVER (ORDER BY expires, key) AS upto, sum(size) OVER () AS total
	FROM (
		SELECT key, expires, octet_length(key) + pg_column_size(value) + 100 AS size
		FROM {results} TABLESAMPLE SYSTEM ($1::float8)
	) sampled
) ordered`

	// removeSQL removes rows that have expired, or expire up to $3, from the
	// blocks from $1 up to but not including $2. It waits for no lock.
	removeSQL = `
DELETE FROM {table}
WHERE ctid = ANY (ARRAY(
	SELECT ctid FROM {table}
	WHERE ctid >= $1::text::tid AND ctid < $2::text::tid
		AND expires <= greatest($3::timestamptz, clock_timestamp())
	LIMIT $4::bigint
	FOR UPDATE SKIP LOCKED))`
)
