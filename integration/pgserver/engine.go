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

// engine is the container engine that testcontainers finds: by DOCKER_HOST, the
// current context or the usual sockets.
type engine struct {
	*testcontainers.DockerClient

	hosts []string // where published ports may be reachable, the likeliest first
}

// connectEngine connects to the engine if there is one.
//
// It disables the reaper of testcontainers unless TESTCONTAINERS_RYUK_DISABLED
// is set. The reaper would require another image, and this package removes its
// containers by its watchdog and its sweep.
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

// publishedHosts returns the hosts at which ports of containers may be
// reachable. In a container, which the file /.dockerenv indicates, that is the
// gateway. The loopback address comes first, because that file may exist
// elsewhere, and containers may share the network of the machine.
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

// bindHost returns the loopback address if the program certainly runs on the
// machine of the engine, so that published ports are not open to the network.
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

// defaultGateway reads the routing table of Linux. Its addresses are
// hexadecimal numbers in the byte order of the machine, which is assumed to be
// little-endian.
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

// ownerLabel is the label for the process that must remove a container.
const ownerLabel = "headrace.pgserver.owner"

func ownerID() string {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	return fmt.Sprintf("%s/%d", host, os.Getpid())
}

// sweep removes containers whose process on this machine has ended without
// removing them, for systems without the command docker. It ignores errors.
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
