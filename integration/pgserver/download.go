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

// downloads are the builds that are fetched, by major version.
var downloads = map[string]embedded.PostgresVersion{
	"15": embedded.V15,
	"16": embedded.V16,
	"17": embedded.V17,
	"18": embedded.V18,
}

// startDownloaded runs a new cluster with binaries that are downloaded once, from Maven's central repository or from
// the one in HEADRACE_POSTGRES_REPOSITORY, and then kept in the cache folder of the user.
func startDownloaded(ctx context.Context, opts *Options) (*Server, error) {
	major := cmp.Or(opts.Version, defaultVersion)
	version, ok := downloads[major]
	if !ok {
		return nil, absent("PostgreSQL %s is wanted, and 15 to 18 can be had", major)
	}
	cache, err := downloadCache()
	if err != nil {
		return nil, absent("no place to keep binaries: %v", err)
	}
	dir := filepath.Join(cache, "postgresql-"+string(version))
	if !hasBinaries(dir) {
		say(opts, fmt.Sprintf("pgserver: downloading PostgreSQL %s to %s\n", version, dir))
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

// downloadCache is HEADRACE_POSTGRES_CACHE, or the user's cache folder. Root's own is closed to the user under whom the
// server runs.
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

// download fetches and unpacks a build, in a folder of its own until all of it is there, since another test binary may
// be doing the same.
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

// unpack has embedded-postgres put its binaries into a folder. It can't be asked for them alone, and the server that it
// would go on to start could not be killed, paused, or run by root. So it is given a locale that initdb refuses, which
// comes after unpacking; whether the binaries are there is what counts.
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
