//go:build unix

package pgserver_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/headrace/headrace/integration/pgserver"
)

// binaries is an archive as in the repository. Its bin/initdb and bin/postgres
// are scripts that run those in $HEADRACE_TEST_BIN, because installed binaries
// cannot be moved.
//
//	printf '#!/bin/sh\nexec "$HEADRACE_TEST_BIN/${0##*/}" "$@"\n' | tee bin/initdb >bin/postgres
//	chmod 755 bin/* && tar --format=ustar -c bin/initdb bin/postgres | xz >binaries.txz
//
//go:embed testdata/binaries.txz
var binaries []byte

// Binaries are downloaded once from a Maven repository.
func TestDownload(t *testing.T) {
	major, bin := installed(t)
	t.Setenv("HEADRACE_TEST_BIN", bin)
	archive := jarOf(t, binaries)
	var requests atomic.Int32
	repository := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		switch {
		case !strings.HasPrefix(r.URL.Path, "/io/zonky/test/postgres/embedded-postgres-binaries-"+runtime.GOOS):
			http.NotFound(w, r)
		case strings.HasSuffix(r.URL.Path, ".jar"):
			_, _ = w.Write(archive)
		case strings.HasSuffix(r.URL.Path, ".jar.sha256"):
			sum := sha256.Sum256(archive)
			_, _ = w.Write([]byte(hex.EncodeToString(sum[:])))
		default:
			http.NotFound(w, r)
		}
	}))
	defer repository.Close()
	defer http.DefaultClient.CloseIdleConnections() // embedded-postgres uses it
	t.Setenv("TMPDIR", tempDirForServers(t))        // embedded-postgres leaves its log there
	t.Setenv("HEADRACE_SERVER", "download")
	t.Setenv("HEADRACE_POSTGRES_REPOSITORY", repository.URL)
	t.Setenv("HEADRACE_POSTGRES_CACHE", tempDirForServers(t))

	var log strings.Builder
	for range 2 {
		server := private(t, &pgserver.Options{Version: major, Log: &log})
		if got := value(t, server.ConnString(), "SELECT 'up'"); got != "up" {
			t.Error(got)
		}
		must(t, server.Close())
	}
	if got := requests.Load(); got != 2 {
		t.Errorf("%d requests for two servers, want one for the archive and one for its checksum", got)
	}
	if got := strings.Count(log.String(), "downloading PostgreSQL "+major); got != 1 {
		t.Errorf("the download was logged %d times, want once:\n%s", got, log.String())
	}
	if left, _ := filepath.Glob(filepath.Join(os.Getenv("HEADRACE_POSTGRES_CACHE"), "download-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// installed returns the folder of a PostgreSQL on this machine and its version.
func installed(t *testing.T) (major, bin string) {
	t.Helper()
	t.Setenv("HEADRACE_SERVER", "local")
	server := private(t, nil)
	must(t, server.Close())
	major, _, _ = strings.Cut(server.Version(), ".")
	return major, strings.TrimPrefix(server.Origin(), "from ")
}

// jarOf returns a jar (zip) with one archive, as the repository serves it.
func jarOf(t *testing.T, archive []byte) []byte {
	t.Helper()
	var file bytes.Buffer
	jar := zip.NewWriter(&file)
	entry, err := jar.Create("postgres-" + runtime.GOOS + ".txz")
	must(t, err)
	_, err = entry.Write(archive)
	must(t, err)
	must(t, jar.Close())
	return file.Bytes()
}
