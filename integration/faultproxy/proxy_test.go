package faultproxy_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/headrace/headrace/integration/faultproxy"
)

// echo starts a server that returns the bytes that it receives.
func echo(t *testing.T) (addr string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				_, _ = io.Copy(conn, conn) // ends with the connection
				_ = conn.Close()
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		running.Wait()
	})
	return listener.Addr().String()
}

func start(t *testing.T, target string) *faultproxy.Proxy {
	t.Helper()
	proxy, err := faultproxy.Start(target)
	must(t, err)
	t.Cleanup(func() {
		if err := proxy.Close(); err != nil {
			t.Error(err)
		}
	})
	return proxy
}

func dial(t *testing.T, proxy *faultproxy.Proxy) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", proxy.Addr())
	must(t, err)
	must(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	t.Cleanup(func() { _ = conn.Close() })
	return conn.(*net.TCPConn)
}

// readNew reads a new connection to its end. A refused connection may be reset
// before dial returns.
func readNew(proxy *faultproxy.Proxy) error {
	conn, err := net.DialTimeout("tcp", proxy.Addr(), 10*time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	_, err = io.ReadAll(conn)
	return err
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestBytesPassUnchanged(t *testing.T) {
	t.Parallel()
	conn := dial(t, start(t, echo(t)))
	sent := bytes.Repeat([]byte("0123456789"), 100_000)
	var writing sync.WaitGroup
	writing.Go(func() {
		_, _ = conn.Write(sent) // the comparison below detects lost bytes
		_ = conn.CloseWrite()
	})
	got, err := io.ReadAll(conn)
	must(t, err)
	writing.Wait()
	if !bytes.Equal(got, sent) {
		t.Errorf("%d bytes came back, want the %d sent", len(got), len(sent))
	}
}

// A fault occurs after the same byte, whatever the size of the packets.
func TestFaultsOccurAtTheirByte(t *testing.T) {
	t.Parallel()
	target := echo(t)
	const text = "BEGIN; COMCOMMIT; SELECT"
	for _, test := range []struct {
		fault faultproxy.Fault
		want  string
	}{
		{faultproxy.Fault{After: []byte("COMMIT")}, "BEGIN; COMCOMMIT"},
		{faultproxy.Fault{After: []byte("COMMIT"), Plus: 3}, "BEGIN; COMCOMMIT; S"},
		{faultproxy.Fault{Plus: 4}, "BEGI"},
		{faultproxy.Fault{}, ""},
		{faultproxy.Fault{After: []byte("SELECT")}, text},
	} {
		for size := 1; size <= len(text); size++ {
			proxy := start(t, target)
			test.fault.Kind = faultproxy.Finish // so that the bytes before it can be read
			fired := proxy.Fail(test.fault)
			conn := dial(t, proxy)
			for rest := []byte(text); len(rest) > 0; rest = rest[min(size, len(rest)):] {
				if _, err := conn.Write(rest[:min(size, len(rest))]); err != nil {
					break // the proxy has closed the connection
				}
			}
			got, _ := io.ReadAll(conn)
			<-fired
			if string(got) != test.want {
				t.Errorf("%q + %d, in pieces of %d: passed %q, want %q", test.fault.After, test.fault.Plus, size, got, test.want)
			}
			_ = conn.Close()
		}
	}
}

func TestCutIsAReset(t *testing.T) {
	t.Parallel()
	proxy := start(t, echo(t))
	conn := dial(t, proxy)
	fired := proxy.Fail(faultproxy.Fault{Direction: faultproxy.ToClient, Plus: 2})
	_, err := conn.Write([]byte("hello"))
	must(t, err)
	<-fired
	if _, err := io.ReadAll(conn); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("read: %v, want a reset", err)
	}
	next := dial(t, proxy) // the fault occurs only once
	pingPong(t, next)
}

func TestHangIsSilence(t *testing.T) {
	t.Parallel()
	proxy := start(t, echo(t))
	conn := dial(t, proxy)
	fired := proxy.Fail(faultproxy.Fault{Kind: faultproxy.Hang})
	_, err := conn.Write([]byte("hello"))
	must(t, err)
	<-fired
	awaitSilence(t, conn)
}

func TestSilenceLosesNoBytes(t *testing.T) {
	t.Parallel()
	for _, direction := range []faultproxy.Direction{faultproxy.ToServer, faultproxy.ToClient} {
		proxy := start(t, echo(t))
		conn := dial(t, proxy)
		pingPong(t, conn)
		proxy.Silence(direction, true)
		_, err := conn.Write([]byte("late"))
		must(t, err)
		awaitSilence(t, conn)
		proxy.Silence(direction, false)
		got := make([]byte, 4)
		_, err = io.ReadFull(conn, got)
		must(t, err)
		if string(got) != "late" {
			t.Errorf("read %q after the silence", got)
		}
	}
}

func TestRefuseAndCutAll(t *testing.T) {
	t.Parallel()
	proxy := start(t, echo(t))
	conn := dial(t, proxy)
	pingPong(t, conn)
	proxy.Refuse(true)
	pingPong(t, conn) // open connections stay
	if err := readNew(proxy); err == nil {
		t.Error("a refused connection ended in good order")
	}
	proxy.CutAll()
	if _, err := io.ReadAll(conn); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("read after CutAll: %v, want a reset", err)
	}
	proxy.Refuse(false)
	pingPong(t, dial(t, proxy))
	if got := proxy.Accepted(); got != 3 {
		t.Errorf("Accepted() = %d, want 3", got)
	}
}

func TestLatencyAndBandwidth(t *testing.T) {
	t.Parallel()
	proxy := start(t, echo(t))
	conn := dial(t, proxy)
	proxy.Latency(50 * time.Millisecond)
	if took := timed(func() { pingPong(t, conn) }); took < 100*time.Millisecond {
		t.Errorf("a round trip took %v, want 100 ms at least", took)
	}
	proxy.Latency(0)
	proxy.Bandwidth(100_000)
	took := timed(func() {
		_, err := conn.Write(make([]byte, 20_000))
		must(t, err)
		_, err = io.ReadFull(conn, make([]byte, 20_000))
		must(t, err)
	})
	if took < 150*time.Millisecond {
		t.Errorf("20,000 bytes at 100,000 a second took %v, want about 200 ms at least", took)
	}
}

func timed(do func()) time.Duration {
	start := time.Now()
	do()
	return time.Since(start)
}

func pingPong(t *testing.T, conn net.Conn) {
	t.Helper()
	_, err := conn.Write([]byte("ping"))
	must(t, err)
	got := make([]byte, 4)
	_, err = io.ReadFull(conn, got)
	must(t, err)
}

func awaitSilence(t *testing.T, conn net.Conn) {
	t.Helper()
	must(t, conn.SetReadDeadline(time.Now().Add(100*time.Millisecond)))
	if n, err := conn.Read(make([]byte, 1)); n > 0 || err == nil || !isTimeout(err) {
		t.Errorf("read %d bytes, error %v; want silence", n, err)
	}
	must(t, conn.SetReadDeadline(time.Now().Add(10*time.Second)))
}

func isTimeout(err error) bool {
	var netErr net.Error
	return errors.As(err, &netErr) && netErr.Timeout()
}
