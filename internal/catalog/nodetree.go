package catalog

import (
	"errors"
	"fmt"
	"math"
	"strconv"
)

// A node is a node of the tree that the server's parser made of a statement.
// pg_proc.prosqlbody, pg_rewrite.ev_action and other columns of type
// pg_node_tree hold such trees as text. The format is documented only by the
// server's outfuncs.c and read.c; this reader follows pg_strtok in read.c.
type node struct {
	kind   string // FUNCEXPR
	fields []field
}

// A field is one named part of a node.
type field struct {
	name  string
	value value
}

// A value is the content of a field or a list: a node, a list, or a word.
type value struct {
	node *node
	list []value // also a bit set or a list of oids, whose first word is b, i or o
	word string  // unescaped; empty for null and for the empty string

	datum uint32 // value of a constant that is passed by value and fits
}

// maxDepth bounds the nesting of a tree. The server's own limit on its stack is
// far lower.
const maxDepth = 20_000

var errTreeEnds = errors.New("ends too early")

// parseTree parses the text of a node tree. Errors contain the position.
func parseTree(text string) (value, error) {
	p := treeParser{text: text}
	p.next()
	v, err := p.value(0)
	if err == nil && p.token != "" {
		err = fmt.Errorf("%q after its end", p.token)
	}
	if err != nil {
		return value{}, fmt.Errorf("read node tree: byte %d: %w", p.at, err)
	}
	return v, nil
}

// treeParser holds one token of look-ahead.
type treeParser struct {
	text  string
	pos   int    // where to look for the next token
	at    int    // where token begins
	token string // as written, with escapes; empty at the end
}

// next advances to the next token: one of ( ) { }, or a word up to white space
// or one of these.
func (p *treeParser) next() {
	for p.pos < len(p.text) && isBlank(p.text[p.pos]) {
		p.pos++
	}
	p.at = p.pos
	if p.pos == len(p.text) {
		p.token = ""
		return
	}
	if isBracket(p.text[p.pos]) {
		p.pos++
	} else {
		p.word()
	}
	p.token = p.text[p.at:p.pos]
}

// word advances past a word.
func (p *treeParser) word() {
	for p.pos < len(p.text) {
		switch c := p.text[p.pos]; {
		case isBlank(c) || isBracket(c):
			return
		case c == '\\' && p.pos+1 < len(p.text):
			p.pos += 2
		default:
			p.pos++
		}
	}
}

func isBlank(c byte) bool   { return c == ' ' || c == '\n' || c == '\t' }
func isBracket(c byte) bool { return c == '(' || c == ')' || c == '{' || c == '}' }

// value reads a value and advances past it.
func (p *treeParser) value(depth int) (value, error) {
	if depth > maxDepth {
		return value{}, fmt.Errorf("nested more than %d deep", maxDepth)
	}
	switch p.token {
	case "":
		return value{}, errTreeEnds
	case "{":
		n, err := p.nodeBody(depth)
		return value{node: n}, err
	case "(":
		list, err := p.listBody(depth)
		return value{list: list}, err
	case ")", "}":
		return value{}, fmt.Errorf("unexpected %q", p.token)
	}
	word := unescape(p.token)
	p.next()
	return value{word: word}, nil
}

func (p *treeParser) listBody(depth int) ([]value, error) {
	var list []value
	p.next()
	for p.token != ")" {
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	p.next()
	return list, nil
}

func (p *treeParser) nodeBody(depth int) (*node, error) {
	p.next()
	n := &node{kind: p.token}
	for p.next(); p.token != "}"; {
		if p.token == "" {
			return nil, errTreeEnds
		}
		if p.token[0] != ':' {
			return nil, fmt.Errorf("want the name of a field of %s, have %q", n.kind, p.token)
		}
		// Advance past the name first: a value may itself begin with a colon,
		// as an alias named ":x" does.
		name := p.token[1:]
		p.next()
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		if v.datum, err = p.datum(); err != nil {
			return nil, err
		}
		n.fields = append(n.fields, field{name, v})
	}
	p.next()
	return n, nil
}

// datum advances past the bytes of a constant, "4 [ 1 0 0 0 0 0 0 0 ]", and
// returns their value if it is a small number in little-endian order, and the
// highest number otherwise.
func (p *treeParser) datum() (uint32, error) {
	if p.token != "[" {
		return 0, nil
	}
	var sum uint32
	i := 0
	for p.next(); p.token != "]"; p.next() {
		if p.token == "" {
			return 0, errTreeEnds
		}
		c, err := strconv.Atoi(p.token)
		switch {
		case err != nil || i >= 4 && c != 0:
			sum = math.MaxUint32
		case i < 4:
			sum |= uint32(byte(c)) << (8 * i) // the server writes bytes as signed
		}
		i++
	}
	p.next()
	return sum, nil
}

// unescape removes the backslashes from a word; <> stands for null.
func unescape(token string) string {
	if token == "<>" || token == `""` {
		return ""
	}
	for i := range len(token) {
		if token[i] == '\\' {
			return withoutBackslashes(token)
		}
	}
	return token
}

func withoutBackslashes(token string) string {
	out := make([]byte, 0, len(token))
	for i := 0; i < len(token); i++ {
		if token[i] == '\\' && i+1 < len(token) {
			i++
		}
		out = append(out, token[i])
	}
	return string(out)
}

// get returns the field's value, the zero value if there is none.
func (n *node) get(name string) value {
	if n == nil {
		return value{}
	}
	for i := range n.fields {
		if n.fields[i].name == name {
			return n.fields[i].value
		}
	}
	return value{}
}

// oid returns the field as an object identifier, 0 if it is none.
func (n *node) oid(name string) uint32 { return n.get(name).oid() }

func (v value) oid() uint32 {
	o, err := strconv.ParseUint(v.word, 10, 32)
	if err != nil {
		return 0
	}
	return uint32(o)
}

func (v value) number() int {
	i, err := strconv.Atoi(v.word)
	if err != nil {
		return 0
	}
	return i
}

// isNull reports whether v is neither node nor list nor word.
func (v value) isNull() bool { return v.node == nil && v.list == nil && v.word == "" }
