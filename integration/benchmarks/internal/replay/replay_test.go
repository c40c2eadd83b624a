package replay

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"
)

// connect opens a pgx connection through dial.
func connect(t *testing.T, dial Dialer) *pgx.Conn {
	t.Helper()
	cfg, err := pgx.ParseConfig("postgres://u@nowhere/d?sslmode=disable&default_query_exec_mode=exec")
	if err != nil {
		t.Fatal(err)
	}
	cfg.DialFunc = dial
	cfg.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil }
	conn, err := pgx.ConnectConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// countingServer answers the nth query with the number n.
func countingServer(t *testing.T) Dialer {
	return func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		t.Cleanup(func() { _ = server.Close() })
		go serve(pgproto3.NewBackend(server, server))
		return client, nil
	}
}

func serve(b *pgproto3.Backend) {
	if _, err := b.ReceiveStartupMessage(); err != nil {
		return
	}
	b.Send(&pgproto3.AuthenticationCleartextPassword{})
	_ = b.Flush()
	_, _ = b.Receive()
	b.Send(&pgproto3.AuthenticationOk{})
	b.Send(&pgproto3.ParameterStatus{Name: "client_encoding", Value: "UTF8"})
	b.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
	_ = b.Flush()
	for n := byte('1'); ; {
		message, err := b.Receive()
		if err != nil {
			return
		}
		if _, ok := message.(*pgproto3.Sync); !ok {
			continue
		}
		b.Send(&pgproto3.ParseComplete{})
		b.Send(&pgproto3.BindComplete{})
		b.Send(&pgproto3.RowDescription{Fields: []pgproto3.FieldDescription{{Name: []byte("n"), DataTypeOID: 23, DataTypeSize: 4}}})
		b.Send(&pgproto3.DataRow{Values: [][]byte{{n}}})
		b.Send(&pgproto3.CommandComplete{CommandTag: []byte("SELECT 1")})
		b.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
		_ = b.Flush()
		n++
	}
}

func ask(t *testing.T, conn *pgx.Conn, sql string) int {
	t.Helper()
	var n int
	if err := conn.QueryRow(t.Context(), sql).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestReplayAnswersWhatWasAsked(t *testing.T) {
	recording := NewRecording()
	live := connect(t, recording.Record(countingServer(t)))
	if n := ask(t, live, "a"); n != 1 {
		t.Fatalf("live a is %d", n)
	}
	if n := ask(t, live, "b"); n != 2 {
		t.Fatalf("live b is %d", n)
	}
	// Another connection, in another order, again and again.
	replayed := connect(t, recording.Replay())
	for range 3 {
		if n := ask(t, replayed, "b"); n != 2 {
			t.Errorf("replayed b is %d, want 2", n)
		}
		if n := ask(t, replayed, "a"); n != 1 {
			t.Errorf("replayed a is %d, want 1", n)
		}
	}
}

func TestReplayRefusesTheUnknown(t *testing.T) {
	recording := NewRecording()
	live := connect(t, recording.Record(countingServer(t)))
	ask(t, live, "a")
	replayed := connect(t, recording.Replay())
	var n int
	err := replayed.QueryRow(t.Context(), "never asked").Scan(&n)
	if err == nil || !strings.Contains(err.Error(), "nothing recorded") {
		t.Fatalf("error %v", err)
	}
}

func TestPlayerBreaksOffAtItsDeadline(t *testing.T) {
	p := newPlayer(NewRecording())
	go func() { _ = p.SetDeadline(time.Unix(1, 0)) }()
	_, err := p.Read(make([]byte, 1))
	var timeout net.Error
	if !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Fatalf("error %v, want a timeout", err)
	}
}
