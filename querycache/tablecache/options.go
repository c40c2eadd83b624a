package tablecache

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/db"
)

// DefaultSchema is the schema of the tables if none is given.
const DefaultSchema = "headrace_cache"

// Options configures [New]. The zero value, and a nil *Options, mean the
// defaults.
type Options struct {
	// Schema contains the tables. Programs with different schemas share
	// nothing. Default: [DefaultSchema].
	Schema string

	// MaxBytes bounds the bytes of keys and values as the server stores them,
	// usually compressed; rows beyond it are removed in the order in which they
	// expire. It is checked at each pass (see SweepEvery), and each time this
	// process has set an eighth of it; for tables of more than 8 MB it is
	// estimated from a sample. On disk, a table also has indexes and dead rows.
	// Set rejects a value of more than MaxBytes. If processes have different
	// bounds, the least applies. Default: 256 MB.
	MaxBytes int64

	// SweepEvery is the time between two passes over the tables that remove
	// expired rows. All processes together make one. Default: 1 minute.
	SweepEvery time.Duration

	// BeforeConnect may change the configuration of each new connection, for
	// example to set a password of limited lifetime, as the hook of
	// [pgxpool.Config] does.
	BeforeConnect func(ctx context.Context, cfg *pgx.ConnConfig) error

	// Logger receives a warning for each failed pass. Default slog.Default().
	Logger *slog.Logger
}

const (
	defaultMaxBytes   = 256 << 20
	defaultSweepEvery = time.Minute
	// defaultConns is the number of connections if the connection string does
	// not set pool_max_conns. The calls are short, and each process has as many.
	defaultConns = 4
)

func (o *Options) withDefaults() (Options, error) {
	var own Options
	if o != nil {
		own = *o
	}
	if own.Schema == "" {
		own.Schema = DefaultSchema
	}
	if own.MaxBytes == 0 {
		own.MaxBytes = defaultMaxBytes
	}
	if own.SweepEvery == 0 {
		own.SweepEvery = defaultSweepEvery
	}
	if own.Logger == nil {
		own.Logger = slog.Default()
	}
	switch {
	case own.MaxBytes < 0:
		return own, fmt.Errorf("Options.MaxBytes is %d, want a positive number", own.MaxBytes)
	case own.SweepEvery < 0:
		return own, fmt.Errorf("Options.SweepEvery is %v, want a positive duration", own.SweepEvery)
	}
	return own, checkSchema(own.Schema)
}

// maxName is the length of the longest name in bytes (NAMEDATALEN - 1).
const maxName = 63

func checkSchema(schema string) error {
	switch {
	case schema == "":
		return fmt.Errorf("the schema has no name")
	case len(schema) > maxName:
		return fmt.Errorf("schema name %q has %d bytes, the limit is %d", schema, len(schema), maxName)
	case !utf8.ValidString(schema):
		return fmt.Errorf("schema name %q is not valid UTF-8", schema)
	case strings.ContainsFunc(schema, unicode.IsControl):
		return fmt.Errorf("schema name %q contains control characters", schema)
	}
	return nil
}

func poolConfig(connString string, o Options) (*pgxpool.Config, error) {
	cfg, err := pgxpool.ParseConfig(connString)
	if err != nil {
		return nil, fmt.Errorf("parse the connection string: %w", err) // pgx hides the password
	}
	db.ApplyDefaults(cfg)
	parsed, err := pgconn.ParseConfig(connString) // leaves the pool's settings in RuntimeParams
	if err != nil {
		return nil, fmt.Errorf("parse the connection string: %w", err)
	}
	if _, given := parsed.RuntimeParams["pool_max_conns"]; !given {
		cfg.MaxConns = max(defaultConns, cfg.MinConns)
	}
	if params := cfg.ConnConfig.RuntimeParams; params["application_name"] == "" {
		params["application_name"] = "headrace tablecache"
	}
	cfg.BeforeConnect = o.BeforeConnect
	return cfg, nil
}
