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

// An request is a question for the server that somebody waits for: what a
// statement does, or whether the schema has changed. Inquiries that wait at the
// same time are answered together, by one goroutine that ends when none is left.
type request struct {
	requestKey
	done chan struct{} // closed when there is an answer, or err is set
	err  error
}

// An requestKey tells what is asked. The zero key asks for a look at the schema.
type requestKey struct {
	st    *statement
	scope catalog.NameScope
	reads bool // what st reads is asked for as well
}

// wait waits for the answer, or for the end of ctx.
func (q *request) wait(ctx context.Context) error {
	select {
	case <-q.done:
		return q.err
	case <-ctx.Done():
		return fmt.Errorf("wait for the server to be asked: %w", ctx.Err())
	}
}

// requests are those of a handle.
type requests struct {
	mu      sync.Mutex
	waiting map[requestKey]*request // not asked yet; guarded by mu, as are
	order   []*request
	idle    []*request // nobody waits for these
	running bool
	closed  bool
	failed  error         // why the server could not be asked
	until   time.Duration // clock until which it is not asked again; 0 if it could be
	pause   time.Duration // how long that lasted

	ctx    context.Context // ends with the handle
	cancel context.CancelFunc
	group  sync.WaitGroup
}

const (
	maxBatch = 100         // requests that are answered together
	maxPause = time.Minute // in which the server is not asked, after it could not be
)

func (i *requests) init() {
	i.waiting = make(map[requestKey]*request)
	i.ctx, i.cancel = context.WithCancel(context.Background())
}

// request asks a question, or joins whoever has asked the same and waits.
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

// requestIdly asks questions that nobody waits for, after all others.
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

// answer makes sure that somebody answers. mu is held.
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

// take returns the next requests, nil when there are none.
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
		return // nobody is notified: what is in doubt stays so
	}
	i.group.Go(func() { fn(i.ctx) })
}

// stop ends all requests and what waits for them in the background.
func (i *requests) stop() {
	i.mu.Lock()
	i.closed = true
	i.cancel()
	i.mu.Unlock()
	i.group.Wait()
}

// note takes note of whether the server could be asked. Where it could not, it
// is left alone for a while.
func (i *requests) note(err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.failed = err
	if err == nil {
		i.until, i.pause = 0, 0
		return
	}
	if i.until > clock.Now() {
		return // this was asked before it was left alone
	}
	i.pause = pauseAfter(err, i.pause)
	i.until = clock.Now() + i.pause
}

// serverIsBack notes that the pool has made a connection: a server that was not
// there is asked again at once. One that refuses to tell would do so again.
func (i *requests) serverIsBack() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if _, absent := errors.AsType[*pgconn.ConnectError](i.failed); absent {
		i.until, i.pause = 0, 0
	}
}

// pauseAfter returns for how long the server is left alone that could not be
// asked, before that for the given time. One that refuses, as a pooler does that
// knows no transactions, or that is not there will do so the next time as well.
// One that ended a connection of this kind is there, and takes the next.
func pauseAfter(err error, before time.Duration) time.Duration {
	if errors.Is(err, errBroke) || connecterror.EndedByServer(err) {
		return examinerRetryWait
	}
	return min(max(examinerBackoff, 2*before), maxPause)
}

// examineBatch answers requests. A connection that breaks meanwhile is replaced at
// once, and another time after a moment.
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
			return err // the next time there may be one
		}
		if err == nil || errors.Is(err, errExaminerClosed) {
			break
		}
	}
	t.requests.note(err)
	return err
}

var errBroke = errors.New("the examining connection broke")

// An examination answers a batch of requests on one connection.
type examination struct {
	tracker *Tracker
	at      *Database
	conn    *pgx.Conn
	batch   []*request

	version int64 // of the schema before catalog.AnyScope was asked
}

func (x *examination) run(ctx context.Context) error {
	x.version = x.at.schema.version.Load()
	if err := x.checkSchema(ctx); err != nil {
		return err
	}
	if err := x.askNames(ctx); err != nil {
		return err
	}
	return x.askParser(ctx)
}

// look looks at the schema, where somebody asks for that or where what is known
// of a statement has to be confirmed.
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
		return fmt.Errorf("look at the schema: %w", err)
	}
	examineAgain(outdated)
	return nil
}

// unconfirmed reports whether something is known of the statement that a look
// may confirm.
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

// known returns the last answer to q, which may be out of date.
func (q *request) known() *effects {
	if q.reads {
		return q.st.effects.Load()
	}
	return q.st.writeEffects[q.scope].Load()
}

// examineAgain has effects that are in use examined again, by the handles that
// use them.
func examineAgain(outdated []*effects) {
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

// askNames answers, by the names in texts, what statements change. One answer
// stands for all statements of a shape.
func (x *examination) askNames(ctx context.Context) error {
	var questions []catalog.Question
	var first []*request // of each question
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
				if q.scope != catalog.PathScope { // else the parser may know, or says why not
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

// storeNames stores what names tell, unless the parser is still to be asked.
func (x *examination) storeNames(q *request, e *effects) {
	if e.full.WritesKnown || q.scope != catalog.PathScope {
		q.st.writeEffects[q.scope].Store(e)
	}
}

// askParser has the server parse statements of which more has to be known than
// names tell.
func (x *examination) askParser(ctx context.Context) error {
	var questions []catalog.Question
	byStatement := make(map[*statement][]*request)
	var first []*request
	for _, q := range x.batch {
		switch {
		case q.st == nil, q.err != nil, x.answered(q), !q.reads && q.scope == catalog.PathScope && x.useParsed(q):
		case q.scope != catalog.PathScope, q.st.Kind == sqltext.Unrecognized, q.st.Count != 1:
			// No connection but the statement's own knows what its names stand for, or it is no statement.
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

// answered reports whether q has an answer.
func (x *examination) answered(q *request) bool { return q.known().validIn(x.at) }

// useParsed answers what a statement changes by what the parser has told.
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
