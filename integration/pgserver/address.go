package pgserver

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// address is the address of a server with the credentials.
type address struct {
	connString string
	hostPort   string
}

func newAddress(host string, port int, password string) address {
	user := url.User("postgres")
	if password != "" {
		user = url.UserPassword("postgres", password)
	}
	hostPort := net.JoinHostPort(host, strconv.Itoa(port))
	u := url.URL{Scheme: "postgres", User: user, Host: hostPort, Path: "/postgres", RawQuery: "sslmode=disable"}
	return address{connString: u.String(), hostPort: hostPort}
}

// withHost returns the address with another host.
func (a address) withHost(host string) address {
	u, err := url.Parse(a.connString)
	if err != nil {
		return a // cannot happen: newAddress made it
	}
	u.Host = net.JoinHostPort(host, u.Port())
	return address{connString: u.String(), hostPort: u.Host}
}

func parseAddress(connString string) (address, error) {
	cfg, err := pgx.ParseConfig(connString)
	if err != nil {
		return address{}, err
	}
	hostPort := net.JoinHostPort(cfg.Host, strconv.Itoa(int(cfg.Port)))
	return address{connString: connString, hostPort: hostPort}, nil
}

// withDatabase returns the connection string, a URL or keywords, with another
// database.
func (a address) withDatabase(database string) string {
	if !strings.HasPrefix(a.connString, "postgres://") && !strings.HasPrefix(a.connString, "postgresql://") {
		quoted := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(database)
		return a.connString + " dbname='" + quoted + "'" // the last dbname applies
	}
	u, err := url.Parse(a.connString)
	if err != nil {
		return a.connString // cannot happen: pgx has parsed it
	}
	u.Path, u.RawPath = "/"+database, ""
	query := u.Query()
	query.Del("dbname") // each would override the path
	query.Del("database")
	u.RawQuery = query.Encode()
	return u.String()
}

const connectTimeout = 30 * time.Second

// serverVersion returns server_version. It retries while the server starts.
func (a address) serverVersion(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	for {
		version, err := a.show(ctx, "server_version")
		if err == nil {
			return version, nil
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("connect to the started server: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// show returns the value of a server setting.
func (a address) show(ctx context.Context, setting string) (string, error) {
	conn, err := pgx.Connect(ctx, a.connString)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	var value string
	err = conn.QueryRow(ctx, "SELECT current_setting($1)", setting).Scan(&value)
	return value, err
}
