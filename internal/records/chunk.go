package records

// A Chunk is a piece of a file made of whole records.
type Chunk struct {
	Index     int
	Data      []byte
	FirstByte int64 // its place in the text behind the header
	FirstLine int64 // of the file, from 1
	Records   int
	Lines     int
	Unclosed  bool // its last record has a quote that the file does not close
	Unended   bool // it ends with a record that may go on: a line of CSV without a line end
}

// A Span is a record of a chunk.
type Span struct {
	Start, End int   // in the chunk's data, the line end included
	Line       int64 // the file's line that it begins at
}

// Spans finds the records of the chunk.
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
