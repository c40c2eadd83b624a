package db

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Errors of Open name the obstacle.
func TestOpenErrors(t *testing.T) {
	t.Parallel()
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	late, stop := context.WithTimeout(t.Context(), -1)
	defer stop()
	hooked := func(cfg *pgxpool.Config) {
		cfg.BeforeConnect = func(context.Context, *pgx.ConnConfig) error { return errors.New("no token\nfor you") }
	}
	for _, tt := range []struct {
		name string
		ctx  context.Context
		set  func(*pgxpool.Config)
		want string
		is   error
	}{
		{"cancelled", cancelled, nil, `db: connect to a:1, b:2 as user "me": the context was cancelled: context canceled`, context.Canceled},
		{"late", late, nil, `db: connect to a:1, b:2 as user "me": no answer in time: context deadline exceeded`, context.DeadlineExceeded},
		{"hook", t.Context(), hooked, `db: connect to a:1, b:2 as user "me": hook BeforeConnect: no token for you`, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg, err := pgxpool.ParseConfig("postgres://me@a:1,b:2/d")
			if err != nil {
				t.Fatal(err)
			}
			if tt.set != nil {
				tt.set(cfg)
			}
			if _, err = OpenConfig(tt.ctx, cfg, nil); err == nil || err.Error() != tt.want {
				t.Errorf("error %q, want %q", err, tt.want)
			}
			if tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("error %v is not %v", err, tt.is)
			}
		})
	}
}
