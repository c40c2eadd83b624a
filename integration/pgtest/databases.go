package pgtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/integration/pgserver"
)

// shared is the server of this test binary. It is a variable because package
// testing has no state for all tests of a binary.
var shared = databases{prefix: fmt.Sprintf("headrace_%08x", rand.Uint32())}

// databases creates and drops databases on a server. The first database starts
// the server.
type databases struct {
	prefix string // of each name: other test binaries may use the same server

	mu        sync.Mutex // guards the fields below; held while the server starts, not while databases are created
	server    *pgserver.Server
	startErr  error // a failed start is not repeated for each test
	count     int
	templates map[string]*template
}

// template is a database that is filled once and then copied.
type template struct {
	once sync.Once
	name string
	err  error
}

// start returns the server, which outlives the context of the first test.
func (d *databases) start(ctx context.Context) (*pgserver.Server, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.server == nil && d.startErr == nil {
		d.server, d.startErr = pgserver.Start(context.WithoutCancel(ctx), nil)
	}
	return d.server, d.startErr
}

func (d *databases) create(ctx context.Context, template string) (connString, name string, err error) {
	server, err := d.start(ctx)
	if err != nil {
		return "", "", err
	}
	name = d.nextName()
	create := fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s", quote(name), quote(template))
	if err := execute(ctx, server, create); err != nil {
		return "", "", err
	}
	return server.ConnStringFor(name), name, nil
}

func (d *databases) nextName() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.count++
	return fmt.Sprintf("%s_%d", d.prefix, d.count)
}

// drop drops a database. It returns an error if connections to it are open.
func (d *databases) drop(ctx context.Context, name string) error {
	left, err := d.connectionsLeft(ctx, name)
	drop := fmt.Sprintf("DROP DATABASE %s WITH (FORCE)", quote(name))
	if dropErr := execute(ctx, d.server, drop); dropErr != nil {
		err = errors.Join(err, fmt.Errorf("drop the database: %w", dropErr))
	}
	if len(left) > 0 {
		err = errors.Join(err, fmt.Errorf("the test left %d connections open: %s", len(left), strings.Join(left, "; ")))
	}
	return err
}

// connectionsLeft returns the connections to a database that stay open. It
// waits for a while, because the server sees the end of a connection later than
// the client that closes it.
func (d *databases) connectionsLeft(ctx context.Context, name string) ([]string, error) {
	const patience = 3 * time.Second
	conn, err := pgx.Connect(ctx, d.server.ConnString())
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(ctx) }()
	const query = `
SELECT format('%s, last statement: %s', coalesce(state, 'starting'), left(query, 100))
FROM pg_stat_activity
WHERE datname = $1 AND backend_type = 'client backend'`
	deadline := time.Now().Add(patience)
	for {
		rows, err := conn.Query(ctx, query, name)
		if err != nil {
			return nil, err
		}
		left, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil || len(left) == 0 || time.Now().After(deadline) {
			return left, err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// template returns the name of the template with the given key. The first
// caller creates it; others wait.
func (d *databases) template(ctx context.Context, key string, fill func(context.Context, string) error) (string, error) {
	d.mu.Lock()
	if d.templates == nil {
		d.templates = make(map[string]*template)
	}
	t := d.templates[key]
	if t == nil {
		t = new(template)
		d.templates[key] = t
	}
	d.mu.Unlock()
	t.once.Do(func() {
		var connString string
		if connString, t.name, t.err = d.create(ctx, "template0"); t.err == nil {
			t.err = fill(ctx, connString)
		}
	})
	return t.name, t.err
}

// close drops the templates, because the server may outlive this process, and
// closes the server.
func (d *databases) close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.server == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), cleanupTimeout)
	defer cancel()
	var errs []error
	for key, t := range d.templates {
		if t.name == "" {
			continue
		}
		if err := execute(ctx, d.server, fmt.Sprintf("DROP DATABASE %s WITH (FORCE)", quote(t.name))); err != nil {
			errs = append(errs, fmt.Errorf("drop template %q: %w", key, err))
		}
	}
	return errors.Join(append(errs, d.server.Close())...)
}

// execute executes a statement on a new connection. CREATE and DROP DATABASE
// take longer than connecting.
func execute(ctx context.Context, server *pgserver.Server, sql string) error {
	conn, err := pgx.Connect(ctx, server.ConnString())
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	_, err = conn.Exec(ctx, sql)
	return err
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }
