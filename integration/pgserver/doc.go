// Package pgserver starts PostgreSQL for tests, examples and benchmarks, from whatever this machine offers.
//
// [Start] takes the first that is there:
//
//  1. the server in DATABASE_URL: databases are created and dropped on it, nothing else is touched;
//  2. a container engine, through testcontainers-go: the image in HEADRACE_POSTGRES_IMAGE, else postgres:17-alpine, or
//     what "make image" built where no registry can be reached;
//  3. PostgreSQL installed here: initdb on PATH, where packages put it, or in HEADRACE_POSTGRES_DIR. Root is
//     dropped to the user postgres, or nobody;
//  4. the binaries of fergusstrange/embedded-postgres, downloaded once into the user's cache folder.
//
// The choice is printed once on standard error; HEADRACE_SERVER forces one. A machine that offers none gets an error
// that says what to install: tests are never skipped in silence.
//
// [Private] starts a server that a test may stop, kill, pause and restart on the same address.
//
// Servers don't outlive their program, not even one that was killed: a small process of their own waits for its end
// and stops what is left. See package pgtest for a database per test.
package pgserver
