package records

// A Chunk is a part of a file with whole records.
type Chunk struct {
	Index     int
	Data      []byte
	FirstByte int64 // its offset in the text after the header
	FirstLine int64 // of the file, from 1
	Records   int
	Lines     int
	Unclosed  bool // its last record has a quote that the file does not close
	Unended   bool // it ends with a line of CSV without a line end, which may be incomplete
}

// A Span is a record of a chunk.
type Span struct {
	Start, End int   // in the chunk's data, the line end included
	Line       int64 // line of the file, from 1, at which it begins
}

// Spans returns the records of the chunk.
func (c *Chunk) Spans(f Format) []Span {
	spans := make([]Span, 0, c.Records)
	s, eol := f.splitter(), f.eol()
	start, pos := 0, 0
	first, line := c.FirstLine, c.FirstLine
	for pos < len(c.Data) {
		end := lineEnd(c.Data, pos, eol)
		line++
		switch text := c.Data[pos:end]; {
		case s.between(text):
			start, first = end, line
		case s.after(text) || end == len(c.Data):
			spans = append(spans, Span{start, end, first})
			start, first = end, line
		}
		pos = end
	}
	return spans
}
