package sqltext

// An Output is an expression of a select list.
type Output struct {
	Name  string     // of its column, "" if the text does not determine it
	Calls []Function // the functions that it calls by name, as [Statement.Calls] are
}

// Outputs splits a select list, such as [QueryParts.List] of a text.
func Outputs(list string) []Output {
	s := newScan(list)
	defer s.release()
	if s.err != nil {
		return nil
	}
	var outputs []Output
	from, depth := 0, 0
	for i, it := range s.items {
		switch it.key {
		case '(', '[':
			depth++
		case ')', ']':
			depth--
		case ',':
			if depth == 0 {
				outputs = append(outputs, s.output(s.items[from:i]))
				from = i + 1
			}
		}
	}
	return append(outputs, s.output(s.items[from:]))
}

// output evaluates the items of one expression.
func (s *scan) output(items []item) Output {
	if len(items) == 0 {
		return Output{}
	}
	last := items[len(items)-1]
	text := s.text[items[0].pos:last.end]
	o := Output{Calls: Analyze("SELECT " + text).Calls}
	switch {
	case last.kind == Word || last.kind == QuotedName:
		o.Name, _ = s.name(last)
	case last.key == ')' && items[0].kind == Word && len(o.Calls) > 0: // random(), pg_catalog.random()
		o.Name = o.Calls[0].Name
	}
	return o
}
