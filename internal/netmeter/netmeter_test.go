package netmeter

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestFigures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		conn, err := Dial(func(context.Context, string, string) (net.Conn, error) { return ours, nil })(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			_, _ = theirs.Read(make([]byte, 5))
			time.Sleep(time.Second)
			_, _ = theirs.Write([]byte("abc"))
		}()
		_, _ = conn.Write([]byte("hello"))
		before := Of(conn).Figures()
		_, _ = conn.Read(make([]byte, 10))
		if got, want := Of(conn).Figures().Since(before), (Figures{Bytes: 3, Time: time.Second}); got != want {
			t.Errorf("reading counted %+v, want %+v", got, want)
		}
		if before.Bytes != 5 {
			t.Errorf("writing counted %+v, want 5 bytes", before)
		}
		before = Of(conn).Figures()
		go func() {
			time.Sleep(time.Minute)
			_, _ = io.ReadFull(theirs, make([]byte, mayBlock))
		}()
		_, _ = conn.Write(make([]byte, mayBlock))
		if got, want := Of(conn).Figures().Since(before), (Figures{Bytes: mayBlock, Time: time.Minute}); got != want {
			t.Errorf("a long write counted %+v, want %+v", got, want)
		}
	})
}

func TestOf(t *testing.T) {
	ours, _ := net.Pipe()
	conn := &Conn{Conn: ours}
	if Of(tls.Client(conn, &tls.Config{ServerName: "x"})) != conn {
		t.Error("the connection under TLS is not found")
	}
	if Of(ours) != nil {
		t.Error("a connection that is not measured is found")
	}
	if got := Of(ours).Figures(); got != (Figures{}) {
		t.Errorf("no connection counted %+v", got)
	}
}

// Programs that set socket options find the socket.
func TestSyscallConn(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	conn, err := Dial((&net.Dialer{}).DialContext)(t.Context(), "tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	raw, err := conn.(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(uintptr) {}); err != nil {
		t.Error(err)
	}
	pipe, _ := net.Pipe()
	if _, err := (&Conn{Conn: pipe}).SyscallConn(); err == nil {
		t.Error("a pipe has a socket")
	}
}
