//go:build unix

package tablecache_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/headrace/headrace/integration/pgbouncer"
	"github.com/headrace/headrace/integration/tiertest"
	"github.com/headrace/headrace/querycache"
)

// Behind PgBouncer the exec mode must be one without prepared statements.
func TestBehindPgBouncer(t *testing.T) {
	t.Parallel()
	direct, _ := installed(t)
	at, err := url.Parse(direct)
	if err != nil {
		t.Fatal(err)
	}
	bouncer := pgbouncer.New(t, direct, &pgbouncer.Options{Mode: pgbouncer.Transaction, Settings: map[string]string{"default_pool_size": "4"}})
	through := bouncer.ConnString(strings.TrimPrefix(at.Path, "/")) + "&default_query_exec_mode=exec"
	tiertest.Run(t, func(t *testing.T) querycache.Tier { return open(t, through, nil) })
}
