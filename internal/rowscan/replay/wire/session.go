package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"
)

// A session is the server's side of a connection: the protocol of the manual's
// chapter "Frontend/Backend Protocol", as far as pgx uses it for queries.
type session struct {
	backend  *Backend
	started  bool
	in       []byte // received, not yet a whole message
	prepared map[string]*statement
	bound    *statement
	failed   bool // until Sync
}

// receive processes bytes of the client and appends the responses to the
// messages that are now complete. Running a prepared statement allocates
// nothing, so that benchmarks count the client only.
func (s *session) receive(p []byte, answers [][]byte) ([][]byte, error) {
	s.in = append(s.in, p...)
	in := s.in
	for {
		kind, body, rest, ok := s.cut(in)
		if !ok {
			break
		}
		in = rest
		if kind == 'X' {
			return answers, nil
		}
		var err error
		if answers, err = s.answer(answers, kind, body); err != nil {
			return nil, fmt.Errorf("message %q: %w", kind, err)
		}
	}
	s.in = append(s.in[:0], in...)
	return answers, nil
}

// cut splits the first message from in: its kind, 0 for the startup message,
// and its body.
func (s *session) cut(in []byte) (kind byte, body, rest []byte, ok bool) {
	if s.started && len(in) > 0 {
		kind, in = in[0], in[1:]
	}
	if len(in) < 4 {
		return 0, nil, nil, false
	}
	n := binary.BigEndian.Uint32(in)
	if n < 4 || uint64(n) > uint64(len(in)) {
		return 0, nil, nil, false
	}
	return kind, in[4:n], in[n:], true
}

func (s *session) answer(answers [][]byte, kind byte, body []byte) ([][]byte, error) {
	if s.failed && kind != 'S' {
		return answers, nil
	}
	switch kind {
	case 0:
		s.started = true
		return append(answers, startup), nil
	case 'Q':
		return append(s.query(answers, text(body)), idle), nil
	case 'P':
		return s.parse(answers, body)
	case 'D':
		return s.describe(answers, body)
	case 'B':
		return s.bind(answers, body)
	case 'E':
		return append(answers, s.bound.rows, s.bound.command), nil
	case 'C':
		return append(answers, closed), nil
	case 'S':
		s.failed = false
		return append(answers, idle), nil
	case 'H':
		return answers, nil
	}
	return nil, errors.New("message not supported")
}

// Messages that are always the same.
var (
	idle    = encode(nil, &pgproto3.ReadyForQuery{TxStatus: 'I'})
	parsed  = encode(nil, &pgproto3.ParseComplete{})
	bound   = encode(nil, &pgproto3.BindComplete{})
	closed  = encode(nil, &pgproto3.CloseComplete{})
	startup = messages(&pgproto3.AuthenticationOk{}, &pgproto3.BackendKeyData{ProcessID: 1, SecretKey: []byte{0, 0, 0, 1}},
		&pgproto3.ParameterStatus{Name: "client_encoding", Value: "UTF8"},
		&pgproto3.ParameterStatus{Name: "standard_conforming_strings", Value: "on"}, &pgproto3.ReadyForQuery{TxStatus: 'I'})
)

// query answers a simple query.
func (s *session) query(answers [][]byte, sql string) [][]byte {
	if st := s.backend.statement(sql); st != nil {
		return append(answers, st.described, st.rows, st.command)
	}
	word, _, _ := strings.Cut(strings.TrimSpace(sql), " ")
	return append(answers, encode(nil, &pgproto3.CommandComplete{CommandTag: []byte(strings.ToUpper(word))}))
}

func (s *session) parse(answers [][]byte, body []byte) ([][]byte, error) {
	var parse pgproto3.Parse
	if err := parse.Decode(body); err != nil {
		return nil, err
	}
	st := s.backend.statement(parse.Query)
	if st == nil {
		return s.fail(answers, "no recording answers "+parse.Query), nil
	}
	s.prepared[parse.Name] = st
	return append(answers, parsed), nil
}

// describe sends the columns of the bound statement, or parameters and columns
// of a prepared one.
func (s *session) describe(answers [][]byte, body []byte) ([][]byte, error) {
	if len(body) > 0 && body[0] == 'P' {
		return append(answers, s.bound.described), nil
	}
	var describe pgproto3.Describe
	if err := describe.Decode(body); err != nil {
		return nil, err
	}
	st := s.prepared[describe.Name]
	if st == nil {
		return s.fail(answers, "prepared statement "+describe.Name+" does not exist"), nil
	}
	return append(answers, encode(nil, &pgproto3.ParameterDescription{ParameterOIDs: st.params}), st.described), nil
}

// bind rejects formats that differ from the recorded ones: the client would
// misread the rows.
func (s *session) bind(answers [][]byte, body []byte) ([][]byte, error) {
	_, rest, _ := bytes.Cut(body, []byte{0}) // the portal's name
	name, rest, ok := bytes.Cut(rest, []byte{0})
	formats, whole := resultFormats(rest)
	if !ok || !whole {
		return nil, errors.New("message too short")
	}
	if s.bound = s.prepared[string(name)]; s.bound == nil {
		return s.fail(answers, fmt.Sprintf("prepared statement %s does not exist", name)), nil
	}
	for i, f := range s.bound.fields {
		if want := format(formats, i); want != f.Format {
			return s.fail(answers, fmt.Sprintf("column %s was recorded in format %d, not %d", f.Name, f.Format, want)), nil
		}
	}
	return append(answers, bound), nil
}

// resultFormats returns the format codes at the end of a Bind message, given
// the part after its names: a count and the parameters' formats, a count and
// the parameters with their lengths, a count and the formats.
func resultFormats(body []byte) (formats []byte, ok bool) {
	skip := func(n int) bool {
		if len(body) < n {
			return false
		}
		body = body[n:]
		return true
	}
	count := func() (n int, ok bool) {
		if len(body) < 2 {
			return 0, false
		}
		n = int(binary.BigEndian.Uint16(body))
		return n, skip(2)
	}
	n, ok := count()
	if !ok || !skip(2*n) {
		return nil, false
	}
	if n, ok = count(); !ok {
		return nil, false
	}
	for range n {
		if len(body) < 4 || !skip(4+int(max(int32(binary.BigEndian.Uint32(body)), 0))) {
			return nil, false
		}
	}
	n, ok = count()
	return body, ok && len(body) == 2*n
}

// format returns the requested format of column i: none stands for text, a
// single one for all columns.
func format(codes []byte, i int) int16 {
	switch len(codes) {
	case 0:
		return pgproto3.TextFormat
	case 2:
		return int16(binary.BigEndian.Uint16(codes))
	}
	if len(codes) < 2*i+2 {
		return -1
	}
	return int16(binary.BigEndian.Uint16(codes[2*i:]))
}

// fail sends an error and ignores messages up to the next Sync.
func (s *session) fail(answers [][]byte, message string) [][]byte {
	s.failed = true
	return append(answers, encode(nil, &pgproto3.ErrorResponse{Severity: "ERROR", Code: "26000", Message: message}))
}

func messages(list ...pgproto3.BackendMessage) []byte {
	var buf []byte
	for _, m := range list {
		buf = encode(buf, m)
	}
	return buf
}

// text parses the only string of a message.
func text(body []byte) string { return string(bytes.TrimSuffix(body, []byte{0})) }
