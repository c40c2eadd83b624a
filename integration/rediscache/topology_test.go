//go:build unix

package rediscache_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/headrace/headrace/integration/redisserver"
	"github.com/headrace/headrace/integration/tiertest"
	"github.com/headrace/headrace/querycache/rediscache"
)

// Sentinel promotes the replica of a primary that dies.
func TestSentinel(t *testing.T) {
	t.Parallel()
	primary := redisserver.New(t, nil)
	host, port, _ := strings.Cut(primary.Addr(), ":")
	replica := redisserver.New(t, &redisserver.Options{Settings: map[string]string{"replicaof": host + " " + port}})
	sentinel := redisserver.New(t, &redisserver.Options{Sentinel: []string{
		"monitor main " + host + " " + port + " 1", "down-after-milliseconds main 500", "failover-timeout main 5000",
	}})
	eventually(t, "the replica is in step", func() bool {
		return strings.Contains(do(t, replica, "INFO", "replication"), "master_link_status:up")
	})
	eventually(t, "Sentinel knows the replica", func() bool {
		return strings.Contains(do(t, sentinel, "SENTINEL", "REPLICAS", "main"), replica.Addr())
	})
	opts := options(sentinel.Addr())
	opts.Client.Sentinel.MasterSet = "main"
	tier := open(t, opts)
	raises := tiertest.Listen(t, tier)
	must(t, tier.Raise(t.Context(), []string{"a"}))
	before := raises.Lost()
	primary.Kill()
	eventually(t, "the replica takes over", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := tier.Get(ctx, "key", []string{"a"})
		if err == nil && raises.Lost() == before {
			t.Error("read from the new primary, and no loss reported")
		}
		return err == nil
	})
	must(t, tier.Raise(t.Context(), []string{"a"}))

	opts.Client.Sentinel.MasterSet = "unknown"
	_, err := rediscache.New(t.Context(), opts)
	t.Log(err)
	if redisErr := (*rueidis.RedisError)(nil); !errors.As(err, &redisErr) {
		t.Errorf("error %v of a set that Sentinel does not know", err)
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	server := redisserver.New(t, nil)
	certified := httptest.NewTLSServer(nil)
	t.Cleanup(certified.Close)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", certified.TLS)
	must(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go forward(client, server.Addr())
		}
	}()

	opts := options(listener.Addr().String())
	opts.Client.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: x509.NewCertPool()}
	_, err = rediscache.New(t.Context(), opts)
	t.Log(err)
	if verifyErr := (*tls.CertificateVerificationError)(nil); !errors.As(err, &verifyErr) {
		t.Errorf("error %v, want that of the certificate", err)
	}
	opts.Client.TLSConfig.RootCAs.AddCert(certified.Certificate())
	get(t, open(t, opts), "key", "a")
}

// forward copies between a client and a server until one of them ends.
func forward(client net.Conn, server string) {
	defer func() { _ = client.Close() }()
	conn, err := net.Dial("tcp", server)
	if err != nil {
		return
	}
	go func() {
		_, _ = io.Copy(conn, client)
		_ = conn.Close()
	}()
	_, _ = io.Copy(client, conn)
}
