package records

import "errors"

// An Inspector collects profiles of the fields of a file's records. It reads
// records as an encoder does, with parsers that append nothing.
type Inspector struct {
	Profiles []Profile
	format   Format
	encoder  Encoder
	buf      []byte
}

// NewInspector returns an inspector of the records of f.
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
		columns[i] = Column{Name: f.Names()[i], JSON: true} // JSON values as written
	}
	switch f := f.(type) {
	case *csvFormat:
		in.encoder = f.encoder(parsers)
	case *jsonFormat:
		in.encoder = &jsonEncoder{jsonReader{format: f, columns: columns}, parsers}
	}
	return in
}

// Values lets v add each row to the profiles.
func (in *Inspector) Values(v *Values) { v.profiles = in.Profiles }

// Chunk adds the records of a chunk to the profiles. It returns an [*Error] for
// the first one that no server accepts.
func (in *Inspector) Chunk(c *Chunk) error {
	if in.encoder == nil {
		return nil // added by Values
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

// fault returns the error of a record.
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
