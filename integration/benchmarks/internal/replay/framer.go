package replay

// framer cuts a stream of messages at those of some types.
type framer struct {
	buf  []byte
	cut  int // how much of buf was handed out
	seen int // how much of buf are whole messages
}

func (f *framer) add(p []byte) {
	if f.cut > 0 {
		rest := copy(f.buf, f.buf[f.cut:])
		f.buf, f.seen, f.cut = f.buf[:rest], f.seen-f.cut, 0
	}
	f.buf = append(f.buf, p...)
}

// next returns everything up to and with the next message for which last says
// so, or nil where it has not come yet. It is valid until the next call of add.
func (f *framer) next(last func(kind byte) bool) []byte {
	for {
		n := messageLength(f.buf[f.seen:])
		if n == 0 || f.seen+n > len(f.buf) {
			return nil
		}
		kind := f.buf[f.seen]
		f.seen += n
		if last(kind) {
			part := f.buf[f.cut:f.seen]
			f.cut = f.seen
			return part
		}
	}
}

// endsRequest: the server answers up to ReadyForQuery after these.
func endsRequest(kind byte) bool { return kind == 'S' || kind == 'Q' }

// endsAnswer: ReadyForQuery.
func endsAnswer(kind byte) bool { return kind == 'Z' }
