//go:build unix

package pgserver_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/headrace/headrace/integration/pgserver"
)

// TestDownload fetches a server from a repository in the layout of Maven's. The archive holds programs that lead to the
// PostgreSQL of this machine, as moving real ones would only work for relocatable builds.
func TestDownload(t *testing.T) {
	major, bin := installed(t)
	archive := archiveOf(t, bin)
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
		t.Errorf("the download was announced %d times, want once:\n%s", got, log.String())
	}
	if left, _ := filepath.Glob(filepath.Join(os.Getenv("HEADRACE_POSTGRES_CACHE"), "download-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// installed is a PostgreSQL of this machine and its version.
func installed(t *testing.T) (major, bin string) {
	t.Helper()
	found, err := filepath.Glob("/usr/lib/postgresql/1[5-8]/bin")
	must(t, err)
	if len(found) == 0 {
		t.Skip("no PostgreSQL 15 to 18 in /usr/lib/postgresql")
	}
	return filepath.Base(filepath.Dir(found[0])), found[0]
}

// archiveOf makes what the repository serves: a jar (zip) with one tar.xz, of bin.
func archiveOf(t *testing.T, bin string) []byte {
	t.Helper()
	var archive bytes.Buffer
	jar := zip.NewWriter(&archive)
	entry, err := jar.Create("postgres-" + runtime.GOOS + ".txz")
	must(t, err)
	xz := exec.CommandContext(t.Context(), "xz", "--stdout")
	xz.Stdin = bytes.NewReader(tarOf(t, bin))
	xz.Stdout = entry
	must(t, xz.Run())
	must(t, jar.Close())
	return archive.Bytes()
}

func tarOf(t *testing.T, bin string) []byte {
	t.Helper()
	programs, err := fs.ReadDir(os.DirFS(bin), ".")
	must(t, err)
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, program := range programs {
		script := "#!/bin/sh\nexec " + filepath.Join(bin, program.Name()) + " \"$@\"\n"
		header := &tar.Header{Name: "bin/" + program.Name(), Mode: 0o755, Size: int64(len(script)), Typeflag: tar.TypeReg}
		must(t, w.WriteHeader(header))
		_, err := w.Write([]byte(script))
		must(t, err)
	}
	must(t, w.Close())
	return archive.Bytes()
}
