package pgserver

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"

	"github.com/headrace/headrace/integration/internal/daemon"
)

// engine is a container engine, found as testcontainers finds it: DOCKER_HOST, the current context, the usual sockets.
type engine struct {
	*testcontainers.DockerClient

	hosts []string // where published ports may be, the likeliest first
}

// connectEngine connects to the engine if there is one.
//
// It turns testcontainers' reaper off, unless TESTCONTAINERS_RYUK_DISABLED says otherwise: that is one more image to
// have from a registry, and containers of this package are removed by its own watchdog and by its sweep.
func connectEngine(ctx context.Context) (*engine, error) {
	if _, set := os.LookupEnv("TESTCONTAINERS_RYUK_DISABLED"); !set {
		if err := os.Setenv("TESTCONTAINERS_RYUK_DISABLED", "true"); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var docker *testcontainers.DockerClient
	err := withoutBanner(func() (err error) {
		docker, err = testcontainers.NewDockerClientWithOpts(ctx)
		return err
	})
	if err != nil {
		return nil, absent("no container engine: %v", err)
	}
	if _, err := docker.Ping(ctx, client.PingOptions{}); err != nil {
		_ = docker.Close()
		return nil, absent("no container engine answers: %v", err)
	}
	return &engine{DockerClient: docker, hosts: publishedHosts(docker.DaemonHost())}, nil
}

// publishedHosts lists where the ports of containers can be reached. A program that is in a container itself, by the
// file /.dockerenv, finds them at its network's gateway; but that file also lies around where it means nothing, and
// containers may share the network of their machine, so the loopback address is tried too, and first.
func publishedHosts(engine string) []string {
	if host := os.Getenv("TESTCONTAINERS_HOST_OVERRIDE"); host != "" {
		return []string{host}
	}
	u, err := url.Parse(engine)
	if err == nil && u.Hostname() != "" && u.Scheme != "unix" && u.Scheme != "npipe" {
		return []string{u.Hostname()}
	}
	hosts := []string{daemon.Loopback}
	if inContainer() {
		if gateway, ok := defaultGateway(); ok {
			hosts = append(hosts, gateway)
		}
		hosts = append(hosts, "host.docker.internal")
	}
	return hosts
}

// bindHost keeps published ports off the network where the program is on the engine's machine for sure.
func (e *engine) bindHost() netip.Addr {
	if e.hosts[0] == daemon.Loopback && len(e.hosts) == 1 {
		return netip.MustParseAddr(daemon.Loopback)
	}
	return netip.Addr{}
}

func inContainer() bool {
	_, err := os.Stat("/.dockerenv")
	return err == nil
}

// defaultGateway reads Linux's routing table, where addresses are hexadecimal numbers in the machine's byte order;
// little-endian on all that run containers.
func defaultGateway() (string, bool) {
	table, err := os.ReadFile("/proc/net/route")
	if err != nil {
		return "", false
	}
	for line := range strings.Lines(string(table)) {
		fields := strings.Fields(line)
		if len(fields) < 3 || fields[1] != "00000000" {
			continue
		}
		address, err := strconv.ParseUint(fields[2], 16, 32)
		if err != nil {
			continue
		}
		return net.IPv4(byte(address), byte(address>>8), byte(address>>16), byte(address>>24)).String(), true
	}
	return "", false
}

// ownerLabel marks our containers with the process that has to remove them.
const ownerLabel = "headrace.pgserver.owner"

func ownerID() string {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	return fmt.Sprintf("%s/%d", host, os.Getpid())
}

// sweep removes containers whose process on this machine has died without doing so: the last resort where no watchdog
// could, on systems without Docker's command line. What it can't remove is left for the next time.
func (e *engine) sweep(ctx context.Context) {
	filters := make(client.Filters).Add("label", ownerLabel)
	found, err := e.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: filters})
	if err != nil {
		return
	}
	ownHost, _, _ := strings.Cut(ownerID(), "/")
	for _, c := range found.Items {
		host, digits, _ := strings.Cut(c.Labels[ownerLabel], "/")
		pid, err := strconv.Atoi(digits)
		if err != nil || host != ownHost || processExists(pid) {
			continue
		}
		_, _ = e.ContainerRemove(ctx, c.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	}
}
