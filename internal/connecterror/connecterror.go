package connecterror

import (
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
)

// NeverSent reports whether the statement that failed with err certainly never
// reached the server. An error that says that the connection is closed does not
// count: pgx 5.12 returns it also for a simple query or a batch whose answer was
// lost, a COMMIT among them. (MultiResultReader.NextResult peeks at the message
// that does not come, which closes the connection, and then finds it closed.)
func NeverSent(err error) bool {
	return err != nil && pgconn.SafeToRetry(err) && !errors.Is(err, pgconn.ErrConnClosed)
}
