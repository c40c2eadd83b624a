package wire

import (
	"context"
	"fmt"
	"net"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/headrace/headrace/internal/rowscan/replay"
)

// A Backend simulates a server that answers known statements with recordings.
// It is safe for concurrent use. Unknown statements fail, except commands
// without a result ("begin", "commit"), which succeed and do nothing.
type Backend struct {
	mu         sync.RWMutex // guards statements
	statements map[string]*statement
}

// A statement is a text with its encoded response.
type statement struct {
	params    []uint32
	fields    []pgproto3.FieldDescription // with the recorded formats
	described []byte                      // RowDescription
	rows      []byte                      // DataRow messages
	command   []byte                      // CommandComplete
}

// Answer makes rec the response to the statement sql, whose parameters have the
// given types.
func (b *Backend) Answer(sql string, rec *replay.Recording, params ...uint32) {
	s := &statement{params: params}
	for _, f := range rec.Fields() {
		s.fields = append(s.fields, pgproto3.FieldDescription{
			Name: []byte(f.Name), TableOID: f.TableOID, TableAttributeNumber: f.TableAttributeNumber,
			DataTypeOID: f.DataTypeOID, DataTypeSize: f.DataTypeSize, TypeModifier: f.TypeModifier, Format: f.Format,
		})
	}
	s.described = encode(nil, &pgproto3.RowDescription{Fields: s.fields})
	rows := rec.Rows(nil)
	for rows.Next() {
		s.rows = encode(s.rows, &pgproto3.DataRow{Values: rows.RawValues()})
	}
	s.command = encode(nil, &pgproto3.CommandComplete{CommandTag: fmt.Appendf(nil, "SELECT %d", rec.Len())})
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.statements == nil {
		b.statements = make(map[string]*statement)
	}
	b.statements[sql] = s
}

func (b *Backend) statement(sql string) *statement {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.statements[sql]
}

// Config returns a configuration for connections to the Backend. It may be used
// in a pgxpool.Config.
func (b *Backend) Config() *pgx.ConnConfig {
	config, err := pgx.ParseConfig("host=replay user=replay database=replay sslmode=disable")
	if err != nil {
		panic(fmt.Sprintf("parse a constant connection string: %v", err))
	}
	config.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil }
	config.DialFunc = func(context.Context, string, string) (net.Conn, error) { return newConn(b), nil }
	config.OnNotice = func(*pgconn.PgConn, *pgconn.Notice) {}
	return config
}

// encode appends a message. All messages here are small enough to be encoded.
func encode(buf []byte, msg pgproto3.BackendMessage) []byte {
	buf, err := msg.Encode(buf)
	if err != nil {
		panic(fmt.Sprintf("encode %T: %v", msg, err))
	}
	return buf
}
