package records

import "errors"

// An Inspector looks at what the records of a file have in their fields. It
// reads them as encoders do, with parsers that only look.
type Inspector struct {
	Profiles []Profile
	format   Format
	encoder  Encoder
	buf      []byte
}

// NewInspector returns an inspector for what is read of f.
func NewInspector(f Format) *Inspector {
	in := &Inspector{Profiles: make([]Profile, len(f.Names())), format: f}
	parsers := make([]parser, len(in.Profiles))
	columns := make([]Column, len(in.Profiles))
	for i := range in.Profiles {
		s := &in.Profiles[i]
		look := s.addText
		if _, isJSON := f.(*jsonFormat); isJSON {
			look = s.addJSON
		}
		parsers[i].parse = func(buf, text []byte) ([]byte, bool) { return buf, look(text) }
		columns[i] = Column{Name: f.Names()[i], JSON: true} // values of JSON as they are
	}
	switch f := f.(type) {
	case *csvFormat:
		in.encoder = f.encoder(parsers)
	case *jsonFormat:
		in.encoder = &jsonEncoder{jsonReader{format: f, columns: columns}, parsers}
	}
	return in
}

// Values has what v yields looked at on the way.
func (in *Inspector) Values(v *Values) { v.profiles = in.Profiles }

// Chunk looks at records. An error, of the one that no server takes, is an
// [*Error].
func (in *Inspector) Chunk(c *Chunk) error {
	if in.encoder == nil {
		return nil // looked at by Values
	}
	var n int
	var whole bool
	in.buf, n, whole = in.encoder.Encode(in.buf[:0], c.Data)
	if whole {
		return nil
	}
	span := c.Spans(in.format)[n]
	return in.fault(n, c.Data[span.Start:span.End])
}

// fault says what is wrong with a record.
func (in *Inspector) fault(n int, record []byte) *Error {
	for i := range in.Profiles {
		if err := in.Profiles[i].refused; err != nil {
			code := badShape
			if errors.Is(err, errCharacter) {
				code = BadCharacter
			}
			return &Error{Index: n, Column: in.format.Names()[i], Code: code, Err: err}
		}
	}
	switch e := in.encoder.(type) {
	case *jsonEncoder:
		if fault, ok := errors.AsType[*Error](e.read(record)); ok {
			return &Error{Index: n, Column: fault.Column, Code: fault.Code, Err: fault.Err}
		}
	case *csvEncoder:
		if e.f.stray(record) {
			return &Error{Index: n, Code: badShape, Err: errStray}
		}
		if e.count(record) != len(e.parsers) {
			return &Error{Index: n, Code: badShape, Err: e.shape(record)}
		}
	}
	return &Error{Index: n, Code: badShape, Err: errLineEnd}
}
