package pgserver

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/log"
	"github.com/testcontainers/testcontainers-go/modules/postgres"

	"github.com/headrace/headrace/integration/internal/daemon"
)

// dockerized is a server in a container.
type dockerized struct {
	engine   *engine
	ctr      testcontainers.Container
	address  address
	watchdog *daemon.Watchdog
}

// startContainer starts a new cluster in a container.
func startContainer(ctx context.Context, opts *Options) (*Server, error) {
	e, err := connectEngine(ctx)
	if err != nil {
		return nil, err
	}
	server, err := e.startServer(ctx, opts)
	if err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return server, nil
}

func (e *engine) startServer(ctx context.Context, opts *Options) (*Server, error) {
	image, err := e.chooseImage(ctx, opts)
	if err != nil {
		return nil, err
	}
	e.sweep(ctx)
	d, err := e.run(ctx, image, opts)
	if err != nil {
		return nil, fmt.Errorf("container of %s: %w", image, err)
	}
	version, err := d.awaitReady(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("container of %s: %w", image, err), d.remove(ctx))
	}
	return &Server{address: d.address, version: version, origin: "container of " + image, instance: d}, nil
}

// run starts a container on a port that it chooses, because a port that the
// engine chooses changes at a restart. It retries if the port is taken.
func (e *engine) run(ctx context.Context, image string, opts *Options) (*dockerized, error) {
	const tries = 20
	for range tries {
		d, err := e.runOn(ctx, daemon.FreePort(), image, opts)
		if err == nil || !isPortTaken(err) {
			return d, err
		}
	}
	return nil, fmt.Errorf("%w, %d times in a row", daemon.ErrPortTaken, tries)
}

func isPortTaken(err error) bool {
	return strings.Contains(err.Error(), "port is already allocated") ||
		strings.Contains(err.Error(), "address already in use")
}

func (e *engine) runOn(ctx context.Context, port int, image string, opts *Options) (*dockerized, error) {
	password := opts.Password
	if password == "" {
		password = rand.Text() // the port may be open to the network
	}
	ctr, err := postgres.Run(ctx, image,
		postgres.WithPassword(password),
		testcontainers.WithLogger(log.NewNoopLogger()),
		testcontainers.WithCmd("postgres"), // instead of the module's -c fsync=off
		testcontainers.WithEnv(map[string]string{
			"POSTGRES_INITDB_ARGS": "--encoding=UTF8 --locale=C.UTF-8 --no-sync",
		}),
		testcontainers.WithLabels(map[string]string{ownerLabel: ownerID()}),
		testcontainers.WithFiles(testcontainers.ContainerFile{
			Reader:            strings.NewReader(settingsScript(opts)),
			ContainerFilePath: "/docker-entrypoint-initdb.d/pgserver.sh",
			FileMode:          0o755,
		}),
		testcontainers.WithHostConfigModifier(func(config *container.HostConfig) {
			config.PortBindings = network.PortMap{serverPort: {{HostIP: e.bindHost(), HostPort: strconv.Itoa(port)}}}
			config.ShmSize = 256 << 20 // the engine's 64 MB are too few for parallel queries
		}),
	)
	if ctr == nil {
		return nil, err
	}
	d := &dockerized{engine: e, ctr: ctr, address: newAddress(e.hosts[0], port, password)}
	if err == nil {
		d.watchdog, err = watchContainer(e.DaemonHost(), ctr.GetContainerID())
	}
	if err != nil {
		return nil, errors.Join(err, d.removeContainer(ctx))
	}
	return d, nil
}

// serverPort is where servers listen in containers.
var serverPort = network.MustParsePort("5432/tcp")

// settingsScript has the image's entrypoint append the settings to
// postgresql.conf.
func settingsScript(opts *Options) string {
	return "#!/bin/sh\ncat >>\"$PGDATA/postgresql.conf\" <<'end of settings'\n" +
		configuration(opts, nil) + "end of settings\n"
}

// readyTimeout bounds the start of a container. Several at once on a busy
// machine have taken half a minute.
const readyTimeout = 2 * time.Minute

// awaitReady retries the possible hosts until the server responds at one of
// them.
func (d *dockerized) awaitReady(ctx context.Context) (version string, err error) {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	for {
		var failures []string
		for _, host := range d.engine.hosts {
			addr := d.address.withHost(host)
			attempt, cancel := context.WithTimeout(ctx, 2*time.Second)
			version, err = addr.show(attempt, "server_version")
			cancel()
			if err == nil {
				d.address = addr
				return version, nil
			}
			failures = append(failures, strings.Join(strings.Fields(err.Error()), " "))
		}
		if state, stateErr := d.ctr.State(ctx); stateErr == nil && !state.Running {
			return "", fmt.Errorf("the server ended at once: %s", d.lastLog(ctx))
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("connect to the started server: %w: %s", ctx.Err(), strings.Join(failures, "; "))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// lastLog returns the end of the log.
func (d *dockerized) lastLog(ctx context.Context) []byte {
	const enough = 2000
	logs, err := d.ctr.Logs(ctx)
	if err != nil {
		return []byte(err.Error())
	}
	defer func() { _ = logs.Close() }()
	text, err := io.ReadAll(logs)
	if err != nil {
		return []byte(err.Error())
	}
	return bytes.TrimSpace(text[max(0, len(text)-enough):])
}

func (d *dockerized) id() string { return d.ctr.GetContainerID() }

func (d *dockerized) start(ctx context.Context) error {
	_, err := d.engine.ContainerStart(ctx, d.id(), client.ContainerStartOptions{})
	return err
}

// stop performs a fast shutdown. SIGTERM, the default of the engine, would wait
// until all clients disconnect.
func (d *dockerized) stop(ctx context.Context) error {
	if err := d.resume(ctx); err != nil {
		return err
	}
	_, err := d.engine.ContainerStop(ctx, d.id(), client.ContainerStopOptions{Signal: "SIGINT"})
	return err
}

func (d *dockerized) kill(ctx context.Context) error {
	state, err := d.ctr.State(ctx)
	if err != nil || !state.Running {
		return err
	}
	if err := d.resume(ctx); err != nil { // engines do not kill paused containers
		return err
	}
	_, err = d.engine.ContainerKill(ctx, d.id(), client.ContainerKillOptions{Signal: "SIGKILL"})
	if err != nil {
		return err
	}
	for { // the engine returns before the processes have ended
		state, err := d.ctr.State(ctx)
		if err != nil || !state.Running {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// pause retries, because on a busy machine the kernel may not freeze all
// processes within the time limit of the engine.
func (d *dockerized) pause(ctx context.Context) (err error) {
	for range 5 {
		_, err = d.engine.ContainerPause(ctx, d.id(), client.ContainerPauseOptions{})
		if err == nil || ctx.Err() != nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	return err
}

func (d *dockerized) resume(ctx context.Context) error {
	state, err := d.ctr.State(ctx)
	if err != nil || !state.Paused {
		return err
	}
	_, err = d.engine.ContainerUnpause(ctx, d.id(), client.ContainerUnpauseOptions{})
	return err
}

func (d *dockerized) remove(ctx context.Context) error {
	err := d.removeContainer(ctx)
	d.watchdog.Dismiss()
	return errors.Join(err, d.engine.Close())
}

func (d *dockerized) removeContainer(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeTimeout)
	defer cancel()
	_, err := d.engine.ContainerRemove(ctx, d.id(), client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	return err
}

const removeTimeout = 30 * time.Second

// quiet guards the global logger of testcontainers, which withoutBanner
// replaces. The first client would otherwise print a page about the engine.
var quiet sync.Mutex

func withoutBanner(do func() error) error {
	quiet.Lock()
	defer quiet.Unlock()
	previous := log.Default()
	log.SetDefault(log.NewNoopLogger())
	defer log.SetDefault(previous)
	return do()
}
