package connecterror

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// The errors are pgx's own, from servers that reject every client: the test
// fails if pgx changes their wording.
func TestConnectErrors(t *testing.T) {
	t.Parallel()
	closed := closedAddress(t)
	wrongPassword := refusing(t, "28P01", "password authentication failed")
	starting := refusing(t, "57P03", "the database system is starting up")
	noDatabase := refusing(t, "3D000", "database does not exist")
	for _, tt := range []struct {
		name string
		url  string
		want string // the beginning
	}{
		{"closed port", "//me@" + closed + "/d?sslmode=disable",
			`connect to ` + closed + ` as user "me": nothing listens there (is the server running?): failed`},
		{"closed port, TLS preferred", "//me@" + closed + "/d",
			`connect to ` + closed + ` as user "me": nothing listens there (is the server running?): failed`},
		{"no socket", "///d?user=me&host=/no/such/dir&port=5432",
			`connect to socket /no/such/dir/.s.PGSQL.5432 as user "me": there is no such socket (is the server running?): failed`},
		{"no host", "//me@no-such-host.invalid:5433/d",
			`connect to no-such-host.invalid:5433 as user "me": no such host "no-such-host.invalid": failed`},
		{"wrong password", "//me:secret@" + wrongPassword + "/d?sslmode=disable",
			`connect to ` + wrongPassword + ` as user "me": wrong password: failed`},
		{"no password", "//me@" + wrongPassword + "/d?sslmode=disable&passfile=/no/such/file",
			`connect to ` + wrongPassword + ` as user "me": the server asks for a password, and none was given: failed`},
		{"no database", "//me@" + noDatabase + "/d?sslmode=disable",
			`connect to ` + noDatabase + ` as user "me": there is no database "d": failed`},
		{"no database named", "//me@" + noDatabase + "?sslmode=disable",
			`connect to ` + noDatabase + ` as user "me": there is no database "me": failed`},
		{"refused TLS", "//me@" + wrongPassword + "/d?sslmode=require",
			`connect to ` + wrongPassword + ` as user "me": the server does not speak TLS, which sslmode asks for: failed`},
		{"refused TLS where it is optional", "//me@" + starting + "/d?sslmode=prefer",
			`connect to ` + starting + ` as user "me": the server is starting up or shutting down: failed`},
		{"the second host answers", "//me:secret@" + closed + "," + wrongPassword + "/d?sslmode=disable",
			`connect to ` + closed + ` (nothing listens there), ` + wrongPassword + ` (wrong password) as user "me": failed`},
		{"no host answers", "//me@" + closed + "," + closedAddress(t) + "/d?sslmode=disable",
			`connect to ` + closed + `, 127.0.0.1:`},
		{"the first host has no address", "//me@no-such-host.invalid:5433," + starting + "/d?sslmode=disable",
			`connect to no-such-host.invalid:5433 (no such host "no-such-host.invalid"), ` + starting + ` (the server is starting up or shutting down) as user "me": failed`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cfg, err := pgx.ParseConfig("postgres:" + tt.url)
			if err != nil {
				t.Fatal(err)
			}
			_, cause := pgx.ConnectConfig(t.Context(), cfg)
			err = Connect(cause)
			text := err.Error()
			if !strings.HasPrefix(text, tt.want) || strings.Contains(text, "\n") || strings.Contains(text, "secret") {
				t.Errorf("%q,\nwant one line that begins %q", text, tt.want)
			}
			if _, ok := errors.AsType[*pgconn.ConnectError](err); !ok || !errors.Is(err, cause) {
				t.Errorf("errors.As and errors.Is do not find the cause of %v", err)
			}
		})
	}
}

// Connect returns other errors as they are.
func TestConnectReturnsOtherErrors(t *testing.T) {
	for _, err := range []error{nil, errors.New("x\ny"), &pgconn.PgError{Code: "28P01"}} {
		if got := Connect(err); got != err {
			t.Errorf("%v became %v", err, got)
		}
	}
}

// refusing returns the address of a server without TLS that sends every client
// the same error after its startup message.
func refusing(t *testing.T, code, message string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // the test is over
			}
			refuse(conn, &pgproto3.ErrorResponse{Severity: "FATAL", Code: code, Message: message})
		}
	}()
	return l.Addr().String()
}

func refuse(conn net.Conn, answer *pgproto3.ErrorResponse) {
	defer conn.Close()
	backend := pgproto3.NewBackend(conn, conn)
	msg, err := backend.ReceiveStartupMessage()
	for err == nil {
		if _, tls := msg.(*pgproto3.SSLRequest); !tls {
			break
		}
		fmt.Fprint(conn, "N")
		msg, err = backend.ReceiveStartupMessage()
	}
	backend.Send(answer)
	_ = backend.Flush()
}

// closedAddress returns an address that nothing listens on.
func closedAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
