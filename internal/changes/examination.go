package changes

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/internal/catalog"
	"github.com/headrace/headrace/internal/clock"
	"github.com/headrace/headrace/internal/connecterror"
	"github.com/headrace/headrace/internal/retry"
	"github.com/headrace/headrace/internal/sqltext"
)

// A request asks for an examination: of the effects of a statement, or of
// whether the schema has changed. One goroutine processes all waiting requests
// in batches, and ends when none is left.
type request struct {
	requestKey
	done chan struct{} // closed when the effects are stored, or err is set
	err  error
}

// A requestKey identifies what is requested. The zero key requests a check of
// the schema.
type requestKey struct {
	st    *statement
	scope catalog.NameScope
	reads bool // includes what st reads
}

// wait waits for the examination, or for the end of ctx.
func (q *request) wait(ctx context.Context) error {
	select {
	case <-q.done:
		return q.err
	case <-ctx.Done():
		return fmt.Errorf("wait for an examination: %w", ctx.Err())
	}
}

// requests holds the requests of a handle.
type requests struct {
	mu      sync.Mutex
	waiting map[requestKey]*request // not begun yet; this and the fields below are guarded by mu
	order   []*request
	idle    []*request // background requests, processed after all others
	running bool
	closed  bool
	failed  error         // why the last examination failed
	until   time.Duration // clock.Now at which the pause after a failure ends; 0 for none
	pause   time.Duration // length of that pause

	ctx    context.Context // ends with the handle
	cancel context.CancelFunc
	group  sync.WaitGroup
}

const (
	maxBatch = 100         // requests processed in one examination
	maxPause = time.Minute // longest pause after a failed examination
)

func (i *requests) init() {
	i.waiting = make(map[requestKey]*request)
	i.ctx, i.cancel = context.WithCancel(context.Background())
}

// request requests an examination, or returns the waiting request for the same.
func (t *Tracker) request(key requestKey) *request {
	i := &t.requests
	i.mu.Lock()
	defer i.mu.Unlock()
	if q := i.waiting[key]; q != nil {
		return q
	}
	q := &request{requestKey: key, done: make(chan struct{})}
	switch {
	case i.closed:
		q.err = errExaminerClosed
	case i.until > clock.Now():
		q.err = i.failed
	}
	if q.err != nil {
		close(q.done)
		return q
	}
	i.waiting[key] = q
	i.order = append(i.order, q)
	t.startExamining()
	return q
}

// requestIdly adds background requests, which are processed after all others.
func (t *Tracker) requestIdly(keys []requestKey) {
	i := &t.requests
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed || i.until > clock.Now() {
		return
	}
	for _, key := range keys {
		i.idle = append(i.idle, &request{requestKey: key, done: make(chan struct{})})
	}
	t.startExamining()
}

// startExamining makes sure that a goroutine processes the requests. Called
// with mu held.
func (t *Tracker) startExamining() {
	i := &t.requests
	if i.running || len(i.order)+len(i.idle) == 0 {
		return
	}
	i.running = true
	i.group.Go(func() {
		for batch := i.take(); batch != nil; batch = i.take() {
			err := t.examineBatch(batch)
			for _, q := range batch {
				if q.err == nil {
					q.err = err
				}
				close(q.done)
			}
		}
	})
}

// take returns the next batch of requests, nil if there are none.
func (i *requests) take() []*request {
	i.mu.Lock()
	defer i.mu.Unlock()
	from := &i.order
	if len(i.order) == 0 {
		from = &i.idle
	}
	n := min(len(*from), maxBatch)
	if n == 0 {
		i.running = false
		i.order, i.idle = nil, nil
		return nil
	}
	batch := (*from)[:n]
	*from = (*from)[n:]
	if from == &i.order {
		for _, q := range batch {
			delete(i.waiting, q.requestKey)
		}
	}
	return batch
}

// inBackground runs fn in the background, until the handle is closed.
func (i *requests) inBackground(fn func(ctx context.Context)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed {
		return // never resolved: what is in doubt stays so
	}
	i.group.Go(func() { fn(i.ctx) })
}

// stop ends all requests and the background work that waits for them.
func (i *requests) stop() {
	i.mu.Lock()
	i.closed = true
	i.cancel()
	i.mu.Unlock()
	i.group.Wait()
}

// note records whether an examination succeeded. After a failure the server is
// not asked for a while.
func (i *requests) note(err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.failed = err
	if err == nil {
		i.until, i.pause = 0, 0
		return
	}
	if i.until > clock.Now() {
		return // this examination began before the pause
	}
	i.pause = pauseAfter(err, i.pause)
	i.until = clock.Now() + i.pause
}

// serverIsBack records that the pool has made a connection: a server that was
// unreachable is asked again at once. A server that rejected the examination
// would do so again.
func (i *requests) serverIsBack() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if _, absent := errors.AsType[*pgconn.ConnectError](i.failed); absent {
		i.until, i.pause = 0, 0
	}
}

// pauseAfter returns the pause after a failed examination, given the previous
// pause. A server that rejects examinations, as a pooler without transactions
// does, or that is unreachable will do so the next time as well. A server that
// closed the examiner's connection is reachable and accepts the next one.
func pauseAfter(err error, before time.Duration) time.Duration {
	if errors.Is(err, errBroke) || connecterror.EndedByServer(err) {
		return examinerRetryWait
	}
	return min(max(examinerBackoff, 2*before), maxPause)
}

// examineBatch processes requests. It replaces a broken connection at once, and
// a second time after a moment.
func (t *Tracker) examineBatch(batch []*request) (err error) {
	ctx := t.requests.ctx
	for run := range 3 {
		if run == 2 && retry.Sleep(ctx, examinerRetryWait) != nil {
			break
		}
		err = t.examiner.do(ctx, func(ctx context.Context, conn *pgx.Conn) error {
			at, err := t.examinerPlace(ctx, conn)
			if err != nil {
				closeNow(conn)
				return err
			}
			x := examination{tracker: t, at: at, conn: conn, batch: batch}
			err = x.run(ctx)
			if err == nil && conn.IsClosed() {
				err = errBroke
			}
			return err
		})
		if errors.Is(err, errNoneIdle) {
			return err // the next attempt may find one
		}
		if err == nil || errors.Is(err, errExaminerClosed) {
			break
		}
	}
	t.requests.note(err)
	return err
}

var errBroke = errors.New("the examining connection broke")

// An examination processes a batch of requests on one connection.
type examination struct {
	tracker *Tracker
	at      *Database
	conn    *pgx.Conn
	batch   []*request

	version int64 // the schema version at the begin
}

func (x *examination) run(ctx context.Context) error {
	x.version = x.at.schema.version.Load()
	if err := x.checkSchema(ctx); err != nil {
		return err
	}
	if err := x.examineNames(ctx); err != nil {
		return err
	}
	return x.examineParsed(ctx)
}

// checkSchema checks the schema, if a request asks for that or the known
// effects of a statement have to be confirmed.
func (x *examination) checkSchema(ctx context.Context) error {
	needed := false
	for _, q := range x.batch {
		needed = needed || q.st == nil || x.unconfirmed(q)
	}
	if !needed {
		return nil
	}
	outdated, err := x.at.schema.check(ctx, x.conn)
	if err != nil {
		return fmt.Errorf("check the schema: %w", err)
	}
	reexamine(outdated)
	return nil
}

// unconfirmed reports whether the statement has known effects that checking the
// schema may confirm.
func (x *examination) unconfirmed(q *request) bool {
	if q.st == nil {
		return false
	}
	e := q.known()
	if e == nil && q.scope == catalog.PathScope {
		e = q.st.effects.Load()
	}
	return e != nil && e.database == x.at && !e.outdated.Load() && !e.validIn(x.at)
}

// known returns the last effects for q, which may be out of date.
func (q *request) known() *effects {
	if q.reads {
		return q.st.effects.Load()
	}
	return q.st.writeEffects[q.scope].Load()
}

// reexamine requests a new examination of outdated effects, from the handles
// that use them.
func reexamine(outdated []*effects) {
	byHandle := make(map[*Tracker][]requestKey)
	for _, e := range outdated {
		if e.of.listeners.none() {
			continue
		}
		byHandle[e.of] = append(byHandle[e.of], requestKey{st: e.st, scope: e.scope, reads: !e.byNames})
	}
	for t, keys := range byHandle {
		t.requestIdly(keys)
	}
}

// examineNames finds out what statements change by the names in their texts.
// One examination serves all statements with the same names.
func (x *examination) examineNames(ctx context.Context) error {
	var questions []catalog.Question
	var first []*request // the first request of each question
	byNames := make(map[namesKey][]*request)
	for _, q := range x.batch {
		if q.st == nil || q.reads || x.answered(q) {
			continue
		}
		names, ok := catalog.NamesOf(q.st.Statement)
		if !ok {
			continue
		}
		key := namesKey{names.Key, q.scope}
		if e := x.tracker.names.get(key); e.validIn(x.at) {
			x.storeNames(q, e)
			continue
		}
		if byNames[key] == nil {
			questions = append(questions, catalog.Question{Names: &names, Scope: q.scope})
			first = append(first, q)
		}
		byNames[key] = append(byNames[key], q)
	}
	for n, answer := range x.examine(ctx, questions) {
		if answer.Err != nil {
			if x.conn.IsClosed() {
				return answer.Err
			}
			for _, q := range byNames[namesKey{questions[n].Names.Key, first[n].scope}] {
				if q.scope != catalog.PathScope { // otherwise the parser may know, or reports an error
					q.err = answer.Err
				}
			}
			continue
		}
		e := x.effects(first[n], &answer.Effects)
		e.byNames = true
		x.at.schema.add(e)
		key := namesKey{questions[n].Names.Key, first[n].scope}
		x.tracker.names.put(key, e)
		for _, q := range byNames[key] {
			x.storeNames(q, e)
		}
	}
	return nil
}

// storeNames stores effects found by names, unless the parser still has to be
// asked.
func (x *examination) storeNames(q *request, e *effects) {
	if e.full.WritesKnown || q.scope != catalog.PathScope {
		q.st.writeEffects[q.scope].Store(e)
	}
}

// examineParsed has the server parse statements whose names do not tell enough.
func (x *examination) examineParsed(ctx context.Context) error {
	var questions []catalog.Question
	byStatement := make(map[*statement][]*request)
	var first []*request
	for _, q := range x.batch {
		switch {
		case q.st == nil, q.err != nil, x.answered(q), !q.reads && q.scope == catalog.PathScope && x.useParsed(q):
		case q.scope != catalog.PathScope, q.st.Kind == sqltext.Unrecognized, q.st.Count != 1:
			// Only the statement's own connection knows what its names resolve
			// to, or it is not one statement.
			x.store(q, x.effects(q, &catalog.Effects{}))
		default:
			if byStatement[q.st] == nil {
				questions = append(questions, catalog.Question{Statement: q.st.Statement})
				first = append(first, q)
			}
			byStatement[q.st] = append(byStatement[q.st], q)
		}
	}
	for n, answer := range x.examine(ctx, questions) {
		asked := byStatement[first[n].st]
		if answer.Err != nil {
			if x.conn.IsClosed() {
				return answer.Err
			}
			for _, q := range asked {
				q.err = answer.Err
			}
			continue
		}
		e := x.effects(first[n], &answer.Effects)
		x.at.schema.add(e)
		for _, q := range asked {
			x.store(q, e)
		}
	}
	return nil
}

// answered reports whether the effects for q are known.
func (x *examination) answered(q *request) bool { return q.known().validIn(x.at) }

// useParsed stores the effects that the parser reported as the write effects,
// if they are valid.
func (x *examination) useParsed(q *request) bool {
	e := q.st.effects.Load()
	if !e.validIn(x.at) {
		return false
	}
	q.st.writeEffects[catalog.PathScope].Store(e)
	return true
}

func (x *examination) store(q *request, e *effects) {
	if q.scope == catalog.PathScope {
		q.st.effects.Store(e)
	}
	q.st.writeEffects[q.scope].Store(e)
}

func (x *examination) examine(ctx context.Context, questions []catalog.Question) []catalog.Answer {
	if len(questions) == 0 {
		return nil
	}
	return catalog.ExamineAll(ctx, x.conn, questions)
}

func (x *examination) effects(q *request, full *catalog.Effects) *effects {
	e := &effects{database: x.at, full: *full, writes: changesOf(full.Writes, full.Ancestors), since: x.version, of: x.tracker, st: q.st, scope: q.scope}
	e.version.Store(x.version)
	e.public = &Effects{Effects: e.full, Database: x.at, used: e}
	return e
}
