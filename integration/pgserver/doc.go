// Package pgserver starts PostgreSQL for tests, examples and benchmarks.
//
// [Start] uses the first of these sources that is available:
//
//  1. the server in DATABASE_URL; tests only create and drop databases on it;
//  2. a container engine, through testcontainers-go, with the image in
//     HEADRACE_POSTGRES_IMAGE, postgres:17-alpine, or the image that "make
//     image" builds without a registry;
//  3. PostgreSQL on this machine: initdb in HEADRACE_POSTGRES_DIR, on PATH, or
//     where packages install it. For root, the server runs as the user postgres
//     or nobody;
//  4. the binaries of fergusstrange/embedded-postgres, downloaded once to the
//     cache folder of the user.
//
// The choice is printed once on standard error. HEADRACE_SERVER selects a
// source. If no source is available, the error says what to install; tests are
// not skipped.
//
// [Private] starts a server that a test may stop, kill, pause and restart at
// the same address.
//
// A server ends with its program, even if the program is killed: a separate
// process waits for its end and removes the server. Package pgtest creates a
// database per test.
package pgserver
