package tablecache_test

import (
	"testing"

	"github.com/headrace/headrace/integration/tiertest"
	"github.com/headrace/headrace/querycache"
)

// The statements work in all modes of pgx.
func TestExecModes(t *testing.T) {
	t.Parallel()
	url, _ := installed(t)
	for _, mode := range []string{"cache_describe", "describe_exec", "exec", "simple_protocol"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			tiertest.Run(t, func(t *testing.T) querycache.Tier { return open(t, url+"&default_query_exec_mode="+mode, nil) })
		})
	}
}
