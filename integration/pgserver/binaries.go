package pgserver

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// binaries is a folder with initdb and postgres.
type binaries struct {
	dir   string
	major int
}

// installations are the folders outside PATH in which packages install
// PostgreSQL.
var installations = []string{
	"/usr/lib/postgresql/*/bin",                                   // Debian, Ubuntu
	"/usr/pgsql-*/bin",                                            // Fedora and RHEL, from postgresql.org
	"/usr/libexec/postgresql*",                                    // Alpine
	"/opt/homebrew/opt/postgresql@*/bin",                          // macOS on ARM
	"/usr/local/opt/postgresql@*/bin",                             // macOS on Intel
	"/Applications/Postgres.app/Contents/Versions/[0-9][0-9]/bin", // Postgres.app
	"/usr/local/pgsql/bin",                                        // built from source
}

// findBinaries looks in HEADRACE_POSTGRES_DIR, on PATH and in installations. It
// returns the wanted version, or without one the newest, from the first of
// these that has it.
func findBinaries(ctx context.Context, version string) (binaries, error) {
	var seen []string
	for _, candidates := range [][]string{fromEnvironment(), fromPath(), fromInstallations()} {
		var found []binaries
		for _, dir := range candidates {
			b, err := inspectBinaries(ctx, dir)
			if err != nil {
				continue
			}
			seen = append(seen, fmt.Sprintf("%d in %s", b.major, dir))
			if version == "" || strconv.Itoa(b.major) == version {
				found = append(found, b)
			}
		}
		if len(found) > 0 {
			return slices.MaxFunc(found, func(a, b binaries) int { return cmp.Compare(a.major, b.major) }), nil
		}
	}
	switch {
	case len(seen) > 0:
		return binaries{}, absent("no PostgreSQL %s, only %s", version, strings.Join(seen, ", "))
	default:
		return binaries{}, absent("no initdb in HEADRACE_POSTGRES_DIR, on PATH, or where packages install it")
	}
}

// fromEnvironment returns the folders in HEADRACE_POSTGRES_DIR. Each may be a
// bin folder, contain one, or contain folders of versions with one.
func fromEnvironment() []string {
	var dirs []string
	for _, dir := range filepath.SplitList(os.Getenv("HEADRACE_POSTGRES_DIR")) {
		dirs = append(dirs, dir, filepath.Join(dir, "bin"))
		below, _ := filepath.Glob(filepath.Join(dir, "*", "bin")) // the only error is a bad pattern
		dirs = append(dirs, below...)
	}
	return dirs
}

func fromPath() []string {
	initdb, err := exec.LookPath("initdb")
	if err != nil {
		return nil
	}
	if target, err := filepath.EvalSymlinks(initdb); err == nil {
		initdb = target // postgres is in the folder of the file, not of the link
	}
	return []string{filepath.Dir(initdb)}
}

func fromInstallations() []string {
	var dirs []string
	for _, pattern := range installations {
		found, _ := filepath.Glob(pattern) // the only error is a bad pattern
		dirs = append(dirs, found...)
	}
	return dirs
}

func inspectBinaries(ctx context.Context, dir string) (binaries, error) {
	if _, err := os.Stat(filepath.Join(dir, "initdb")); err != nil {
		return binaries{}, err
	}
	out, err := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version").Output()
	if err != nil {
		return binaries{}, err
	}
	// "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"
	_, rest, _ := strings.Cut(string(out), ") ")
	digits := rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789"))]
	major, err := strconv.Atoi(digits)
	if err != nil {
		return binaries{}, fmt.Errorf("unknown version %q", out)
	}
	return binaries{dir: dir, major: major}, nil
}
