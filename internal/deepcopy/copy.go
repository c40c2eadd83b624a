package deepcopy

import (
	"math"
	"reflect"
	"sync"
)

// Keep replaces everything that *v refers to by copies that nothing else refers
// to and that keep nothing else alive, and returns the memory that they take,
// without *v itself. After an error, such as [ErrTooBig] for more than limit
// bytes, *v is unchanged.
func Keep[T any](v *T, limit int64) (size int64, err error) {
	kept := *v
	if size, err = keep(run{cellOf(&kept), planOf(reflect.TypeFor[T](), owning), 1}, limit); err != nil {
		return 0, err
	}
	*v = kept
	return size, nil
}

// KeepAll returns a copy of v as Keep makes it, and the memory that it takes,
// including its array.
func KeepAll[T any](v []T, limit int64) (kept []T, size int64, err error) {
	p := planOf(reflect.TypeFor[T](), owning)
	kept = make([]T, len(v))
	copy(kept, v)
	if size, err = keep(run{firstCell(kept), p, len(kept)}, limit); err != nil {
		return nil, 0, err
	}
	return kept, Allocated(int64(len(kept))*int64(p.size), p.pointers) + size, nil
}

func keep(root run, limit int64) (int64, error) {
	c := getCopier(owning, limit)
	defer c.putCopier()
	err := c.copy(root)
	return c.total, err
}

// Clone returns a copy of v that refers only to copies, except strings, which
// are shared. Copies of small values share blocks of at most 4 KiB, which
// bounds what one of them keeps alive.
func Clone[T any](v T) T {
	kept := v // escapes
	if clone(run{cellOf(&kept), planOf(reflect.TypeFor[T](), sharing), 1}) != nil {
		return v // memory that is referenced with two types: Keep rejects it
	}
	return kept
}

// CloneAll is Clone for the elements of v.
func CloneAll[T any](v []T) []T { return AppendAll(make([]T, 0, len(v)), v) }

// AppendAll appends a copy of v to dst, as CloneAll makes it.
func AppendAll[T any](dst, v []T) []T {
	all := append(dst, v...)
	copies := all[len(dst):]
	if clone(run{firstCell(copies), planOf(reflect.TypeFor[T](), sharing), len(copies)}) != nil {
		copy(copies, v)
	}
	return all
}

func clone(root run) error {
	c := getCopier(sharing, math.MaxInt64)
	defer c.putCopier()
	return c.copy(root)
}

// Box returns the memory that a T takes in an interface, without what it refers
// to.
func Box[T any]() int64 {
	p := planOf(reflect.TypeFor[T](), owning)
	if p.direct {
		return 0
	}
	return Allocated(int64(p.size), p.pointers)
}

// IsFlat reports whether assigning a typ copies everything except the bytes of
// strings.
func IsFlat(typ reflect.Type) bool { return len(planOf(typ, sharing).parts) == 0 }

// A run is n consecutive values of a plan.
type run struct {
	cell
	plan *plan
	n    int
}

// A copier makes one copy.
type copier struct {
	own   ownership
	limit int64 // bytes that the copy may take
	block int   // bytes that copies may share

	tracked bool           // ranges are recorded, and each is copied once
	index   map[cell]int32 // index + 1 of the last range, or map, that begins there
	ranges  []span
	maps    []mapCopy
	todo    []run // to be scanned in the first pass
	repair  []run // runs of the copy with references to the original
	order   []int32
	arenas  []arena
	text    int64 // bytes of strings
	texts   map[object]string
	buf     []byte
	work    int64 // bytes scanned
	total   int64 // bytes that the copy takes
	extra   int64 // bytes of maps, and of shared memory that is kept alive
	err     error
}

var copiers = sync.Pool{New: func() any { return &copier{index: make(map[cell]int32)} }}

// getCopier returns an empty copier from the pool.
func getCopier(own ownership, limit int64) *copier {
	c := copiers.Get().(*copier)
	c.own, c.limit, c.block = own, limit, 4<<10
	if own == owning {
		c.block = math.MaxInt
	}
	return c
}

// maxPooled keeps the memory of a huge value out of the pool.
const maxPooled = 1 << 12

// putCopier returns a copier to the pool, with only its memory for records.
func (c *copier) putCopier() {
	if len(c.ranges) > maxPooled || len(c.maps) > maxPooled || cap(c.todo) > maxPooled || cap(c.repair) > maxPooled {
		return
	}
	clear(c.index)
	clear(c.ranges)
	clear(c.maps)
	clear(c.todo[:cap(c.todo)])
	clear(c.repair[:cap(c.repair)])
	clear(c.arenas)
	*c = copier{index: c.index, ranges: c.ranges[:0], maps: c.maps[:0], todo: c.todo[:0], repair: c.repair[:0], order: c.order[:0], arenas: c.arenas[:0]}
	copiers.Put(c)
}

// An object is a range of memory that a reference leads to.
type object = run

// copy copies everything that root, a shallow copy itself, refers to.
func (c *copier) copy(root run) error {
	p := root.plan
	if len(p.parts) == 0 || root.n == 0 {
		return nil
	}
	c.tracked = !p.simple
	c.scan(root)
	if c.tracked && c.err == nil {
		c.merge()
	}
	if c.total = c.size(); c.err == nil && c.total > c.limit {
		c.err = ErrTooBig
	}
	if c.err != nil {
		return c.err
	}
	if c.text > 0 {
		c.buf = make([]byte, 0, c.text)
	}
	c.copyRanges()
	c.repair = append(c.repair, root)
	for len(c.repair) > 0 && c.err == nil {
		r := c.repair[len(c.repair)-1]
		c.repair = c.repair[:len(c.repair)-1]
		c.repairRun(r)
	}
	c.fillMaps()
	return c.err
}

// size returns the memory that the copy will take.
func (c *copier) size() int64 {
	size := Allocated(c.text, false) + c.extra
	for i := range c.arenas {
		a := &c.arenas[i]
		size += Allocated(int64(a.need)*int64(a.plan.size), a.plan.pointers)
	}
	return size
}

// An arena is memory for values of one plan.
type arena struct {
	plan *plan
	need int // number of values
	free cell
	left int
}

func (c *copier) arena(p *plan) *arena {
	for i := range c.arenas { // there are few
		if c.arenas[i].plan == p {
			return &c.arenas[i]
		}
	}
	c.arenas = append(c.arenas, arena{plan: p})
	return &c.arenas[len(c.arenas)-1]
}

// take returns n unused values of the plan.
func (c *copier) take(p *plan, n int) cell {
	a := c.arena(p)
	a.need -= n
	if n > a.left {
		if bytes := n * int(p.size); bytes > c.block/2 {
			return newArray(p.typ, n)
		}
		a.left = min(a.need+n, max(n, c.block/int(p.size)))
		a.free = newArray(p.typ, a.left)
	}
	taken := a.free
	if a.left -= n; a.left > 0 {
		a.free = taken.add(uintptr(n) * p.size)
	}
	return taken
}

// fill copies n values by assignment.
func fill(to, from cell, p *plan, n int) {
	switch {
	case !p.pointers:
		copy(to.bytes(uintptr(n)*p.size), from.bytes(uintptr(n)*p.size))
	case n == 1:
		to.value(p.typ).Set(from.value(p.typ))
	default:
		reflect.Copy(to.array(p.typ, n), from.array(p.typ, n))
	}
}
