package deepcopy

import (
	"cmp"
	"errors"
	"reflect"
	"slices"
)

// A span is a range of the original: n values of a plan.
type span struct {
	object
	next   int32   // as in copier.index, for the previous one that begins there
	into   int32   // the range that contains it, or itself
	offset uintptr // within that range
	copy   cell    // the copy, for a range that no other contains
}

func (s *span) end() uintptr { return s.address() + uintptr(s.n)*s.plan.size }

// A mapCopy is a map that is being copied: its entries are stored separately
// until they are repaired.
type mapCopy struct {
	was         cell          // the target of the original
	value       reflect.Value // the copy
	plan        part
	keys, elems reflect.Value
}

// scan finds everything that root refers to.
func (c *copier) scan(root run) {
	c.todo = append(c.todo, root)
	for len(c.todo) > 0 && c.err == nil {
		r := c.todo[len(c.todo)-1]
		c.todo = c.todo[:len(c.todo)-1]
		c.look(r)
	}
}

// look records the references in a run.
func (c *copier) look(r run) {
	for i := range r.n {
		value := r.add(uintptr(i) * r.plan.size)
		for j := range r.plan.parts {
			c.find(&r.plan.parts[j], value.add(r.plan.parts[j].offset))
		}
	}
}

// find records the target of one reference.
func (c *copier) find(p *part, at cell) {
	switch p.op {
	case text:
		c.findText(at)
	case pointer:
		c.reach(at.pointee(), p.to, 1)
	case slice:
		first, n := at.elements()
		c.reach(first, p.to, n)
	case array:
		c.look(run{at, p.to, p.n})
	case boxed:
		if plan, data := c.unbox(p, at); plan != nil && plan.direct {
			c.look(run{data, plan, 1})
		} else if plan != nil {
			c.reach(data, plan, 1)
		}
	case mapped:
		c.findMap(p, at)
	case handle:
		c.findHandle(p, at)
	case opaque:
		c.err = cmp.Or(c.err, checkOpaque(at, p.typ))
	}
}

// shortText is the length up to which a string that occurs twice is copied
// twice, which costs no more than recording it.
const shortText = 64

func (c *copier) findText(at cell) {
	s := *atString(at)
	if len(s) > shortText && c.tracked {
		if c.texts == nil {
			c.texts = make(map[object]string)
		}
		key := object{textOf(s), nil, len(s)}
		if _, known := c.texts[key]; known {
			return
		}
		c.texts[key] = ""
	}
	c.text += int64(len(s))
}

// reach records n values.
func (c *copier) reach(first cell, p *plan, n int) {
	if first.isNil() || n == 0 || p.size == 0 {
		return
	}
	if !c.tracked {
		c.arena(p).need += n
		if len(p.parts) > 0 {
			c.look(run{first, p, n})
		}
		return
	}
	key := object{first, p, n}
	if c.known(key) >= 0 {
		return
	}
	i := int32(len(c.ranges))
	c.ranges = append(c.ranges, span{object: key, into: i, next: c.index[first]})
	c.index[first] = i + 1
	if len(p.parts) > 0 && c.spend(int64(n)*int64(p.size)) {
		c.todo = append(c.todo, key)
	}
}

// known returns the number of a range, -1 if it is not recorded.
func (c *copier) known(key object) int32 {
	i := c.index[key.cell] - 1
	for i >= 0 && (c.ranges[i].plan != key.plan || c.ranges[i].n != key.n) {
		i = c.ranges[i].next - 1
	}
	return i
}

// workFactor is the multiple of the limit that may be scanned before a value
// counts as too large. Overlapping ranges are scanned more than once.
const workFactor = 8

// spend reports whether further bytes may be scanned.
func (c *copier) spend(bytes int64) bool {
	c.work += bytes
	if c.work/workFactor > c.limit {
		c.err = ErrTooBig
		return false
	}
	return true
}

// unbox returns the plan of an interface's value, nil if it is empty, and the
// cell of the value.
func (c *copier) unbox(p *part, at cell) (*plan, cell) {
	v := at.value(p.typ)
	if v.IsNil() {
		return nil, cell{}
	}
	typ := v.Elem().Type()
	plan := planOf(typ, c.own)
	if c.own == owning {
		if err := checkBoxed(typ); err != nil {
			c.err = err
			return nil, cell{}
		}
	}
	if isType(typ) {
		return nil, cell{}
	}
	if plan.direct {
		return plan, at.data()
	}
	return plan, at.data().pointee()
}

// findMap extracts the entries of a map.
func (c *copier) findMap(p *part, at cell) {
	v := at.value(p.typ)
	was := at.pointee()
	if v.IsNil() || c.index[was] > 0 { // no other value begins at the address of a map
		return
	}
	n := v.Len()
	if !c.spend(int64(n) * int64(p.key.size+p.to.size)) {
		return
	}
	c.index[was] = int32(len(c.maps)) + 1
	m := mapCopy{was: was, plan: *p, keys: reflect.MakeSlice(reflect.SliceOf(p.key.typ), n, n), elems: reflect.MakeSlice(reflect.SliceOf(p.to.typ), n, n)}
	i := 0
	for entries := v.MapRange(); entries.Next() && i < n; i++ {
		m.keys.Index(i).SetIterKey(entries)
		m.elems.Index(i).SetIterValue(entries)
	}
	c.maps = append(c.maps, m)
	c.extra += mapSize(p.key, p.to, n)
	c.todo = append(c.todo, run{firstOf(m.keys), p.key, n}, run{firstOf(m.elems), p.to, n})
}

var errOverlap = errors.New("memory is referenced with two types")

// merge finds the ranges that others contain, and the number of values of each
// plan.
func (c *copier) merge() {
	for i := range c.ranges {
		c.order = append(c.order, int32(i))
	}
	slices.SortFunc(c.order, func(i, j int32) int {
		a, b := &c.ranges[i], &c.ranges[j]
		return cmp.Or(cmp.Compare(a.address(), b.address()), cmp.Compare(b.end(), a.end()), cmp.Compare(len(b.plan.parts), len(a.plan.parts)))
	})
	var last *span
	for _, i := range c.order {
		s := &c.ranges[i]
		switch {
		case last == nil || s.address() >= last.end():
			last = s
			continue
		case s.end() > last.end():
			if s.plan != last.plan || (s.address()-last.address())%s.plan.size != 0 {
				c.err = errOverlap
				return
			}
			last.n = int((s.end() - last.address()) / s.plan.size)
		}
		s.into, s.offset = last.into, s.address()-last.address()
	}
	for i := range c.ranges {
		if s := &c.ranges[i]; s.into == int32(i) {
			c.arena(s.plan).need += s.n
		}
	}
}
