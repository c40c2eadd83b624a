//go:build unix

package pgserver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	embedded "github.com/fergusstrange/embedded-postgres"

	"github.com/headrace/headrace/integration/internal/daemon"
)

// downloads are the available builds, by major version.
var downloads = map[string]embedded.PostgresVersion{
	"15": embedded.V15,
	"16": embedded.V16,
	"17": embedded.V17,
	"18": embedded.V18,
}

// startDownloaded starts a new cluster with downloaded binaries, from Maven
// Central or the repository in HEADRACE_POSTGRES_REPOSITORY. They stay in the
// cache folder.
func startDownloaded(ctx context.Context, opts *Options) (*Server, error) {
	major := cmp.Or(opts.Version, defaultVersion)
	version, ok := downloads[major]
	if !ok {
		return nil, absent("no PostgreSQL %s, only 15 to 18", major)
	}
	cache, err := downloadCache()
	if err != nil {
		return nil, absent("no cache folder: %v", err)
	}
	dir := filepath.Join(cache, "postgresql-"+string(version))
	if !hasBinaries(dir) {
		printLine(opts, fmt.Sprintf("pgserver: downloading PostgreSQL %s to %s\n", version, dir))
		if err := download(version, cache, dir); err != nil {
			return nil, absent("download PostgreSQL %s: %v", version, err)
		}
	}
	number, err := strconv.Atoi(major)
	if err != nil {
		return nil, err
	}
	return startBinaries(ctx, opts, binaries{dir: filepath.Join(dir, "bin"), major: number})
}

// downloadCache returns HEADRACE_POSTGRES_CACHE or the cache folder of the
// user. For root it is /var/cache/headrace, because the server runs as another
// user.
func downloadCache() (string, error) {
	cache := os.Getenv("HEADRACE_POSTGRES_CACHE")
	switch {
	case cache != "":
	case os.Geteuid() == 0:
		cache = "/var/cache/headrace"
	default:
		user, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		cache = filepath.Join(user, "headrace")
	}
	return cache, os.MkdirAll(cache, 0o755)
}

func hasBinaries(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "bin", "initdb"))
	return err == nil
}

// download downloads and unpacks a build. It renames a temporary folder when
// the build is complete, because other test binaries may download at the same
// time.
func download(version embedded.PostgresVersion, cache, dir string) error {
	work, err := os.MkdirTemp(cache, "download-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }()
	unpacked := filepath.Join(work, "postgresql")
	if err := unpack(version, work, unpacked); err != nil {
		return err
	}
	if err := os.Rename(unpacked, dir); err != nil && !hasBinaries(dir) {
		return err
	}
	return nil
}

// unpack unpacks a build with embedded-postgres. That package has no function
// to unpack only, and a server that it starts cannot be killed, paused or run
// by root. unpack therefore passes a locale that initdb rejects, after
// unpacking, and ignores the error if the binaries exist.
func unpack(version embedded.PostgresVersion, work, dir string) error {
	config := embedded.DefaultConfig().
		Version(version).
		Port(uint32(daemon.FreePort())).
		CachePath(work).
		RuntimePath(filepath.Join(work, "run")).
		BinariesPath(dir).
		Locale("none").
		Logger(io.Discard)
	if repository := os.Getenv("HEADRACE_POSTGRES_REPOSITORY"); repository != "" {
		config = config.BinaryRepositoryURL(repository)
	}
	server := embedded.NewDatabase(config)
	err := server.Start()
	if err == nil {
		err = errors.Join(errors.New("a server was started"), server.Stop())
	}
	if hasBinaries(dir) {
		return os.Chmod(dir, 0o755)
	}
	return err
}
