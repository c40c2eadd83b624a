package deepcopy

import (
	"reflect"
	"time"
)

// copyRanges copies the ranges and makes the maps. Their references still have
// to be repaired.
func (c *copier) copyRanges() {
	for i := range c.ranges {
		s := &c.ranges[i]
		if s.into != int32(i) {
			continue
		}
		s.copy = c.take(s.plan, s.n)
		fill(s.copy, s.cell, s.plan, s.n)
		if len(s.plan.parts) > 0 {
			c.repair = append(c.repair, run{s.copy, s.plan, s.n})
		}
	}
	for i := range c.maps {
		m := &c.maps[i]
		n := m.keys.Len()
		m.value = reflect.MakeMapWithSize(m.plan.typ, mapHint(n))
		c.repair = append(c.repair, run{firstOf(m.keys), m.plan.key, n}, run{firstOf(m.elems), m.plan.to, n})
	}
}

// fillMaps adds the entries to the maps, once their keys are repaired.
func (c *copier) fillMaps() {
	for i := range c.maps {
		m := &c.maps[i]
		for j := range m.keys.Len() {
			m.value.SetMapIndex(m.keys.Index(j), m.elems.Index(j))
		}
	}
}

// repairRun redirects the references of a run to the copy.
func (c *copier) repairRun(r run) {
	for i := range r.n {
		value := r.add(uintptr(i) * r.plan.size)
		for j := range r.plan.parts {
			c.replace(&r.plan.parts[j], value.add(r.plan.parts[j].offset))
		}
	}
}

// replace redirects one reference to the copy.
func (c *copier) replace(p *part, at cell) {
	switch p.op {
	case text:
		c.copyText(at)
	case pointer:
		if to := at.pointee(); !to.isNil() {
			at.point(c.copied(to, p.to, 1))
		}
	case slice:
		if first, n := at.elements(); !first.isNil() {
			at.slice(c.copied(first, p.to, n), n)
		}
	case array:
		c.repairRun(run{at, p.to, p.n})
	case boxed:
		if plan, data := c.unbox(p, at); plan != nil && plan.direct {
			c.repairRun(run{data, plan, 1})
		} else if plan != nil {
			at.data().point(c.copied(data, plan, 1))
		}
	case mapped:
		if i := c.index[at.pointee()]; i > 0 {
			at.value(p.typ).Set(c.maps[i-1].value)
		}
	case moment:
		c.moveTime(at)
	case location:
		loc := atLocation(at)
		if *loc, c.err = canonicalOr(*loc, c.err); c.err != nil {
			return
		}
	}
}

// copied returns the copy of n values.
func (c *copier) copied(first cell, p *plan, n int) cell {
	if n == 0 || p.size == 0 {
		return nothing
	}
	if c.tracked {
		s := &c.ranges[c.known(object{first, p, n})]
		return c.ranges[s.into].copy.add(s.offset)
	}
	to := c.take(p, n)
	fill(to, first, p, n)
	if len(p.parts) > 0 {
		c.repairRun(run{to, p, n})
	}
	return to
}

// copyText appends a string's bytes to the copied text, which has room for
// them.
func (c *copier) copyText(at cell) {
	s := atString(at)
	var key object
	if len(*s) > shortText && c.tracked {
		key = object{textOf(*s), nil, len(*s)}
		if known := c.texts[key]; known != "" {
			*s = known
			return
		}
	}
	start := len(c.buf)
	c.buf = append(c.buf, *s...)
	*s = stringOf(c.buf[start:])
	if len(*s) > shortText && c.tracked {
		c.texts[key] = *s
	}
}

// moveTime sets the location of a time to the shared one.
func (c *copier) moveTime(at cell) {
	t := atTime(at)
	was := t.Location()
	if is, err := canonical(was); err != nil {
		c.err = err
	} else if is != was {
		*t = t.In(is)
	}
}

func canonicalOr(loc *time.Location, err error) (*time.Location, error) {
	if err != nil {
		return loc, err
	}
	return canonical(loc)
}
