package profile

import (
	"context"
	"hash/maphash"
	"runtime"
	"slices"
	"strings"
)

// unsampled is the number of calls of a statement before its call sites are
// recorded: most statements of a request run once or twice.
const unsampled = 2

// A Stack is the stack of a goroutine, innermost frame first.
type Stack struct {
	pcs [64]uintptr
	n   int
}

// A site is a place that sends a statement: the stack of a goroutine, in which
// a recursion counts once, however deep.
type site struct {
	hash      uint64
	stack     Stack
	distinct  int64 // calls with other arguments each
	identical int64 // calls with arguments that an earlier call had
}

var siteSeed = maphash.MakeSeed()

// Callers returns the stack of the calling goroutine.
func Callers() *Stack {
	s := new(Stack)
	s.Record()
	return s
}

// Record sets s to the stack of the calling goroutine.
func (s *Stack) Record() { s.n = runtime.Callers(2, s.pcs[:]) }

// WithCaller returns a context whose statements count as sent by the calling
// goroutine, for work that continues in another goroutine. Without a span it
// returns ctx.
func WithCaller(ctx context.Context) context.Context {
	sc, ok := ctx.Value(scopeKey{}).(*scope)
	if !ok {
		return ctx
	}
	return context.WithValue(ctx, scopeKey{}, &scope{span: sc.span, caller: Callers()})
}

// callerOf returns the stack that a statement is sent from, until the next call.
// Called with mu held.
func (t *root) callerOf(ctx context.Context) *Stack {
	if sc, ok := ctx.Value(scopeKey{}).(*scope); ok && sc.caller != nil {
		return sc.caller
	}
	t.stack.Record()
	return &t.stack
}

// note returns the site of the given stack, to count a call. Beyond maxSites it
// replaces the site with the fewest calls.
func (st *statement) note(stack *Stack) *site {
	unique := stack.unique()
	hash := unique.hash()
	for i := range st.sites {
		if st.sites[i].hash == hash {
			return &st.sites[i]
		}
	}
	if len(st.sites) < maxSites {
		st.sites = append(st.sites, site{hash: hash, stack: unique})
		return &st.sites[len(st.sites)-1]
	}
	rarest := &st.sites[0]
	for i := range st.sites {
		if s := &st.sites[i]; s.distinct+s.identical < rarest.distinct+rarest.identical {
			rarest = s
		}
	}
	*rarest = site{hash: hash, stack: unique}
	return rarest
}

// unique returns the stack with each program counter once, so that the calls of
// a recursion have equal stacks.
func (s *Stack) unique() Stack {
	var out Stack
	for _, pc := range s.pcs[:s.n] {
		if !slices.Contains(out.pcs[:out.n], pc) {
			out.pcs[out.n] = pc
			out.n++
		}
	}
	return out
}

func (s *Stack) hash() uint64 {
	var h maphash.Hash
	h.SetSeed(siteSeed)
	for _, pc := range s.pcs[:s.n] {
		maphash.WriteComparable(&h, pc)
	}
	return h.Sum64()
}

// A Frame is a place in the source of a program.
type Frame struct {
	Function, File string
	Line           int
}

// maxFrames is the number of frames that are shown of a stack.
const maxFrames = 12

// Frames returns the innermost frames of the program, without those of this
// module, of pgx and of the standard library's machinery.
func (s *Stack) Frames() []Frame {
	var out []Frame
	s.each(func(f runtime.Frame) bool {
		if !isLibrary(f.Function, f.File) {
			out = append(out, Frame{f.Function, f.File, f.Line})
		}
		return len(out) < maxFrames
	})
	return out
}

// each calls fn with the frames until it returns false.
func (s *Stack) each(fn func(runtime.Frame) bool) {
	if s.n == 0 {
		return
	}
	frames := runtime.CallersFrames(s.pcs[:s.n])
	for {
		f, more := frames.Next()
		if !fn(f) || !more {
			return
		}
	}
}

const module = "github.com/headrace/headrace/"

// others are the beginnings of functions that are not the program's.
var others = []string{"github.com/jackc/", "golang.org/x/sync/", "runtime.", "testing.", "net/http.", "sync.", "iter.", "slices.", "database/sql."}

// sourceRoot is the folder of this module's source, as it is in stacks.
var sourceRoot = func() string {
	_, file, _, _ := runtime.Caller(0)
	return strings.TrimSuffix(file, "internal/profile/site.go")
}()

// isLibrary reports whether a frame is of this module's packages or of others.
// Tests of this module are programs. The name of a function may be that of the
// program's function that it was inlined into, so its file decides.
func isLibrary(function, file string) bool {
	for _, prefix := range others {
		if strings.HasPrefix(function, prefix) {
			return true
		}
	}
	rest, ours := strings.CutPrefix(file, sourceRoot)
	if !ours || strings.HasSuffix(file, "_test.go") {
		return false
	}
	for _, folder := range []string{"db/", "querycache/", "batchinsert/", "migrations/", "internal/"} {
		if strings.HasPrefix(rest, folder) {
			return true
		}
	}
	return false
}

// inLoop reports whether the stack is one of this module's own loops, which
// send many rows or keys with each statement: pages, bulk writes, migrations.
func (s *Stack) inLoop() bool {
	found := false
	s.each(func(f runtime.Frame) bool {
		rest, ours := strings.CutPrefix(f.Function, module)
		if ours && !strings.HasSuffix(f.File, "_test.go") {
			found = strings.HasPrefix(rest, "batchinsert.") || strings.HasPrefix(rest, "internal/load.") || strings.HasPrefix(rest, "migrations.") ||
				strings.HasPrefix(rest, "db.") && (strings.HasSuffix(rest, ".Page") || strings.HasPrefix(rest, "db.Paginate"))
		}
		return !found
	})
	return found
}
